//! The values of a configuration that say when loads begin, and how long they may take.

use super::read::{field, known};
use super::values::Seconds;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

/// When a hit starts a refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RefreshAt {
    /// After this part of the ttl, between 0 and 1.
    Part(f64),
    /// By chance, from the measured time of a load.
    Auto,
}

/// How long a load may take; read from a duration, which is the hard limit, or from a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// After this long an old value is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<Seconds>,
    /// After this long the load is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard: Option<Seconds>,
}

impl Serialize for RefreshAt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Part(part) => serializer.serialize_f64(*part),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

impl<'de> Deserialize<'de> for RefreshAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartOrAuto;

        impl Visitor<'_> for PartOrAuto {
            type Value = RefreshAt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part of the ttl between 0 and 1, or \"auto\"")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<RefreshAt, E> {
                if value > 0.0 && value < 1.0 {
                    return Ok(RefreshAt::Part(value));
                }
                Err(E::invalid_value(Unexpected::Float(value), &self))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<RefreshAt, E> {
                if value == "auto" {
                    return Ok(RefreshAt::Auto);
                }
                Err(E::invalid_value(Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_any(PartOrAuto)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DurationOrTable;

        impl DurationOrTable {
            fn hard<'de, D: Deserializer<'de>>(duration: D) -> Result<Limits, D::Error> {
                let hard = Some(Seconds::deserialize(duration)?);
                Ok(Limits { soft: None, hard })
            }
        }

        impl<'de> Visitor<'de> for DurationOrTable {
            type Value = Limits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration, or a table such as {\"soft\": \"50ms\", \"hard\": \"2s\"}")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Limits, E> {
                Self::hard(serde::de::value::I64Deserializer::new(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Limits, E> {
                Self::hard(serde::de::value::U64Deserializer::new(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Limits, E> {
                Self::hard(serde::de::value::F64Deserializer::new(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Limits, E> {
                Self::hard(serde::de::value::StrDeserializer::new(value))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limits, A::Error> {
                let mut limits = Limits::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "soft" => limits.soft = field(&mut map, &key)?,
                        "hard" => limits.hard = field(&mut map, &key)?,
                        _ => return Err(known("option", &key, &["soft", "hard"])),
                    }
                }
                if let (Some(soft), Some(hard)) = (limits.soft, limits.hard)
                    && soft.0 >= hard.0
                {
                    return Err(A::Error::custom("soft must be shorter than hard"));
                }
                Ok(limits)
            }
        }

        deserializer.deserialize_any(DurationOrTable)
    }
}
