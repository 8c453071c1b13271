//! The configuration of a cache as plain data, from a dict or from JSON, read strictly.
//!
//! A key that is not known is an error that names it and the nearest right one; a value of the wrong type names the
//! key, what was there and what belongs there. What comes out is in normal form: seconds, bytes, lower-case names.

mod backend;
mod environment;
mod file;
mod load;
mod outside;
mod read;
mod redis;
mod source;
mod strategy;
mod values;

pub use backend::{Backend, BackendTable};
pub use file::{FastApi, FileConfig, Integrations};
pub use load::{Limits, RefreshAt};
pub use outside::Compression;
pub use read::Choice;
pub use source::Source;
pub use strategy::{StrategyConfig, StrategyKind};
pub use values::{Bytes, CopyMode, Count, Fraction, Name, Seconds};

use outside::{ON_ERROR, ON_SERIALIZATION_ERROR, SERIALIZERS};
use read::{field, known};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// What `Cache.from_config` accepts. A key that was not given, or given as null, is `None` and is not written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CacheConfig {
    /// Who is evicted, by name or as a table with its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyConfig>,
    /// The largest number of entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Count>,
    /// The largest sum of the entries' sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<Bytes>,
    /// How long an entry lives unless the call says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl: Option<Seconds>,
    /// How long an entry lives after its last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_idle: Option<Seconds>,
    /// The fraction of a ttl by which it may be cut, so that entries made together do not end together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Fraction>,
    /// How long past its ttl a value may be served while one refresh runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<Seconds>,
    /// How long past its ttl a value may be served when its loader fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_on_error: Option<Seconds>,
    /// How long after such a failure a load is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Seconds>,
    /// When a hit starts a refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<RefreshAt>,
    /// How long a load may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Limits>,
    /// Which caches this one is told apart from by name only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Where the entries live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Where they live while the backend is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Backend>,
    /// How values become bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serializer: Option<Choice<3>>,
    /// Whether they are compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// What happens where the backend fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<Choice<2>>,
    /// What happens to a value that cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_serialization_error: Option<Choice<2>>,
    /// Whether a value is handed out as it is or as a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyMode>,
}

impl CacheConfig {
    /// Every key, in the order in which messages list them.
    pub const KEYS: [&'static str; 19] = [
        "strategy",
        "max_size",
        "max_bytes",
        "default_ttl",
        "default_idle",
        "jitter",
        "stale",
        "stale_on_error",
        "retry_after",
        "refresh_at",
        "timeout",
        "namespace",
        "backend",
        "fallback",
        "serializer",
        "compression",
        "on_error",
        "on_serialization_error",
        "copy",
    ];
}

impl<'de> Deserialize<'de> for CacheConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = CacheConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a table of options, such as {\"strategy\": \"lru\", \"max_size\": 1000}",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CacheConfig, A::Error> {
                let mut config = CacheConfig::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "strategy" => config.strategy = field(&mut map, &key)?,
                        "max_size" => config.max_size = field(&mut map, &key)?,
                        "max_bytes" => config.max_bytes = field(&mut map, &key)?,
                        "default_ttl" => config.default_ttl = field(&mut map, &key)?,
                        "default_idle" => config.default_idle = field(&mut map, &key)?,
                        "jitter" => config.jitter = field(&mut map, &key)?,
                        "stale" => config.stale = field(&mut map, &key)?,
                        "stale_on_error" => config.stale_on_error = field(&mut map, &key)?,
                        "retry_after" => config.retry_after = field(&mut map, &key)?,
                        "refresh_at" => config.refresh_at = field(&mut map, &key)?,
                        "timeout" => config.timeout = field(&mut map, &key)?,
                        "namespace" => config.namespace = field(&mut map, &key)?,
                        "backend" => config.backend = field(&mut map, &key)?,
                        "fallback" => config.fallback = field(&mut map, &key)?,
                        "serializer" => {
                            config.serializer = Choice::field(&mut map, &key, SERIALIZERS)?;
                        }
                        "compression" => config.compression = field(&mut map, &key)?,
                        "on_error" => config.on_error = Choice::field(&mut map, &key, ON_ERROR)?,
                        "on_serialization_error" => {
                            config.on_serialization_error =
                                Choice::field(&mut map, &key, ON_SERIALIZATION_ERROR)?;
                        }
                        "copy" => config.copy = field(&mut map, &key)?,
                        _ => return Err(known("key", &key, &CacheConfig::KEYS)),
                    }
                }
                Ok(config)
            }
        }

        deserializer.deserialize_map(Table)
    }
}

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;
