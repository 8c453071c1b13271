//! Properties of the format: round trip, order independence, injectivity, and a reader that takes any bytes.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn words() -> impl Strategy<Value = Text> {
    prop_oneof![
        "[a-c]{0,3}".prop_map(|text| Text::from(text.as_str())),
        any::<String>().prop_map(|text| Text::from(text.as_str())),
        // A lone surrogate between two words.
        ("[a-c]{0,2}", 0xA0..=0xBF_u8, 0x80..=0xBF_u8, "[a-c]{0,2}").prop_map(
            |(before, high, low, after)| {
                let mut bytes = before.into_bytes();
                bytes.extend([0xED, high, low]);
                bytes.extend(after.into_bytes());
                Text::from_wtf8(bytes).expect("a surrogate is well formed")
            }
        ),
    ]
}

fn dates() -> impl Strategy<Value = Date> {
    (1..=9999_u16, 1..=12_u8, 1..=28_u8).prop_map(|(year, month, day)| Date { year, month, day })
}

fn clocks() -> impl Strategy<Value = Clock> {
    (
        0..24_u8,
        0..60_u8,
        0..60_u8,
        0..1_000_000_u32,
        any::<bool>(),
    )
        .prop_map(|(hour, minute, second, micro, fold)| Clock {
            hour,
            minute,
            second,
            micro,
            fold,
        })
}

fn zones() -> impl Strategy<Value = Option<Zone>> {
    let kinds = prop_oneof![
        Just(ZoneKind::Fixed),
        Just(ZoneKind::Database),
        Just(ZoneKind::Other)
    ];
    let offsets = option::of(-86_399_999_999..=86_399_999_999_i64);
    option::of(
        (kinds, offsets, words()).prop_map(|(kind, offset, name)| Zone { kind, offset, name }),
    )
}

fn scalars() -> impl Strategy<Value = KeyValue> {
    let decimals = (
        "-?",
        "(0|[1-9][0-9]{0,4})E(0|-?[1-9][0-9]{0,2})|Infinity|s?NaN([1-9][0-9]?)?",
    );
    prop_oneof![
        Just(KeyValue::None),
        any::<bool>().prop_map(KeyValue::Bool),
        any::<i64>().prop_map(KeyValue::Int),
        (-3..3_i64).prop_map(KeyValue::Int),
        any::<i128>().prop_map(big),
        any::<f64>().prop_map(|value| KeyValue::Float(value.into())),
        words().prop_map(KeyValue::Str),
        vec(any::<u8>(), 0..200).prop_map(KeyValue::Bytes),
        (dates(), clocks(), zones())
            .prop_map(|(date, clock, zone)| KeyValue::DateTime(date, clock, zone)),
        dates().prop_map(KeyValue::Date),
        (clocks(), zones()).prop_map(|(clock, zone)| KeyValue::Time(clock, zone)),
        any::<i64>().prop_map(|micros| KeyValue::TimeDelta(i128::from(micros) * 7)),
        decimals.prop_map(|(sign, rest)| KeyValue::Decimal(sign + &rest)),
        any::<u128>().prop_map(KeyValue::Uuid),
        (any::<bool>(), words()).prop_map(|(windows, text)| KeyValue::Path { windows, text }),
        words().prop_map(|name| KeyValue::Reference(RefKind::Class, name)),
        words().prop_map(|name| KeyValue::Reference(RefKind::Function, name)),
        (words(), words()).prop_map(|(ty, name)| named(NamedKind::Enum, ty, KeyValue::Str(name))),
    ]
}

fn big(value: i128) -> KeyValue {
    match i64::try_from(value) {
        Ok(small) => KeyValue::Int(small),
        Err(_) => KeyValue::BigInt(number::shortest(&value.to_be_bytes()).to_vec()),
    }
}

fn named(kind: NamedKind, ty: Text, value: KeyValue) -> KeyValue {
    KeyValue::Named(kind, ty, Box::new(value))
}

