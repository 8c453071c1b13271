//! Where the entries live: a name or an address, or a table with the name under `type` and the options beside it.

use super::read::{Choice, field, known};
use super::redis::{self, Redis};
use super::values::{Bytes, Count, Seconds};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// A backend.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Backend {
    /// `memory`, or the address of files or of a server.
    Address(String),
    /// One with its options.
    Table(Box<BackendTable>),
}

/// A backend with its options.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant)] // it is always boxed
pub enum BackendTable {
    /// Files below a directory.
    FileSystem {
        /// Where.
        directory: String,
        /// The largest sum of the entries' sizes.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_bytes: Option<Bytes>,
        /// What a write survives.
        #[serde(skip_serializing_if = "Option::is_none")]
        durability: Option<String>,
        /// How long a write waits for others.
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<Seconds>,
    },
    /// A server, or several.
    Redis(Redis),
    /// Objects of this process before bytes that others see too.
    Tiered {
        /// Before.
        #[serde(skip_serializing_if = "Option::is_none")]
        near: Option<Backend>,
        /// Behind.
        far: Backend,
        /// How long a near copy is served.
        #[serde(skip_serializing_if = "Option::is_none")]
        near_ttl: Option<Seconds>,
        /// When a write reaches what is behind.
        #[serde(skip_serializing_if = "Option::is_none")]
        write: Option<String>,
        /// How many writes may be under way.
        #[serde(skip_serializing_if = "Option::is_none")]
        queue_size: Option<Count>,
    },
}

const KINDS: [&str; 4] = ["memory", "filesystem", "redis", "tiered"];
const OPTIONS: [&[&str]; 4] = [
    &[],
    &["directory", "max_bytes", "durability", "timeout"],
    &redis::OPTIONS,
    &["near", "far", "near_ttl", "write", "queue_size"],
];

fn address<E: Error>(text: &str) -> Result<Backend, E> {
    let is_file = text
        .strip_prefix("file:")
        .is_some_and(|rest| !rest.is_empty());
    if text == "memory" || is_file || redis::is_address(text) {
        return Ok(Backend::Address(text.to_owned()));
    }
    // Not the text itself: it may be an address with a password in it.
    Err(E::custom(
        "there is no such backend; write \"memory\", a URL such as \"file:./cache\" or \"redis://localhost\", or a \
         table with \"type\"",
    ))
}

impl<'de> Deserialize<'de> for Backend {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = Backend;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a backend: \"memory\", a URL such as \"file:./cache\" or \"redis://localhost\", or a table with \"type\"",
                )
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Backend, E> {
                address(value)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Backend, A::Error> {
                table(map)
            }
        }

        deserializer.deserialize_any(Place)
    }
}

#[derive(Default)]
struct Given {
    kind: Option<String>,
    directory: Option<String>,
    max_bytes: Option<Bytes>,
    durability: Option<Choice<2>>,
    redis: Redis,
    near: Option<Backend>,
    far: Option<Backend>,
    near_ttl: Option<Seconds>,
    write: Option<Choice<2>>,
    queue_size: Option<Count>,
}

fn table<'de, A: MapAccess<'de>>(mut map: A) -> Result<Backend, A::Error> {
    let mut table = Given::default();
    let mut names: Vec<&str> = Vec::new();
    let every: Vec<&str> = std::iter::once("type").chain(OPTIONS.concat()).collect();
    while let Some(key) = map.next_key::<String>()? {
        let Some(name) = every.iter().find(|name| **name == key) else {
            return Err(known("option", &key, &every));
        };
        names.push(name);
        match *name {
            "type" => table.kind = field(&mut map, name)?,
            "directory" => table.directory = field(&mut map, name)?,
            "max_bytes" => table.max_bytes = field(&mut map, name)?,
            "durability" => {
                table.durability = Choice::field(&mut map, name, ["process", "system"])?;
            }
            "near" => table.near = field(&mut map, name)?,
            "far" => table.far = field(&mut map, name)?,
            "near_ttl" => table.near_ttl = field(&mut map, name)?,
            "write" => table.write = Choice::field(&mut map, name, ["through", "behind"])?,
            "queue_size" => table.queue_size = field(&mut map, name)?,
            _ => table.redis.read(&mut map, name)?,
        }
    }
    let Some(kind) = table.kind.as_deref() else {
        return Err(A::Error::custom(
            "a table needs \"type\", which is \"memory\", \"filesystem\", \"redis\" or \"tiered\"",
        ));
    };
    let Some(which) = KINDS.iter().position(|name| *name == kind) else {
        return Err(known("backend name", kind, &KINDS));
    };
    let options = OPTIONS[which];
    if let Some(name) = names
        .iter()
        .find(|name| **name != "type" && !options.contains(name))
    {
        return Err(A::Error::custom(format!(
            "{kind:?} takes no {name:?}; its options are {}",
            if options.is_empty() {
                "none".to_owned()
            } else {
                options.join(", ")
            }
        )));
    }
    let needs = |what: &str| A::Error::custom(format!("{kind:?} needs {what:?}"));
    let chosen = |choice: Option<Choice<2>>| choice.map(|choice| choice.0.to_owned());
    Ok(match which {
        0 => Backend::Address("memory".to_owned()),
        1 => Backend::Table(Box::new(BackendTable::FileSystem {
            directory: table.directory.ok_or_else(|| needs("directory"))?,
            max_bytes: table.max_bytes,
            durability: chosen(table.durability),
            timeout: table.redis.timeout,
        })),
        2 => Backend::Table(Box::new(BackendTable::Redis(table.redis))),
        _ => Backend::Table(Box::new(BackendTable::Tiered {
            near: table.near,
            far: table.far.ok_or_else(|| needs("far"))?,
            near_ttl: table.near_ttl,
            write: chosen(table.write),
            queue_size: table.queue_size,
        })),
    })
}
