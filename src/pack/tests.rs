use super::*;
use crate::key::{Clock, Date};
use proptest::prelude::*;

/// A value as any `MessagePack` program would see it.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(u64),
    Str(String),
    Bin(Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Ext(i8, Vec<u8>),
    Frame(i8, Box<Value>),
}

fn len<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap()
}

fn write(out: &mut Writer, value: &Value) {
    match value {
        Value::Nil => out.nil(),
        Value::Bool(value) => out.bool(*value),
        Value::Int(value) => out.int(*value),
        Value::Uint(value) => out.uint(*value),
        Value::Float(bits) => out.float(f64::from_bits(*bits)),
        Value::Str(text) => out.str(text.as_bytes(), len(text.as_bytes())),
        Value::Bin(bytes) => out.bin(bytes, len(bytes)),
        Value::Array(items) => {
            out.array(len(items));
            for item in items {
                write(out, item);
            }
        }
        Value::Map(items) => {
            out.map(len(items));
            for (key, value) in items {
                write(out, key);
                write(out, value);
            }
        }
        Value::Ext(code, bytes) => out.ext(*code, bytes, len(bytes)),
        Value::Frame(code, inner) => {
            let frame = out.open(*code);
            write(out, inner);
            out.close(frame);
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Writer::default();
    write(&mut out, value);
    out.finish()
}

/// Reads a value; extensions with a negative type hold another one. Counts the items that containers claim.
fn read(
    from: &mut Reader<'_>,
    limit: usize,
    depth: u32,
    claimed: &mut usize,
) -> Result<Value, Broken> {
    if depth > MAX_DEPTH {
        return Err(Broken::Deep);
    }
    Ok(match from.head(limit)? {
        Head::Nil => Value::Nil,
        Head::Bool(value) => Value::Bool(value),
        Head::Int(value) => Value::Int(value),
        Head::Uint(value) => Value::Uint(value),
        Head::Float(value) => Value::Float(value.to_bits()),
        Head::Str(text) => Value::Str(String::from_utf8(text.to_vec()).map_err(|_| Broken::Value)?),
        Head::Bin(bytes) => Value::Bin(bytes.to_vec()),
        Head::Array(count) => {
            *claimed += count;
            let items = (1..=count)
                .map(|at| read(from, limit - (count - at), depth + 1, claimed))
                .collect::<Result<_, _>>()?;
            Value::Array(items)
        }
        Head::Map(count) => {
            *claimed += 2 * count;
            let mut items = Vec::with_capacity(count);
            for at in 1..=count {
                let after = 2 * (count - at);
                let key = read(from, limit - after - 1, depth + 1, claimed)?;
                items.push((key, read(from, limit - after, depth + 1, claimed)?));
            }
            Value::Map(items)
        }
        Head::Ext(code, end) if code < 0 => {
            let inner = read(from, end, depth + 1, claimed)?;
            if from.at() != end {
                return Err(Broken::Long);
            }
            Value::Frame(code, Box::new(inner))
        }
        Head::Ext(code, end) => Value::Ext(code, from.rest(end).to_vec()),
    })
}

fn read_all(data: &[u8]) -> (Result<Value, Broken>, usize) {
    let (mut from, mut claimed) = (Reader::new(data), 0);
    let value = read(&mut from, data.len(), 0, &mut claimed);
    (value, claimed)
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300_i64..70_000).prop_map(Value::Int),
        (1_u64 << 63..).prop_map(Value::Uint),
        any::<u64>().prop_map(Value::Float),
        ".{0,40}".prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bin),
        (0_i8.., prop::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(code, bytes)| Value::Ext(code, bytes)),
    ];
    leaf.prop_recursive(5, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner.clone()), 0..18).prop_map(Value::Map),
            (..0_i8, inner).prop_map(|(code, inner)| Value::Frame(code, Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in values()) {
        prop_assert_eq!(read_all(&bytes(&value)).0, Ok(value));
    }

    #[test]
    fn any_bytes_are_an_error_or_bounded(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, claimed) = read_all(&data);
        prop_assert!(claimed <= data.len(), "{claimed} items out of {} bytes", data.len());
    }

    #[test]
    fn damage_is_an_error_or_bounded(value in values(), at: prop::sample::Index, flip in 1_u8..) {
        let mut data = bytes(&value);
        let at = at.index(data.len());
        data[at] ^= flip;
        let (_, claimed) = read_all(&data);
        prop_assert!(claimed <= data.len());
    }

    #[test]
    fn nothing_is_whole_that_was_cut(value in values(), at: prop::sample::Index) {
        let data = bytes(&value);
        prop_assert!(read_all(&data[..at.index(data.len())]).0.is_err());
    }

    #[test]
    fn sorted_ranges_are_in_order(members in prop::collection::vec(any::<i64>(), 0..20)) {
        let mut out = Writer::default();
        out.array(len(&members));
        let mut ranges = Vec::new();
        for member in &members {
            let start = out.len();
            out.int(*member);
            ranges.push(start..out.len());
        }
        out.sort(&mut ranges);
        let Ok(Value::Array(read)) = read_all(&out.finish()).0 else {
            return Err(TestCaseError::fail("it is no array any more"));
        };
        let again: Vec<_> = read.iter().map(bytes).collect();
        prop_assert!(again.is_sorted());
        let mut expected: Vec<_> = members.iter().map(|member| bytes(&Value::Int(*member))).collect();
        expected.sort_unstable();
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn moments_come_back(
        (year, month, day) in (1_u16..10_000, 1_u8..13, 1_u8..32),
        (hour, minute, second, micro, fold) in (0_u8..24, 0_u8..60, 0_u8..60, 0_u32..1_000_000, any::<bool>()),
        offset in 1 - 86_400_000_000_i64..86_400_000_000,
        name in ".{0,9}",
        kind in 0..5,
    ) {
        let date = Date { year, month, day };
        let clock = Clock { hour, minute, second, micro, fold };
        let zone = match kind {
            0 => Zone::Naive,
            1 => Zone::Utc,
            2 => Zone::Fixed(offset),
            3 => Zone::Named(offset, name.as_bytes()),
            _ => Zone::Database(name.as_bytes()),
        };
        let mut out = Vec::new();
        push_date(&mut out, date);
        push_clock(&mut out, clock);
        push_zone(&mut out, &zone);
        let mut from = &out[..];
        prop_assert_eq!(read_date(&mut from), Ok(date));
        prop_assert_eq!(read_clock(&mut from), Ok(clock));
        prop_assert_eq!(read_zone(&mut from), Ok(zone));
        prop_assert!(from.is_empty());
    }

    #[test]
    fn differences_come_back(days in -999_999_999..1_000_000_000, seconds in 0_u32..86_400, micros in 0_u32..1_000_000) {
        let mut out = Vec::new();
        push_delta(&mut out, days, seconds, micros);
        prop_assert_eq!(read_delta(&mut &out[..]), Ok((days, seconds, micros)));
    }
}

