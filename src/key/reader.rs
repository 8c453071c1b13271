//! From bytes back to a [`KeyValue`]: never panics, never allocates more than a small multiple of its input, and takes
//! nothing that the writer would not have written.

use thiserror::Error;

use super::moment::{Clock, Date, Zone};
use super::value::{Float, KeyValue, NamedKind, RefKind, Text};
use super::{MAX_DEPTH, number, tag};

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A frame or a value is cut short.
    #[error("not a key: the bytes end in the middle of a value")]
    Short,
    /// No value has this tag.
    #[error("not a key: no type has the tag {0:#04x}")]
    Tag(u8),
    /// The payload of a value with this tag is malformed, or not in the one form that is written.
    #[error("not a key: malformed value with the tag '{}'", char::from(*.0))]
    Payload(u8),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("not a key: nested more than {MAX_DEPTH} deep")]
    Deep,
}

/// The value that `bytes` are the canonical encoding of.
///
/// # Errors
/// [`DecodeError`] when they are not one.
pub fn decode(bytes: &[u8]) -> Result<KeyValue, DecodeError> {
    value(bytes, 0)
}

fn value(bytes: &[u8], depth: usize) -> Result<KeyValue, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::Deep);
    }
    let (&tag, payload) = bytes.split_first().ok_or(DecodeError::Short)?;
    match tag {
        tag::TUPLE => Ok(KeyValue::Tuple(items(payload, depth)?)),
        tag::LIST => Ok(KeyValue::List(items(payload, depth)?)),
        tag::SET => Ok(KeyValue::Set(members(payload, tag, depth)?)),
        tag::FROZENSET => Ok(KeyValue::FrozenSet(members(payload, tag, depth)?)),
        tag::DICT => dict(payload, depth),
        tag::ENUM => named(payload, NamedKind::Enum, depth),
        tag::OBJECT => named(payload, NamedKind::Object, depth),
        tag::CUSTOM => named(payload, NamedKind::Custom, depth),
        _ => scalar(tag, payload),
    }
}

fn scalar(tag: u8, payload: &[u8]) -> Result<KeyValue, DecodeError> {
    let bare = |value| payload.is_empty().then_some(value);
    let value = match tag {
        tag::NONE => bare(KeyValue::None),
        tag::TRUE => bare(KeyValue::Bool(true)),
        tag::FALSE => bare(KeyValue::Bool(false)),
        tag::INT => number::decimal(payload)
            .and_then(|n| i64::try_from(n).ok())
            .map(KeyValue::Int),
        tag::BIG_INT => (payload.len() > 8 && number::shortest(payload) == payload)
            .then(|| KeyValue::BigInt(payload.to_vec())),
        tag::FLOAT => payload.try_into().ok().and_then(|bits| {
            let bits = u64::from_be_bytes(bits);
            let value = f64::from_bits(bits);
            (number::float_bits(value) == bits).then(|| KeyValue::Float(Float::from(value)))
        }),
        tag::STR => Text::from_wtf8(payload.to_vec()).map(KeyValue::Str),
        tag::BYTES => Some(KeyValue::Bytes(payload.to_vec())),
        tag::DATETIME => datetime(payload),
        tag::DATE => {
            let mut rest = payload;
            Date::take(&mut rest)
                .filter(|_| rest.is_empty())
                .map(KeyValue::Date)
        }
        tag::TIME => {
            let mut rest = payload;
            Clock::take(&mut rest).and_then(|clock| Some(KeyValue::Time(clock, Zone::take(rest)?)))
        }
        tag::TIMEDELTA => number::decimal(payload).map(KeyValue::TimeDelta),
        tag::DECIMAL => number::is_decimal(payload)
            .then(|| KeyValue::Decimal(String::from_utf8_lossy(payload).into_owned())),
        tag::UUID => number::uuid(payload).map(KeyValue::Uuid),
        tag::PATH => path(payload),
        tag::CLASS => {
            Text::from_wtf8(payload.to_vec()).map(|name| KeyValue::Reference(RefKind::Class, name))
        }
        tag::FUNCTION => Text::from_wtf8(payload.to_vec())
            .map(|name| KeyValue::Reference(RefKind::Function, name)),
        _ => return Err(DecodeError::Tag(tag)),
    };
    value.ok_or(DecodeError::Payload(tag))
}

fn datetime(mut rest: &[u8]) -> Option<KeyValue> {
    let date = Date::take(&mut rest)?;
    rest = rest.strip_prefix(b"T")?;
    let clock = Clock::take(&mut rest)?;
    Some(KeyValue::DateTime(date, clock, Zone::take(rest)?))
}

fn path(payload: &[u8]) -> Option<KeyValue> {
    let (&flavour, text) = payload.split_first()?;
    let windows = match flavour {
        b'w' => true,
        b'p' => false,
        _ => return None,
    };
    Some(KeyValue::Path {
        windows,
        text: Text::from_wtf8(text.to_vec())?,
    })
}

/// Takes the frame of one part off the front of `rest`.
fn frame<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let length = number::take_length(rest).ok_or(DecodeError::Short)?;
    let (part, after) = rest.split_at_checked(length).ok_or(DecodeError::Short)?;
    *rest = after;
    Ok(part)
}

fn items(mut rest: &[u8], depth: usize) -> Result<Vec<KeyValue>, DecodeError> {
    let mut items = Vec::new();
    while !rest.is_empty() {
        items.push(value(frame(&mut rest)?, depth + 1)?);
    }
    Ok(items)
}

fn members(mut rest: &[u8], tag: u8, depth: usize) -> Result<Vec<KeyValue>, DecodeError> {
    let mut members = Vec::new();
    let mut before: &[u8] = &[];
    while !rest.is_empty() {
        let start = rest;
        members.push(value(frame(&mut rest)?, depth + 1)?);
        let framed = &start[..start.len() - rest.len()];
        if framed <= before {
            return Err(DecodeError::Payload(tag));
        }
        before = framed;
    }
    Ok(members)
}

fn dict(mut rest: &[u8], depth: usize) -> Result<KeyValue, DecodeError> {
    let mut items = Vec::new();
    let mut before: &[u8] = &[];
    while !rest.is_empty() {
        let start = rest;
        let key = value(frame(&mut rest)?, depth + 1)?;
        items.push((key, value(frame(&mut rest)?, depth + 1)?));
        let framed = &start[..start.len() - rest.len()];
        if framed < before {
            return Err(DecodeError::Payload(tag::DICT));
        }
        before = framed;
    }
    Ok(KeyValue::Dict(items))
}

fn named(mut rest: &[u8], kind: NamedKind, depth: usize) -> Result<KeyValue, DecodeError> {
    let name =
        Text::from_wtf8(frame(&mut rest)?.to_vec()).ok_or(DecodeError::Payload(kind.tag()))?;
    let value = value(rest, depth + 1)?;
    let fits = match kind {
        NamedKind::Enum => matches!(
            value,
            KeyValue::Str(_) | KeyValue::Int(_) | KeyValue::BigInt(_)
        ),
        NamedKind::Object => matches!(value, KeyValue::Dict(_)),
        NamedKind::Custom => true,
    };
    if fits {
        Ok(KeyValue::Named(kind, name, Box::new(value)))
    } else {
        Err(DecodeError::Payload(kind.tag()))
    }
}
