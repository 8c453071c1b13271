//! The one byte form of each number in a key.

/// The bits of `value` in a key: one NaN, one zero.
pub(super) fn float_bits(value: f64) -> u64 {
    const NAN: u64 = 0x7FF8_0000_0000_0000;
    if value.is_nan() {
        NAN
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

/// Appends `value` in decimal.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: i128) {
    let mut digits = [0; 40];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    // 128-bit division is slow and nearly every number is short.
    while rest > u128::from(u64::MAX) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let mut rest = rest as u64;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `value` in decimal with at least `width` digits.
pub(super) fn push_padded(out: &mut Vec<u8>, value: u32, width: usize) {
    let from = out.len();
    push_decimal(out, i128::from(value));
    let missing = width.saturating_sub(out.len() - from);
    out.splice(from..from, std::iter::repeat_n(b'0', missing));
}

/// The number that [`push_decimal`] writes as `text`, if it is one.
pub(super) fn decimal(text: &[u8]) -> Option<i128> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(), // "-0" is not a form of zero
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The number of exactly these digits.
pub(super) fn fixed(digits: &[u8]) -> Option<u32> {
    if digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
    )
}

/// Big-endian two's complement without needless bytes in front; never empty.
pub(super) fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [first, second, ..] = bytes {
        let sign = second & 0x80;
        if (*first == 0 && sign == 0) || (*first == 0xFF && sign != 0) {
            bytes = &bytes[1..];
        } else {
            break;
        }
    }
    if bytes.is_empty() { &[0] } else { bytes }
}

/// The number in big-endian two's complement, if it fits.
pub(super) fn to_i64(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first()?;
    if bytes.len() > 8 {
        return None;
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Some(
        bytes
            .iter()
            .fold(start, |sum, byte| (sum << 8) | i64::from(*byte)),
    )
}

/// Appends a length: seven bits a byte, low bits first.
pub(super) fn push_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Takes a length off the front of `bytes`: `None` if it is cut short, not in its shortest form, or too large.
pub(super) fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length: u64 = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 {
                None
            } else {
                usize::try_from(length).ok()
            };
        }
    }
    None
}

const GROUPS: [usize; 4] = [8, 13, 18, 23];

/// Appends a UUID as text.
pub(super) fn push_uuid(out: &mut Vec<u8>, value: u128) {
    for place in (0..32).rev() {
        let digit = (value >> (place * 4)) as u8 & 0xF;
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
        if matches!(place, 24 | 20 | 16 | 12) {
            out.push(b'-');
        }
    }
}

/// The UUID that [`push_uuid`] writes as `text`, if it is one.
pub(super) fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0;
    for (at, &byte) in text.iter().enumerate() {
        let digit = match byte {
            b'-' if GROUPS.contains(&at) => continue,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        if GROUPS.contains(&at) {
            return None;
        }
        value = (value << 4) | u128::from(digit);
    }
    Some(value)
}

/// Whether `text` is a Decimal in the form of the format.
pub(super) fn is_decimal(text: &[u8]) -> bool {
    let body = text.strip_prefix(b"-").unwrap_or(text);
    if body == b"Infinity" {
        return true;
    }
    let payload = body
        .strip_prefix(b"sNaN")
        .or_else(|| body.strip_prefix(b"NaN"));
    if let Some(payload) = payload {
        return payload.is_empty() || is_coefficient(payload) && payload != b"0";
    }
    let Some(split) = body.iter().position(|&byte| byte == b'E') else {
        return false;
    };
    is_coefficient(&body[..split])
        && decimal(&body[split + 1..]).is_some_and(|exponent| i64::try_from(exponent).is_ok())
}

fn is_coefficient(digits: &[u8]) -> bool {
    match digits {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}