#[test]
fn long_frames_get_longer_heads() {
    for size in [
        0, 1, 251, 252, 253, 254, 255, 256, 300, 65_530, 65_535, 65_536, 70_000,
    ] {
        let value = Value::Frame(-1, Box::new(Value::Bin(vec![7; size])));
        let outer = Value::Frame(-2, Box::new(Value::Array(vec![value.clone(), value])));
        assert_eq!(read_all(&bytes(&outer)).0, Ok(outer));
    }
}

#[test]
fn other_programs_may_choose_other_forms() {
    for (data, value) in [
        (
            &[0xca, 0x3f, 0xc0, 0, 0][..],
            Value::Float(1.5_f64.to_bits()),
        ),
        (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 7], Value::Int(7)),
        (&[0xdb, 0, 0, 0, 1, b'a'], Value::Str("a".into())),
        (&[0xd4, 5, 9], Value::Ext(5, vec![9])),
        (&[0xdd, 0, 0, 0, 1, 0xc0], Value::Array(vec![Value::Nil])),
    ] {
        assert_eq!(read_all(data).0, Ok(value));
    }
    assert_eq!(read_all(&[0xc1]).0, Err(Broken::Reserved));
    assert_eq!(read_all(&[]).0, Err(Broken::Short));
    assert_eq!(read_all(&[0x91; 1000]).0, Err(Broken::Deep));
    assert_eq!(
        read_all(&[0xdd, 0xff, 0xff, 0xff, 0xff]).0,
        Err(Broken::Short)
    );
}

#[test]
fn offsets_of_a_day_or_more_are_no_offsets() {
    for micros in [86_400_000_000_i64, -86_400_000_000, i64::MIN, i64::MAX] {
        assert_eq!(
            read_offset(&mut &micros.to_be_bytes()[..]),
            Err(Broken::Value)
        );
    }
    assert_eq!(read_zone(&mut &[9][..]), Err(Broken::Value));
    assert_eq!(read_delta(&mut &[0; 11][..]), Err(Broken::Short));
}
