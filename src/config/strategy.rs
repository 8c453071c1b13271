//! The strategy in a configuration: a name, or a table with the name under `type` and the options beside it.

use super::read::{field, known};
use super::values::{Bytes, Count, Seconds};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// Which strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StrategyKind {
    /// The entry used longest ago goes first.
    Lru,
    /// The entry used least often goes first.
    Lfu,
    /// The entry that ends soonest goes first.
    Ttl,
    /// The heaviest and coldest entry goes first.
    Size,
    /// Admission by popularity.
    TinyLfu,
}

impl StrategyKind {
    const NAMES: [&'static str; 5] = ["lru", "lfu", "ttl", "size", "tinylfu"];

    /// `tinylfu`, `TinyLFU`, `tiny-lfu` and `TinyLFUStrategy` are one name.
    fn by_name<E: Error>(name: &str) -> Result<Self, E> {
        let plain = name.to_lowercase().replace(['-', '_'], "");
        match plain.strip_suffix("strategy").unwrap_or(&plain) {
            "lru" => Ok(Self::Lru),
            "lfu" => Ok(Self::Lfu),
            "ttl" => Ok(Self::Ttl),
            "size" => Ok(Self::Size),
            "tinylfu" => Ok(Self::TinyLfu),
            _ => Err(known("strategy name", name, &Self::NAMES)),
        }
    }

    /// The options it takes.
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Lru | Self::TinyLfu => &["max_size", "max_bytes"],
            Self::Lfu => &["max_size", "max_bytes", "ageing"],
            Self::Ttl => &["default_ttl", "max_size", "cleanup_interval", "max_bytes"],
            Self::Size => &["max_bytes", "max_size"],
        }
    }
}

/// A strategy with the options it was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyConfig {
    /// Which one.
    #[serde(rename = "type")]
    pub kind: StrategyKind,
    /// The largest number of entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Count>,
    /// The largest sum of the entries' sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<Bytes>,
    /// Whether the counts of LFU fade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ageing: Option<bool>,
    /// How long an entry lives unless the call or the cache says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl: Option<Seconds>,
    /// How often expired entries are swept by a background thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_interval: Option<Seconds>,
}

impl StrategyConfig {
    /// `kind` without options.
    pub const fn new(kind: StrategyKind) -> Self {
        Self {
            kind,
            max_size: None,
            max_bytes: None,
            ageing: None,
            default_ttl: None,
            cleanup_interval: None,
        }
    }
}

impl<'de> Deserialize<'de> for StrategyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;

        impl<'de> Visitor<'de> for NameOrTable {
            type Value = StrategyConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a strategy: a name such as \"lru\", or {\"type\": \"lru\", \"max_size\": 1000}")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<StrategyConfig, E> {
                StrategyKind::by_name(value).map(StrategyConfig::new)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StrategyConfig, A::Error> {
                table(map)
            }
        }

        deserializer.deserialize_any(NameOrTable)
    }
}

fn table<'de, A: MapAccess<'de>>(mut map: A) -> Result<StrategyConfig, A::Error> {
    let all = [
        "type",
        "max_size",
        "max_bytes",
        "ageing",
        "default_ttl",
        "cleanup_interval",
    ];
    // `type` may come after the options: they are read first and judged afterwards.
    let mut kind: Option<String> = None;
    let mut given: Vec<&str> = Vec::new();
    let mut config = StrategyConfig::new(StrategyKind::Lru);
    while let Some(key) = map.next_key::<String>()? {
        let Some(name) = all.iter().find(|name| **name == key) else {
            return Err(known("option", &key, &all));
        };
        given.push(name);
        match *name {
            "type" => kind = field(&mut map, name)?,
            "max_size" => config.max_size = field(&mut map, name)?,
            "max_bytes" => config.max_bytes = field(&mut map, name)?,
            "ageing" => config.ageing = field(&mut map, name)?,
            "default_ttl" => config.default_ttl = field(&mut map, name)?,
            _ => config.cleanup_interval = field(&mut map, name)?,
        }
    }
    let Some(kind) = kind else {
        return Err(A::Error::custom(
            "a table needs \"type\", such as {\"type\": \"lru\"}",
        ));
    };
    config.kind = StrategyKind::by_name(&kind)?;
    let options = config.kind.options();
    match given
        .iter()
        .find(|name| **name != "type" && !options.contains(name))
    {
        Some(name) => Err(A::Error::custom(format!(
            "{kind:?} takes no {name:?}; its options are {}",
            options.join(", ")
        ))),
        None => Ok(config),
    }
}
