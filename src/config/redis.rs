//! A Redis server as a backend: an address, or its parts.

use super::read::field;
use super::values::{Seconds, Text};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What a table for Redis may say; whether it says enough is for the backend itself to tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Redis {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentinels: Option<Hosts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentinel_username: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentinel_password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Hosts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ca: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cert: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_verify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_timeout: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<Plain>,
}

/// The names of the options.
pub(super) const OPTIONS: [&str; 21] = [
    "url",
    "host",
    "port",
    "db",
    "username",
    "password",
    "path",
    "sentinels",
    "service",
    "sentinel_username",
    "sentinel_password",
    "nodes",
    "tls",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_verify",
    "timeout",
    "connect_timeout",
    "prefix",
    "client_name",
];

impl Redis {
    /// Reads the value of `name`, one of [`OPTIONS`].
    pub(super) fn read<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        name: &str,
    ) -> Result<(), A::Error> {
        match name {
            "url" => self.url = field(map, name)?,
            "host" => self.host = field(map, name)?,
            "port" => self.port = field(map, name)?,
            "db" => self.db = field(map, name)?,
            "username" => self.username = field(map, name)?,
            "password" => self.password = field(map, name)?,
            "path" => self.path = field(map, name)?,
            "sentinels" => self.sentinels = field(map, name)?,
            "service" => self.service = field(map, name)?,
            "sentinel_username" => self.sentinel_username = field(map, name)?,
            "sentinel_password" => self.sentinel_password = field(map, name)?,
            "nodes" => self.nodes = field(map, name)?,
            "tls" => self.tls = field(map, name)?,
            "tls_ca" => self.tls_ca = field(map, name)?,
            "tls_cert" => self.tls_cert = field(map, name)?,
            "tls_key" => self.tls_key = field(map, name)?,
            "tls_verify" => self.tls_verify = field(map, name)?,
            "timeout" => self.timeout = field(map, name)?,
            "connect_timeout" => self.connect_timeout = field(map, name)?,
            "prefix" => self.prefix = field(map, name)?,
            _ => self.client_name = field(map, name)?,
        }
        Ok(())
    }
}

/// Whether `text` is the address of a Redis server, or of several.
pub(super) fn is_address(text: &str) -> bool {
    ["redis", "rediss", "valkey", "valkeys"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(is_rest))
}

fn is_rest(rest: &str) -> bool {
    ["://", "+unix://", "+sentinel://", "+cluster://"]
        .iter()
        .any(|separator| rest.starts_with(separator))
}

/// Text that is not shown.
#[derive(Clone, PartialEq, Serialize)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Text("text"))
            .map(Self)
            .map_err(|_| D::Error::custom("this has to be text"))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Plain(String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text("text")).map(Self)
    }
}

/// A port, or the number of a database.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Number(u16);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 65535")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                u16::try_from(value)
                    .map(Number)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(value), &self))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                u16::try_from(value)
                    .map(Number)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
            }
        }

        deserializer.deserialize_any(Whole)
    }
}

/// Several `host:port`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Hosts(Vec<Plain>);

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Hosts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of addresses such as [\"one:6379\", \"two:6379\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Hosts, A::Error> {
                let mut hosts = Vec::new();
                while let Some(host) = list.next_element()? {
                    hosts.push(host);
                }
                Ok(Hosts(hosts))
            }
        }

        deserializer.deserialize_any(List)
    }
}
