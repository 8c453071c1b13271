//! How values leave the process, and what happens where that fails.

use super::read::{field, known};
use super::values::Bytes;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use std::fmt;

/// Whether the bytes of large values are compressed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Compression {
    /// As usual, or not at all.
    Plainly(bool),
    /// With these options.
    With {
        /// From 1, fastest, to 19, smallest.
        #[serde(skip_serializing_if = "Option::is_none")]
        level: Option<u8>,
        /// Smaller values are left alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        threshold: Option<Bytes>,
        /// More is refused when it is read.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_bytes: Option<Bytes>,
    },
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagOrTable;

        impl<'de> Visitor<'de> for FlagOrTable {
            type Value = Compression;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "true, false, or a table such as {\"level\": 3, \"threshold\": \"1KiB\"}",
                )
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Compression, E> {
                Ok(Compression::Plainly(value))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Compression, A::Error> {
                let names = ["level", "threshold", "max_bytes"];
                let (mut level, mut threshold, mut max_bytes) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "level" => level = field::<Level, _>(&mut map, &key)?,
                        "threshold" => threshold = field(&mut map, &key)?,
                        "max_bytes" => max_bytes = field(&mut map, &key)?,
                        _ => return Err(known("option", &key, &names)),
                    }
                }
                Ok(Compression::With {
                    level: level.map(|level| level.0),
                    threshold,
                    max_bytes,
                })
            }
        }

        deserializer.deserialize_any(FlagOrTable)
    }
}

struct Level(u8);

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 1 to 19")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Level, E> {
                match u8::try_from(value) {
                    Ok(level @ 1..=19) => Ok(Level(level)),
                    _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
                }
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Level, E> {
                match u64::try_from(value) {
                    Ok(value) => self.visit_u64(value),
                    Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
                }
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// A serializer that needs nothing but its name. One that needs a secret or a type is no plain data.
pub(super) const SERIALIZERS: [&str; 3] = ["native", "json", "raw"];

/// What happens where a backend fails.
pub(super) const ON_ERROR: [&str; 2] = ["degrade", "raise"];

/// What happens to a value that cannot be written.
pub(super) const ON_SERIALIZATION_ERROR: [&str; 2] = ["skip", "raise"];
