//! A whole configuration: caches by name, and what the integrations start from.

use super::CacheConfig;
use super::backend::Backend;
use super::read::{field, known};
use super::values::{Name, Seconds};
use serde::Serialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// What a file says. In an error every key that leads to the value stands before the message, each with a colon.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FileConfig {
    /// The caches, by name.
    pub caches: BTreeMap<String, CacheConfig>,
    /// The integrations.
    pub integrations: Integrations,
}

/// What the integrations start from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Integrations {
    /// Those for `FastAPI`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fastapi: Option<FastApi>,
}

/// What the integration of `FastAPI` starts from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FastApi {
    /// The cache of those that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_cache: Option<Name>,
    /// How long a response is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_cache_ttl: Option<Seconds>,
    /// How long the value of a function is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decorator_cache_ttl: Option<Seconds>,
    /// Whether `Cache-Control` is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control_headers: Option<bool>,
    /// Whether `ETag` is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag_headers: Option<bool>,
}

/// The sections of a file.
pub(super) const SECTIONS: [&str; 2] = ["caches", "integrations"];

const FASTAPI: [&str; 5] = [
    "default_cache",
    "response_cache_ttl",
    "decorator_cache_ttl",
    "cache_control_headers",
    "etag_headers",
];

/// A visitor for a table, by what to say of anything else and what to do with the table.
struct Table<F>(&'static str, F);

impl<'de, F: TakeKey> Visitor<'de> for Table<F> {
    type Value = F::Made;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<F::Made, A::Error> {
        let mut made = F::Made::default();
        while let Some(key) = map.next_key::<String>()? {
            self.1.take(&mut made, &key, &mut map)?;
        }
        Ok(made)
    }
}

/// What is made of a table, key by key.
trait TakeKey {
    type Made: Default;

    fn take<'de, A: MapAccess<'de>>(
        &self,
        made: &mut Self::Made,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

struct Whole;

impl TakeKey for Whole {
    type Made = FileConfig;

    fn take<'de, A: MapAccess<'de>>(
        &self,
        made: &mut FileConfig,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "caches" => made.caches = field::<Caches, _>(map, key)?.unwrap_or_default().0,
            "integrations" => made.integrations = field(map, key)?.unwrap_or_default(),
            _ => return Err(known("section", key, &SECTIONS)),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Caches(BTreeMap<String, CacheConfig>);

struct EachCache;

impl TakeKey for EachCache {
    type Made = Caches;

    fn take<'de, A: MapAccess<'de>>(
        &self,
        made: &mut Caches,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let Name(name) = Name::deserialize(StrDeserializer::<A::Error>::new(key))?;
        let cache = field::<Section, _>(map, key)?.unwrap_or_default();
        made.0.insert(name, cache.0);
        Ok(())
    }
}

/// One cache: a table of its options, or the address of its backend alone.
#[derive(Default)]
struct Section(CacheConfig);

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrAddress;

        impl<'de> Visitor<'de> for TableOrAddress {
            type Value = Section;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of the options of a cache, or the address of its backend")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Section, E> {
                let backend = Some(Backend::deserialize(StrDeserializer::<E>::new(value))?);
                Ok(Section(CacheConfig {
                    backend,
                    ..CacheConfig::default()
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Section, A::Error> {
                CacheConfig::deserialize(MapAccessDeserializer::new(map)).map(Section)
            }
        }

        deserializer.deserialize_any(TableOrAddress)
    }
}

struct EachIntegration;

impl TakeKey for EachIntegration {
    type Made = Integrations;

    fn take<'de, A: MapAccess<'de>>(
        &self,
        made: &mut Integrations,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "fastapi" => made.fastapi = field(map, key)?,
            _ => return Err(known("integration", key, &["fastapi"])),
        }
        Ok(())
    }
}

struct ForFastApi;

impl TakeKey for ForFastApi {
    type Made = FastApi;

    fn take<'de, A: MapAccess<'de>>(
        &self,
        made: &mut FastApi,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "default_cache" => made.default_cache = field(map, key)?,
            "response_cache_ttl" => made.response_cache_ttl = field(map, key)?,
            "decorator_cache_ttl" => made.decorator_cache_ttl = field(map, key)?,
            "cache_control_headers" => made.cache_control_headers = field(map, key)?,
            "etag_headers" => made.etag_headers = field(map, key)?,
            _ => return Err(known("key", key, &FASTAPI)),
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for FileConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table("a table of sections", Whole))
    }
}

impl<'de> Deserialize<'de> for Caches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table(
            "a table of caches by name, such as [caches.users]",
            EachCache,
        ))
    }
}

impl<'de> Deserialize<'de> for Integrations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table("a table of integrations", EachIntegration))
    }
}

impl<'de> Deserialize<'de> for FastApi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table(
            "a table of what the integration starts from",
            ForFastApi,
        ))
    }
}
