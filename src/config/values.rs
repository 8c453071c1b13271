//! The values of a configuration: each reads every form a user may write and keeps the normal one.

use crate::units;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

use super::read::known;

/// A duration in nanoseconds; read from seconds or text, written as seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u64);

/// A size in bytes; read from a whole number or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bytes(pub u64);

/// A number of entries, 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count(pub u64);

/// A fraction from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fraction(pub f64);

/// A name of letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name(pub String);

/// Whether a value is handed out as it is or as a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyMode {
    /// The very object that was stored.
    None,
    /// As `copy.copy` makes it.
    Shallow,
    /// As `copy.deepcopy` makes it.
    Deep,
}

/// A visitor for a number or a text, by what to do with each.
struct Scalar<I, F, S> {
    expecting: &'static str,
    integer: I,
    float: F,
    text: S,
}

impl<T, I, F, S> Visitor<'_> for Scalar<I, F, S>
where
    I: FnOnce(i128) -> Result<T, String>,
    F: FnOnce(f64) -> Option<Result<T, String>>,
    S: FnOnce(&str) -> Option<Result<T, String>>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.visit_i128(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.visit_i128(value.into())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<T, E> {
        (self.integer)(value).map_err(E::custom)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<T, E> {
        self.visit_i128(i128::try_from(value).unwrap_or(i128::MAX))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        let expecting = self.expecting;
        (self.float)(value)
            .ok_or_else(|| E::invalid_type(Unexpected::Float(value), &expecting))?
            .map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        let expecting = self.expecting;
        (self.text)(value)
            .ok_or_else(|| E::invalid_type(Unexpected::Str(value), &expecting))?
            .map_err(E::custom)
    }
}

fn shown<T>(result: Result<T, units::UnitError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Scalar {
                expecting: "a duration: seconds as a number, or text like \"90s\", \"5m\" or \"1h30m\"",
                integer: |seconds: i128| {
                    let nanos = seconds.saturating_mul(1_000_000_000);
                    shown(units::check_nanos(nanos, &seconds.to_string()))
                },
                float: |seconds| Some(shown(units::nanos_of_seconds(seconds))),
                text: |text: &str| Some(shown(units::parse_duration(text))),
            })
            .map(Self)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(units::seconds_of_nanos(self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Scalar {
                expecting: "a size: bytes as a whole number, or text like \"64MiB\"",
                integer: |bytes: i128| {
                    shown(units::check_limit(
                        bytes,
                        units::MAX_BYTES,
                        &bytes.to_string(),
                    ))
                },
                float: |_| None,
                text: |text: &str| Some(shown(units::parse_size(text))),
            })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Scalar {
                expecting: "a number of entries, a whole number of 1 or more",
                integer: |count: i128| {
                    shown(units::check_limit(
                        count,
                        units::MAX_ENTRIES,
                        &count.to_string(),
                    ))
                },
                float: |_| None,
                text: |_: &str| None,
            })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn check(value: f64) -> Result<f64, String> {
            if (0.0..=1.0).contains(&value) {
                return Ok(value);
            }
            Err(format!(
                "{value} is no fraction; it is from 0 to 1, such as 0.1"
            ))
        }
        deserializer
            .deserialize_any(Scalar {
                expecting: "a fraction from 0 to 1",
                // Only 0 and 1 pass, so nothing is lost by the cast.
                #[allow(clippy::cast_precision_loss)]
                integer: |value: i128| check(value as f64),
                float: |value| Some(check(value)),
                text: |_: &str| None,
            })
            .map(Self)
    }
}

/// A visitor for text only.
pub(super) struct Text(pub(super) &'static str);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = deserializer.deserialize_any(Text("a name of letters, digits, _ and -"))?;
        let right = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(right) {
            let short: String = name.chars().take(60).collect();
            return Err(D::Error::custom(format!(
                "{short:?} is no name; use letters, digits, _ and - only"
            )));
        }
        Ok(Self(name))
    }
}

impl<'de> Deserialize<'de> for CopyMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = ["none", "shallow", "deep"];
        let name = deserializer.deserialize_any(Text("\"none\", \"shallow\" or \"deep\""))?;
        match name.as_str() {
            "none" => Ok(Self::None),
            "shallow" => Ok(Self::Shallow),
            "deep" => Ok(Self::Deep),
            _ => Err(known("copy mode", &name, &names)),
        }
    }
}
