//! Durations, sizes and counts as people write them: `"1h30m"`, `"64MiB"`, `90`, `0.5`.
//!
//! The engine holds durations as nanoseconds in a `u64` and sizes as bytes in a `u64`; what passes these functions is
//! more than zero and small enough that a deadline or a sum never overflows. `python/omnicache/_units.py` has the same
//! grammar for the layers below the compiled module; a property test holds the two to the same answers.

use thiserror::Error;

/// The longest duration in nanoseconds: a hundred years. What shall last longer lasts for ever.
pub const MAX_NANOS: u64 = 100 * 365 * 86_400 * SECOND;

/// The largest size in bytes: one EiB.
pub const MAX_BYTES: u64 = 1 << 60;

/// The largest number of entries: a slot number is a `u32` and one of them means "none".
pub const MAX_ENTRIES: u64 = u32::MAX as u64 - 1;

const SECOND: u64 = 1_000_000_000;

/// The units of a duration in falling order, as they must follow each other in a text.
const DURATION_UNITS: [(&str, u64); 8] = [
    ("w", 604_800 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const DURATION_HINT: &str = "write seconds as a number, or text like \"90s\", \"5m\" or \"1h30m\" \
                             (units: w d h m s ms us ns)";
const SIZE_HINT: &str = "write bytes as a whole number, or text like \"512KB\" or \"64MiB\" \
                         (units: B KB MB GB TB PB, KiB MiB GiB TiB PiB)";

/// Why a duration, a size or a count was refused, and what to write instead.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// The text, or the number, is no duration at all.
    #[error("{value} is not a duration; {hint}")]
    NotADuration {
        /// As it was given.
        value: String,
        /// What to write instead.
        hint: String,
    },
    /// The text is no size at all.
    #[error("{value} is not a size; {hint}")]
    NotASize {
        /// As it was given.
        value: String,
        /// What to write instead.
        hint: String,
    },
    /// A duration of zero.
    #[error("{0} is no time at all; use None for ever, or do not cache")]
    NoTime(String),
    /// A duration below zero.
    #[error("{0} is negative; a duration is more than 0, use None for ever")]
    NegativeTime(String),
    /// A duration above zero that rounds to none.
    #[error("{0} s is shorter than a nanosecond")]
    TooShort(String),
    /// Over [`MAX_NANOS`].
    #[error("{0} is over 100 years; use None for ever")]
    TooLong(String),
    /// A limit of zero.
    #[error("{0} leaves room for nothing; a limit is 1 or more, use None for no limit")]
    NoRoom(String),
    /// A limit below zero.
    #[error("{0} is negative; a limit is 1 or more, use None for no limit")]
    NegativeLimit(String),
    /// A limit over the largest one.
    #[error("{0} is over the largest limit, {1}; use None for no limit")]
    OverLimit(String, u64),
}

/// Nanoseconds of a text such as `"90s"`, `"1h30m"` or `"1.5 h"`.
///
/// # Errors
/// The text is not one or more numbers with units in falling order, or the duration is zero or over [`MAX_NANOS`].
pub fn parse_duration(text: &str) -> Result<u64, UnitError> {
    let mut rest = text.trim_matches(' ');
    let mut total: u128 = 0;
    let mut last = u64::MAX;
    let whole = rest;
    while !rest.is_empty() {
        let part = Part::split(rest);
        let found = part.as_ref().and_then(|p| {
            let factor = DURATION_UNITS.iter().find(|u| u.0 == p.unit)?.1;
            (factor < last).then_some((p, factor))
        });
        let Some((part, factor)) = found else {
            return Err(not_a_duration(text, whole));
        };
        total += part.scaled(factor);
        last = factor;
        rest = part.rest;
    }
    if whole.is_empty() {
        return Err(not_a_duration(text, whole));
    }
    check_nanos(i128::try_from(total).unwrap_or(i128::MAX), &quoted(text))
}

/// Bytes of a text such as `"512KB"` or `"1.5 GiB"`; the case of the unit does not matter.
///
/// # Errors
/// The text is not one number with a unit, or the size is zero or over [`MAX_BYTES`].
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let whole = text.trim_matches(' ');
    let part = Part::split(whole).filter(|part| part.rest.is_empty());
    let Some((part, factor)) = part.and_then(|p| size_factor(p.unit).map(|f| (p, f))) else {
        let hint = if is_number(whole) {
            format!("for bytes write \"{whole}B\"")
        } else {
            SIZE_HINT.to_owned()
        };
        return Err(UnitError::NotASize {
            value: quoted(text),
            hint,
        });
    };
    let bytes = i128::try_from(part.scaled(factor)).unwrap_or(i128::MAX);
    check_limit(bytes, MAX_BYTES, &quoted(text))
}

