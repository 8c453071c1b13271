//! A key as text for people: what a listing shows and a pattern is matched against.

use std::fmt::Write as _;

use super::moment::Zone;
use super::value::{KeyValue, NamedKind, Text};
use super::{decode, number};

/// The key in `bytes` as text: a `str` key is its own text, any other looks much as it would be written in Python.
///
/// Bytes that are not a key are shown as they are, escaped.
pub fn text(bytes: &[u8]) -> String {
    match decode(bytes) {
        Ok(KeyValue::Str(text)) => text.display().into_owned(),
        Ok(value) => {
            let mut out = String::new();
            show(&value, &mut out);
            out
        }
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

fn show(value: &KeyValue, out: &mut String) {
    match value {
        KeyValue::None => out.push_str("None"),
        KeyValue::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        KeyValue::Int(value) => push(out, value),
        KeyValue::BigInt(bytes) => show_big(bytes, out),
        KeyValue::Float(value) if value.get().is_infinite() => {
            out.push_str(if value.get() > 0.0 { "inf" } else { "-inf" });
        }
        KeyValue::Float(value) if value.get().is_nan() => out.push_str("nan"),
        KeyValue::Float(value) => push(out, format_args!("{:?}", value.get())),
        KeyValue::Str(text) => quote(text, out),
        KeyValue::Bytes(bytes) => push(out, format_args!("b'{}'", bytes.escape_ascii())),
        KeyValue::Tuple(items) => {
            show_all(out, "(", items, if items.len() == 1 { ",)" } else { ")" });
        }
        KeyValue::List(items) => show_all(out, "[", items, "]"),
        KeyValue::Dict(items) => {
            out.push('{');
            for (at, (key, value)) in items.iter().enumerate() {
                separate(at, out);
                show(key, out);
                out.push_str(": ");
                show(value, out);
            }
            out.push('}');
        }
        KeyValue::Set(members) if members.is_empty() => out.push_str("set()"),
        KeyValue::Set(members) => show_all(out, "{", members, "}"),
        KeyValue::FrozenSet(members) if members.is_empty() => out.push_str("frozenset()"),
        KeyValue::FrozenSet(members) => show_all(out, "frozenset({", members, "})"),
        KeyValue::DateTime(date, clock, zone) => moment(out, zone.as_ref(), |bytes| {
            date.push(bytes);
            bytes.push(b'T');
            clock.push(bytes);
        }),
        KeyValue::Date(date) => moment(out, None, |bytes| date.push(bytes)),
        KeyValue::Time(clock, zone) => moment(out, zone.as_ref(), |bytes| clock.push(bytes)),
        KeyValue::TimeDelta(micros) => show_delta(*micros, out),
        KeyValue::Decimal(text) => show_decimal(text, out),
        KeyValue::Uuid(value) => {
            let mut bytes = Vec::with_capacity(36);
            number::push_uuid(&mut bytes, *value);
            push(out, String::from_utf8_lossy(&bytes));
        }
        KeyValue::Path { text, .. } => out.push_str(&text.display()),
        KeyValue::Reference(_, name) => out.push_str(&name.display()),
        KeyValue::Named(kind, name, value) => show_named(*kind, name, value, out),
    }
}

fn show_named(kind: NamedKind, name: &Text, value: &KeyValue, out: &mut String) {
    out.push_str(&name.display());
    match (kind, value) {
        (NamedKind::Enum, KeyValue::Str(member)) => {
            push(out, format_args!(".{}", member.display()));
        }
        (NamedKind::Object, KeyValue::Dict(fields)) => {
            out.push('(');
            for (at, (field, value)) in fields.iter().enumerate() {
                separate(at, out);
                match field {
                    KeyValue::Str(field) => out.push_str(&field.display()),
                    field => show(field, out),
                }
                out.push('=');
                show(value, out);
            }
            out.push(')');
        }
        _ => {
            out.push('(');
            show(value, out);
            out.push(')');
        }
    }
}

fn show_all(out: &mut String, open: &str, items: &[KeyValue], close: &str) {
    out.push_str(open);
    for (at, item) in items.iter().enumerate() {
        separate(at, out);
        show(item, out);
    }
    out.push_str(close);
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push_str(", ");
    }
}

/// Hexadecimal: the digits of a decimal would take quadratic time.
fn show_big(bytes: &[u8], out: &mut String) {
    let negative = bytes[0] & 0x80 != 0;
    let mut magnitude = bytes.to_vec();
    if negative {
        // Two's complement: invert and add one, from the last byte on.
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
        out.push('-');
    }
    out.push_str("0x");
    let mut digits = String::with_capacity(2 * magnitude.len());
    for byte in magnitude {
        push(&mut digits, format_args!("{byte:02x}"));
    }
    out.push_str(digits.trim_start_matches('0'));
}

/// With a point where that takes no more digits than there are: `1.00` for `100E-2`.
fn show_decimal(text: &str, out: &mut String) {
    let Some((digits, exponent)) = text.split_once('E') else {
        return out.push_str(text);
    };
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    out.push_str(sign);
    match exponent
        .strip_prefix('-')
        .and_then(|places| places.parse::<usize>().ok())
    {
        Some(places) if places < digits.len() => {
            let (whole, part) = digits.split_at(digits.len() - places);
            push(out, format_args!("{whole}.{part}"));
        }
        _ if exponent == "0" => out.push_str(digits),
        _ => push(out, format_args!("{digits}E{exponent}")),
    }
}

fn show_delta(micros: i128, out: &mut String) {
    let (sign, micros) = if micros < 0 {
        ("-", micros.unsigned_abs())
    } else {
        ("", micros.unsigned_abs())
    };
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 {
        push(out, format_args!("{sign}{seconds}s"));
    } else {
        push(out, format_args!("{sign}{seconds}.{rest:06}s"));
    }
}

/// `2024-05-06T07:08:09+02:00[Europe/Berlin]`: the microseconds only if there are any.
fn moment(out: &mut String, zone: Option<&Zone>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::with_capacity(27);
    write(&mut bytes);
    out.push_str(&String::from_utf8_lossy(&bytes).replace(".000000", ""));
    let Some(zone) = zone else { return };
    if let Some(offset) = zone.offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let micros = offset.unsigned_abs();
        let (minutes, rest) = (micros / 60_000_000, micros % 60_000_000);
        push(
            out,
            format_args!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        );
        if rest != 0 {
            push(
                out,
                format_args!(":{:02}.{:06}", rest / 1_000_000, rest % 1_000_000),
            );
        }
    }
    push(out, format_args!("[{}]", zone.name.display()));
}

/// Quoted as Python does: single quotes unless the text has some and no double ones.
fn quote(text: &Text, out: &mut String) {
    let text = text.display();
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(mark);
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == mark => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => {
                push(out, format_args!("\\x{:02x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push(mark);
}

fn push(out: &mut String, shown: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{shown}");
}