fn values() -> impl Strategy<Value = KeyValue> {
    scalars().prop_recursive(4, 40, 5, |inner| {
        let pairs = vec((inner.clone(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(KeyValue::Tuple),
            vec(inner.clone(), 0..5).prop_map(KeyValue::List),
            pairs.clone().prop_map(KeyValue::Dict),
            vec(inner.clone(), 0..5).prop_map(KeyValue::Set),
            vec(inner.clone(), 0..5).prop_map(KeyValue::FrozenSet),
            (words(), pairs).prop_map(|(ty, fields)| named(
                NamedKind::Object,
                ty,
                KeyValue::Dict(fields)
            )),
            (words(), inner).prop_map(|(ty, value)| named(NamedKind::Custom, ty, value)),
        ]
    })
}

/// The same value with dict items and set members in one order: the order of the values, not of their bytes.
fn normal(value: &KeyValue) -> KeyValue {
    let all = |items: &[KeyValue]| items.iter().map(normal).collect::<Vec<_>>();
    let members = |items: &[KeyValue]| {
        let mut members = all(items);
        members.sort();
        members.dedup();
        members
    };
    match value {
        KeyValue::Tuple(items) => KeyValue::Tuple(all(items)),
        KeyValue::List(items) => KeyValue::List(all(items)),
        KeyValue::Dict(items) => {
            let mut items: Vec<_> = items
                .iter()
                .map(|(key, value)| (normal(key), normal(value)))
                .collect();
            items.sort();
            KeyValue::Dict(items)
        }
        KeyValue::Set(items) => KeyValue::Set(members(items)),
        KeyValue::FrozenSet(items) => KeyValue::FrozenSet(members(items)),
        KeyValue::Named(kind, ty, value) => named(*kind, ty.clone(), normal(value)),
        other => other.clone(),
    }
}

fn reversed(value: &KeyValue) -> KeyValue {
    let back = |items: &[KeyValue]| items.iter().rev().map(reversed).collect();
    match value {
        KeyValue::Tuple(items) => KeyValue::Tuple(items.iter().map(reversed).collect()),
        KeyValue::List(items) => KeyValue::List(items.iter().map(reversed).collect()),
        KeyValue::Dict(items) => KeyValue::Dict(
            items
                .iter()
                .rev()
                .map(|(key, value)| (reversed(key), reversed(value)))
                .collect(),
        ),
        KeyValue::Set(items) => KeyValue::Set(back(items)),
        KeyValue::FrozenSet(items) => KeyValue::FrozenSet(back(items)),
        KeyValue::Named(kind, ty, value) => named(*kind, ty.clone(), reversed(value)),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trip(value in values()) {
        let bytes = value.encode();
        let back = decode(&bytes).expect("what was written can be read");
        prop_assert_eq!(normal(&back), normal(&value));
        prop_assert_eq!(back.encode(), bytes);
    }

    #[test]
    fn order_does_not_matter(value in values()) {
        prop_assert_eq!(reversed(&value).encode(), value.encode());
    }

    #[test]
    fn equal_bytes_are_equal_values(a in values(), b in values()) {
        prop_assert_eq!(a.encode() == b.encode(), normal(&a) == normal(&b));
    }

    #[test]
    fn close_values_do_not_collide(items in vec(words(), 1..4), at in 0..4_usize) {
        // The same characters cut in other places.
        let at = at.min(items.len());
        let keys = |items: &[Text]| items.iter().cloned().map(KeyValue::Str).collect::<Vec<_>>();
        let flat = KeyValue::Tuple(keys(&items));
        let mut nested = keys(&items[..at]);
        nested.push(KeyValue::Tuple(keys(&items[at..])));
        prop_assert_ne!(flat.encode(), KeyValue::Tuple(nested).encode());
        let joined: Vec<u8> = items.iter().flat_map(|text| text.as_bytes().to_vec()).collect();
        let joined = KeyValue::Tuple(vec![KeyValue::Str(Text::from_wtf8(joined).expect("well formed"))]);
        prop_assert_eq!(flat.encode() == joined.encode(), items.len() == 1);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(value) = decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        text(&bytes);
    }

    #[test]
    fn damaged_keys_are_read_or_refused(value in values(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = value.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(value) = decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        bytes.truncate(at);
        if let Ok(value) = decode(&bytes) {
            prop_assert_eq!(value.encode(), bytes.clone());
        }
        text(&bytes);
    }
}

#[test]
fn a_str_key_reads_as_its_text() {
    assert_eq!(KeyValue::Str("user:1".into()).encode(), b"suser:1");
    assert_eq!(text(b"suser:1"), "user:1");
}

#[test]
fn the_bytes_are_fixed() {
    // Keys outlive the process that wrote them: a change here is a change of the format.
    let key = KeyValue::Tuple(vec![
        KeyValue::Str("app:load".into()),
        KeyValue::Int(-1),
        KeyValue::Float(1.5.into()),
        KeyValue::Dict(vec![
            (KeyValue::Str("b".into()), KeyValue::None),
            (KeyValue::Str("a".into()), KeyValue::Bool(true)),
        ]),
    ]);
    let expected = b"(\x09sapp:load\x03i-1\x09f\x3f\xf8\0\0\0\0\0\0\x0b{\x02sa\x01T\x02sb\x01N";
    assert_eq!(key.encode(), expected);
    assert_eq!(
        text(expected),
        "('app:load', -1, 1.5, {'a': True, 'b': None})"
    );
}

#[test]
fn one_nan_and_one_zero() {
    let encode = |value: f64| KeyValue::Float(value.into()).encode();
    assert_eq!(encode(f64::NAN), encode(-f64::NAN));
    assert_eq!(encode(0.0), encode(-0.0));
    assert_ne!(encode(f64::INFINITY), encode(f64::NEG_INFINITY));
}

#[test]
fn depth_has_a_limit() {
    let nest = |levels| (0..levels).fold(KeyValue::None, |inner, _| KeyValue::Tuple(vec![inner]));
    assert!(decode(&nest(MAX_DEPTH).encode()).is_ok());
    assert_eq!(
        decode(&nest(MAX_DEPTH + 1).encode()),
        Err(DecodeError::Deep)
    );
}

#[test]
fn only_the_form_that_is_written_is_read() {
    for bytes in [
        &b""[..],
        b"N1",
        b"i",
        b"i-0",
        b"i01",
        b"i+1",
        b"i9223372036854775808",
        b"I\x01",
        b"I\0\0\0\0\0\0\0\0\0",
        b"f\x80\0\0\0\0\0\0\0",
        b"f\x7f\xf8\0\0\0\0\0\x01",
        b"s\xff",
        b"s\xed\xa0",
        b"(\x00",
        b"(\x81\x00N",
        b"(\x02N",
        b"(\xff\xff\xff\xff\xff\xff\xff\xff\x7fN",
        b"<\x02i2\x02i1",
        b"<\x02i1\x02i1",
        b"{\x02i1",
        b"Y2023-02-29",
        b"H24:00:00.000000",
        b"H00:00:00.000000=86400000000:x",
        b"d1",
        b"d01E0",
        b"dNaN0",
        b"u0",
        b"/x",
        b"eN",
        b"q",
        b"o\x01aN",
        b"e\x01aN",
    ] {
        assert!(decode(bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn keys_read_well() {
    let zone = Zone {
        kind: ZoneKind::Database,
        offset: Some(7_200_000_000),
        name: "Europe/Berlin".into(),
    };
    let date = Date {
        year: 2024,
        month: 5,
        day: 6,
    };
    let clock = Clock {
        hour: 7,
        minute: 8,
        second: 9,
        micro: 0,
        fold: false,
    };
    let field = |name: &str, value| (KeyValue::Str(name.into()), value);
    let fields = KeyValue::Dict(vec![
        field("id", KeyValue::Int(1)),
        field("name", KeyValue::Str("it's".into())),
    ]);
    for (value, shown) in [
        (
            KeyValue::DateTime(date, clock, Some(zone)),
            "2024-05-06T07:08:09+02:00[Europe/Berlin]",
        ),
        (
            named(NamedKind::Object, "app:User".into(), fields),
            "app:User(id=1, name=\"it's\")",
        ),
        (
            named(
                NamedKind::Enum,
                "app:Color".into(),
                KeyValue::Str("RED".into()),
            ),
            "app:Color.RED",
        ),
        (
            named(NamedKind::Custom, "app:Money".into(), KeyValue::Int(3)),
            "app:Money(3)",
        ),
        (KeyValue::Tuple(vec![KeyValue::None]), "(None,)"),
        (KeyValue::TimeDelta(-1_500_000), "-1.500000s"),
        (big(-(1 << 70)), "-0x400000000000000000"),
        (big(1 << 70), "0x400000000000000000"),
        (KeyValue::Decimal("-100E-2".into()), "-1.00"),
        (KeyValue::Bytes(vec![0, b'a']), "b'\\x00a'"),
    ] {
        assert_eq!(text(&value.encode()), shown);
    }
}