/// Nanoseconds of a number of seconds.
///
/// # Errors
/// It is not finite, zero, negative, shorter than a nanosecond, or over [`MAX_NANOS`].
pub fn nanos_of_seconds(seconds: f64) -> Result<u64, UnitError> {
    let shown = format!("{seconds:?}");
    if !seconds.is_finite() {
        let hint = "use None for ever".to_owned();
        return Err(UnitError::NotADuration { value: shown, hint });
    }
    // Apart, so that long durations keep what a float knows of them. Casts saturate, far over the limit.
    let (whole, rest) = (seconds.abs().trunc(), seconds.abs().fract());
    let nanos = (whole as i128)
        .saturating_mul(SECOND.into())
        .saturating_add((rest * 1e9).round() as i128);
    if nanos == 0 && seconds != 0.0 {
        return Err(UnitError::TooShort(shown));
    }
    check_nanos(if seconds < 0.0 { -nanos } else { nanos }, &shown)
}

/// `nanos` if it is a duration the engine takes; `shown` is how the user wrote it.
///
/// # Errors
/// It is zero, negative, or over [`MAX_NANOS`].
pub fn check_nanos(nanos: i128, shown: &str) -> Result<u64, UnitError> {
    match u64::try_from(nanos) {
        Ok(0) => Err(UnitError::NoTime(shown.to_owned())),
        Ok(nanos) if nanos <= MAX_NANOS => Ok(nanos),
        _ if nanos < 0 => Err(UnitError::NegativeTime(shown.to_owned())),
        _ => Err(UnitError::TooLong(shown.to_owned())),
    }
}

/// `number` if it is from 1 to `most`; `shown` is how the user wrote it.
///
/// # Errors
/// It is not.
pub fn check_limit(number: i128, most: u64, shown: &str) -> Result<u64, UnitError> {
    match u64::try_from(number) {
        Ok(0) => Err(UnitError::NoRoom(shown.to_owned())),
        Ok(number) if number <= most => Ok(number),
        _ if number < 0 => Err(UnitError::NegativeLimit(shown.to_owned())),
        _ => Err(UnitError::OverLimit(shown.to_owned(), most)),
    }
}

/// Seconds of `nanos`; the Python twin computes it by the same steps, so that both give the same float.
#[expect(clippy::cast_precision_loss, reason = "both parts are under 2^53")]
pub fn seconds_of_nanos(nanos: u64) -> f64 {
    (nanos / SECOND) as f64 + (nanos % SECOND) as f64 / 1e9
}

/// One number with its unit, and the text behind it.
struct Part<'a> {
    integer: u64,
    fraction: u64,
    fraction_digits: u32,
    unit: &'a str,
    rest: &'a str,
}

impl<'a> Part<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let (integer, mut rest) = digits(text);
        let mut fraction = "";
        if let Some(after) = rest.strip_prefix('.') {
            (fraction, rest) = digits(after);
            if fraction.is_empty() {
                return None;
            }
        }
        // 18 digits are under 10^18, so that 128 bits hold every product.
        if integer.is_empty() || integer.len() > 18 || fraction.len() > 18 {
            return None;
        }
        rest = rest.trim_start_matches(' ');
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        (!unit.is_empty()).then_some(Self {
            integer: integer.parse().ok()?,
            fraction: if fraction.is_empty() {
                0
            } else {
                fraction.parse().ok()?
            },
            fraction_digits: fraction.len() as u32,
            unit,
            rest: rest.trim_start_matches(' '),
        })
    }

    /// The number times `factor`, cut to a whole number.
    fn scaled(&self, factor: u64) -> u128 {
        let factor = u128::from(factor);
        let cut = u128::from(self.fraction) * factor / 10_u128.pow(self.fraction_digits);
        u128::from(self.integer) * factor + cut
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn is_number(text: &str) -> bool {
    let (integer, rest) = digits(text);
    let fraction = rest.strip_prefix('.').map(digits);
    !integer.is_empty()
        && (rest.is_empty() || fraction.is_some_and(|f| !f.0.is_empty() && f.1.is_empty()))
}

fn size_factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    if unit == "b" {
        return Some(1);
    }
    let power = 1 + "kmgtp".find(unit.chars().next()?)? as u32;
    match &unit[1..] {
        "b" => Some(1000_u64.pow(power)),
        "ib" => Some(1024_u64.pow(power)),
        _ => None,
    }
}

fn not_a_duration(text: &str, trimmed: &str) -> UnitError {
    let hint = if is_number(trimmed) {
        format!("for seconds write \"{trimmed}s\"")
    } else {
        DURATION_HINT.to_owned()
    };
    UnitError::NotADuration {
        value: quoted(text),
        hint,
    }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{dots}")
}

#[cfg(test)]
mod tests;
