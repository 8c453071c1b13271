//! The simplest requests, which may go over any connection to the server that has their key, and what is answered.
//!
//! Callers that need not wait for the threads which drive the common connection have their own: a thread that waits by
//! itself ([`super::wire`]), and an event loop ([`super::lane`]). What is out of the ordinary is nothing for an errand,
//! and goes over the common connection.

use super::answer::{Answer, command};
use super::home::Home;
use super::link::{Address, Link};
use super::read::Looked;
use super::slots::slot;
use super::store::RedisStore;
use super::tags;
use super::value::{accept, lifetime, pack};
use super::watch::Level;
use crate::far::Stored;
use crate::far::entry::{Mode, Set, Written};
use crate::far::error::FarError;
use redis::Value;

/// A request for one key.
pub struct Errand {
    name: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Get {
        /// The name of what is asked for with it, where entries have tags: their generation.
        tags: Option<String>,
    },
    Set {
        value: Vec<u8>,
        /// Milliseconds; empty for ever.
        lifetime: String,
        version: u64,
    },
}

impl RedisStore {
    /// To read the entry of `key`.
    pub fn errand_get(&self, key: &[u8]) -> Result<Errand, FarError> {
        let home = self.noted_home("get")?;
        Ok(Errand {
            name: self.names.entry(key),
            kind: Kind::Get {
                tags: home.tags.used().then(|| self.names.tags.clone()),
            },
        })
    }

    /// To write an entry, if nothing has to hold for that.
    pub fn errand_set(&self, set: &Set<'_>, now: u64) -> Result<Option<Errand>, FarError> {
        let home = self.noted_home("set")?;
        // Where changes are told of, the common connection is the one that is not told of its own.
        if set.mode != Mode::Always
            || set.token.is_some()
            || !set.tags.is_empty()
            || home.watch.wanted() == Level::Tracked
        {
            return Ok(None);
        }
        accept(set).map_err(|problem| self.error("set", problem))?;
        let packed = pack(set, 0);
        Ok(Some(Errand {
            name: self.names.entry(set.key),
            kind: Kind::Set {
                value: packed.bytes,
                lifetime: lifetime(set.terms.expires, now),
                version: packed.nonce,
            },
        }))
    }

    /// The entry that was answered to `errand`, if that is all there is to know.
    pub fn got(
        &self,
        errand: &Errand,
        key: &[u8],
        answers: Vec<Answer>,
        now: u64,
    ) -> Option<Option<Stored>> {
        let home = self.noted_home("get").ok()?;
        let (value, generation) = home.read(errand, answers)?;
        match home.look(key, &value, generation, now) {
            Looked::Known(found) => Some(home.count(found)),
            Looked::Unknown(_) => None,
        }
    }
}

impl Errand {
    /// Appends what the server is to be sent; how many answers it has.
    pub fn write(&self, out: &mut Vec<u8>) -> usize {
        match &self.kind {
            Kind::Get { tags } => {
                command(out, &[b"GET", &self.name]);
                let Some(tags) = tags else {
                    return 1;
                };
                command(out, &[b"HGET", tags.as_bytes(), b"g"]);
                2
            }
            Kind::Set {
                value, lifetime, ..
            } => {
                if lifetime.is_empty() {
                    command(out, &[b"SET", &self.name, value]);
                } else {
                    command(
                        out,
                        &[b"SET", &self.name, value, b"PX", lifetime.as_bytes()],
                    );
                }
                1
            }
        }
    }

    /// What became of the entry, if it was written.
    pub fn written(&self, answers: &[Answer]) -> Option<Written> {
        match (&self.kind, answers) {
            (Kind::Set { version, .. }, [Answer::Done]) => Some(Written::Stored(*version)),
            _ => None,
        }
    }

    /// Whether `address` has all that it asks for.
    fn is_for(&self, home: &Home, address: &Address) -> bool {
        let map = home.server.map.read();
        let tags = match &self.kind {
            Kind::Get { tags } => tags.as_ref(),
            Kind::Set { .. } => None,
        };
        map.has(&self.name, address) && tags.is_none_or(|tags| map.has(tags.as_bytes(), address))
    }
}

impl Home {
    /// Where `errand` may go, if a plain socket leads there.
    pub(super) fn reachable(&self, errand: &Errand) -> Option<Address> {
        if self.server.options.tls.is_some() {
            return None;
        }
        let address = self.server.map.read().owner(slot(&errand.name))?;
        // The common connection is the one that finds out, within a time, what is wrong with a server.
        let up = self.server.link(&address).is_up();
        (up && errand.is_for(self, &address)).then_some(address)
    }

    /// Whether `errand` may go over a connection to where `link` leads.
    pub(super) fn leads(&self, link: &Link, errand: &Errand) -> bool {
        link.is_up() && errand.is_for(self, &link.address)
    }

    /// The value that was answered, and the generation of the tags, if that was asked for.
    pub(super) fn read(
        &self,
        errand: &Errand,
        answers: Vec<Answer>,
    ) -> Option<(Value, Option<u64>)> {
        let Kind::Get { tags } = &errand.kind else {
            return None;
        };
        let mut values = answers.into_iter().map(value);
        let value = values.next()??;
        if tags.is_none() {
            return Some((value, None));
        }
        let generation = tags::generation(&values.next()??);
        self.tags.saw(generation);
        Some((value, Some(generation)))
    }
}

fn value(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Nothing => Some(Value::Nil),
        Answer::Bytes(bytes) => Some(Value::BulkString(bytes)),
        Answer::Done | Answer::Other => None,
    }
}
