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

/// A request for one key, or for several that one server has.
pub struct Errand {
    name: Vec<u8>,
    others: Vec<Vec<u8>>,
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
            others: Vec::new(),
            kind: Kind::Get {
                tags: home.tags.used().then(|| self.names.tags.clone()),
            },
        })
    }

    /// To read the entries of `keys`; there is none if there are no keys.
    pub fn errand_get_many(&self, keys: &[&[u8]]) -> Result<Option<Errand>, FarError> {
        let Some((first, others)) = keys.split_first() else {
            return Ok(None);
        };
        Ok(Some(Errand {
            others: others.iter().map(|key| self.names.entry(key)).collect(),
            ..self.errand_get(first)?
        }))
    }

    /// To write an entry, if nothing has to hold for that, and plain sockets lead to the server.
    pub fn errand_set(&self, set: &Set<'_>, now: u64) -> Result<Option<Errand>, FarError> {
        let home = self.noted_home("set")?;
        // Where changes are told of, the common connection is the one that is not told of its own. Over TLS there is no
        // other one, and the entry would be packed in vain.
        if home.server.options.tls.is_some()
            || set.mode != Mode::Always
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
            others: Vec::new(),
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

    /// The entries that were answered to `errand`, which asks for `keys`, if that is all there is to know.
    pub fn got_many(
        &self,
        errand: &Errand,
        keys: &[&[u8]],
        answers: Vec<Answer>,
        now: u64,
    ) -> Option<Vec<Option<Stored>>> {
        let home = self.noted_home("get_many").ok()?;
        let (values, generation) = home.read_many(errand, answers)?;
        let looks = keys.iter().zip(&values);
        let found = looks.map(
            |(key, value)| match home.look(key, value, generation, now) {
                Looked::Known(found) => Some(found),
                Looked::Unknown(_) => None,
            },
        );
        let found: Vec<_> = found.collect::<Option<_>>()?;
        Some(found.into_iter().map(|found| home.count(found)).collect())
    }
}

impl Errand {
    /// Appends what the server is to be sent; how many answers it has, beside those of which it says that they follow.
    pub fn write(&self, out: &mut Vec<u8>) -> usize {
        match &self.kind {
            Kind::Get { tags } => {
                if self.others.is_empty() {
                    command(out, &[b"GET", &self.name]);
                } else {
                    let mut words: Vec<&[u8]> = vec![b"MGET", &self.name];
                    words.extend(self.others.iter().map(Vec::as_slice));
                    command(out, &words);
                }
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
        map.has(&self.name, address)
            && self.others.iter().all(|name| map.has(name, address))
            && tags.is_none_or(|tags| map.has(tags.as_bytes(), address))
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
        let mut values = answers.into_iter().map(value);
        let value = values.next()??;
        let generation = self.read_generation(errand, values.next())?;
        Some((value, generation))
    }

    /// The same for many.
    fn read_many(
        &self,
        errand: &Errand,
        answers: Vec<Answer>,
    ) -> Option<(Vec<Value>, Option<u64>)> {
        let count = 1 + errand.others.len();
        let mut answers = answers.into_iter();
        if count > 1 && answers.next()? != Answer::Many(count) {
            return None;
        }
        let mut values = answers.map(value);
        let all: Vec<_> = values.by_ref().take(count).collect::<Option<_>>()?;
        let generation = self.read_generation(errand, values.next())?;
        (all.len() == count).then_some((all, generation))
    }

    /// The generation of the tags, if it was asked for; nothing if the answer is none.
    #[allow(clippy::option_option)] // whether it was asked for, and whether it was answered
    fn read_generation(
        &self,
        errand: &Errand,
        answer: Option<Option<Value>>,
    ) -> Option<Option<u64>> {
        match &errand.kind {
            Kind::Get { tags: Some(_) } => {
                let generation = tags::generation(&answer??);
                self.tags.saw(generation);
                Some(Some(generation))
            }
            Kind::Get { tags: None } => Some(None),
            Kind::Set { .. } => None,
        }
    }
}

fn value(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Nothing => Some(Value::Nil),
        Answer::Bytes(bytes) => Some(Value::BulkString(bytes)),
        Answer::Done | Answer::Many(_) | Answer::Other => None,
    }
}
