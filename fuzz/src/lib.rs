//! What is fuzzed: each function reads bytes as one part of the engine does, and says in a word what came of it.

use omnicache::compress::decompress;
use omnicache::far::record::{Header, open};
use omnicache::key;
use omnicache::pack::{
    Broken, Head, MAX_DEPTH, Reader, ext, read_clock, read_date, read_delta, read_zone,
};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A function that is fuzzed.
pub type Target = fn(&[u8]) -> String;

/// All of them, with the names of their corpora.
pub const TARGETS: [(&str, Target); 4] = [
    ("record", record),
    ("native", native),
    ("key", key),
    ("compressed", compressed),
];

const KEY: &[u8] = b"key";

/// The envelope: as it is, and with its checksums put right, so that what lies behind them is reached.
pub fn record(data: &[u8]) -> String {
    let plain = read_record(data);
    let mut repaired = data.to_vec();
    repair(&mut repaired);
    format!("{plain} {}", read_record(&repaired))
}

fn read_record(data: &[u8]) -> String {
    match open(data, KEY) {
        Ok((header, payload)) => {
            let tags: Vec<_> = header.tags().collect();
            assert_eq!(header.has_tags(), !tags.is_empty());
            assert_eq!(header.payload_len, payload.len() as u64);
            let again = header.rewrite(&header.terms, None, KEY);
            let (read, rest) = Header::parse(&again, KEY).expect("what was read can be written");
            assert!(rest.is_empty());
            assert_eq!(read.terms, header.terms);
            assert!(read.tags().eq(tags.iter().copied()));
            format!("record with {} tags", tags.len().min(3))
        }
        Err(error) => word(&error),
    }
}

/// Puts the checksums of a record right, as far as there is room for them.
fn repair(data: &mut [u8]) {
    if data.len() < 52 {
        return;
    }
    let tags_at = 52 + if data[4] & 0x80 != 0 { 8 } else { 0 };
    let tags_len = u32::from_le_bytes([data[32], data[33], data[34], data[35]]) as usize;
    let sum_at = tags_at + tags_len;
    if data.len() < sum_at + 8 {
        return;
    }
    let (len, sum) = {
        let payload = &data[sum_at + 8..];
        (payload.len() as u64, xxh3_64(payload))
    };
    data[36..44].copy_from_slice(&len.to_le_bytes());
    data[44..52].copy_from_slice(&sum.to_le_bytes());
    let sum = xxh3_64_with_seed(&data[..sum_at], xxh3_64(KEY));
    data[sum_at..sum_at + 8].copy_from_slice(&sum.to_le_bytes());
}

/// The reader of values: item by item, as the decoder of Python's objects walks.
pub fn native(data: &[u8]) -> String {
    let mut reader = Reader::new(data);
    let mut items = 0;
    let end = walk(&mut reader, data.len(), 0, &mut items);
    assert!(items <= data.len(), "more items than bytes");
    assert!(reader.at() <= data.len());
    match end {
        Ok(kind) if reader.at() == data.len() => format!("{kind} of {}", items.min(9)),
        Ok(kind) => format!("{kind}, and more"),
        Err(broken) => word(&broken),
    }
}

fn walk(
    reader: &mut Reader<'_>,
    limit: usize,
    depth: u32,
    items: &mut usize,
) -> Result<&'static str, Broken> {
    let head = reader.head(limit)?;
    *items += 1;
    match head {
        Head::Nil => Ok("nothing"),
        Head::Bool(_) => Ok("bool"),
        Head::Int(_) | Head::Uint(_) => Ok("int"),
        Head::Float(_) => Ok("float"),
        Head::Str(bytes) => Ok(if std::str::from_utf8(bytes).is_ok() {
            "text"
        } else {
            "no text"
        }),
        Head::Bin(_) => Ok("bytes"),
        Head::Array(count) => {
            run(reader, count, limit, depth, items)?;
            Ok("array")
        }
        Head::Map(count) => {
            run(reader, 2 * count, limit, depth, items)?;
            Ok("map")
        }
        Head::Ext(code, end) => {
            assert!(end <= limit);
            extension(reader, code, end, depth, items)
        }
    }
}

/// So many values, each of which leaves room for those after it.
fn run(
    reader: &mut Reader<'_>,
    count: usize,
    limit: usize,
    depth: u32,
    items: &mut usize,
) -> Result<(), Broken> {
    if depth >= MAX_DEPTH {
        return Err(Broken::Deep);
    }
    for at in 0..count {
        walk(reader, limit - (count - at - 1), depth + 1, items)?;
    }
    Ok(())
}

fn extension(
    reader: &mut Reader<'_>,
    code: i8,
    end: usize,
    depth: u32,
    items: &mut usize,
) -> Result<&'static str, Broken> {
    match code {
        ext::TUPLE | ext::SET | ext::FROZENSET | ext::ENUM => {
            if depth >= MAX_DEPTH {
                return Err(Broken::Deep);
            }
            walk(reader, end, depth + 1, items)?;
            Ok("container")
        }
        ext::DATE => read_date(&mut reader.rest(end)).map(|_| "date"),
        ext::TIME => read_clock(&mut reader.rest(end)).map(|_| "time"),
        ext::DATETIME => {
            let mut rest = reader.rest(end);
            read_date(&mut rest)?;
            read_clock(&mut rest)?;
            read_zone(&mut rest)?;
            Ok("moment")
        }
        ext::TIMEDELTA => read_delta(&mut reader.rest(end)).map(|_| "delta"),
        _ => {
            reader.rest(end);
            Ok("other")
        }
    }
}

/// The canonical bytes of keys: what can be read is what would be written.
pub fn key(data: &[u8]) -> String {
    match key::decode(data) {
        Ok(value) => {
            let shown = format!("{value:?}");
            shown
                .chars()
                .take_while(|it| it.is_alphanumeric())
                .collect()
        }
        Err(error) => word(&error),
    }
}

/// Compressed payloads, of which some promise more than they are.
pub fn compressed(data: &[u8]) -> String {
    match decompress(data, 1 << 20) {
        Ok(out) => {
            assert!(out.len() <= 1 << 20);
            format!("{} bytes", out.len().min(3))
        }
        Err(error) => word(&error),
    }
}

/// What kind of error it is.
fn word(error: &impl std::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    shown
        .chars()
        .take_while(|it| it.is_alphanumeric())
        .collect()
}
