//! The simplest requests for callers that wait, over connections of their own: see [`super::wire`].

use super::home::Home;
use super::link::Address;
use super::slots::slot;
use super::store::RedisStore;
use super::value::{accept, lifetime, pack};
use super::wire::{Answer, Wire, command};
use crate::far::Stored;
use crate::far::entry::{Mode, Set, Written};
use crate::far::error::{FarError, Problem};
use redis::Value;
use std::io;

impl RedisStore {
    /// As [`RedisStore::get`], waiting in this thread.
    pub fn get_blocking(&self, key: &[u8], now: u64) -> Result<Option<Stored>, FarError> {
        let home = self.home("get")?;
        let name = self.names.entry(key);
        let asks = home.tags.used();
        if let Some(address) = home.reachable(&name, asks.then_some(self.names.tags.as_bytes())) {
            let mut out = Vec::with_capacity(name.len() + 64);
            command(&mut out, &[b"GET", &name]);
            if asks {
                command(&mut out, &[b"HGET", self.names.tags.as_bytes(), b"g"]);
            }
            let answers = self.exchange(home, &address, &out, 1 + usize::from(asks), "get")?;
            let mut values = answers.into_iter().map(value);
            if let Some(Some(value)) = values.next() {
                let generation = match values.next() {
                    None => Some(None),
                    Some(Some(value)) => {
                        let generation = super::tags::generation(&value);
                        home.tags.saw(generation);
                        Some(Some(generation))
                    }
                    Some(None) => None,
                };
                if let Some(generation) = generation {
                    let looked = match home.look(key, &value, generation, now) {
                        super::read::Looked::Known(found) => Ok(found),
                        super::read::Looked::Unknown(_) => self.block_on(async {
                            self.open_value(home, key, &value, generation, now)
                                .await
                                .map_err(|problem| self.error("get", problem))
                        })?,
                    };
                    return looked.map(|found| home.count(found));
                }
            }
        }
        self.block_on(self.get(key, now))?
    }

    /// As [`RedisStore::set`], waiting in this thread.
    pub fn set_blocking(&self, set: &Set<'_>, now: u64) -> Result<Written, FarError> {
        let home = self.home("set")?;
        // Where changes are told of, the common connection is the one that is not told of its own.
        let plain = set.mode == Mode::Always
            && set.token.is_none()
            && set.tags.is_empty()
            && !home.watch.is_coherent();
        let name = self.names.entry(set.key);
        if plain && let Some(address) = home.reachable(&name, None) {
            accept(set).map_err(|problem| self.error("set", problem))?;
            let packed = pack(set, 0);
            let mut out = Vec::with_capacity(name.len() + packed.bytes.len() + 96);
            let lifetime = lifetime(set.terms.expires, now);
            let mut words: Vec<&[u8]> = vec![b"SET", &name, &packed.bytes];
            if !lifetime.is_empty() {
                words.extend([&b"PX"[..], lifetime.as_bytes()]);
            }
            command(&mut out, &words);
            let answers = self.exchange(home, &address, &out, 1, "set")?;
            if answers.first() == Some(&Answer::Done) {
                return Ok(Written::Stored(packed.nonce));
            }
        }
        self.block_on(self.set(set, now))?
    }

    /// The answers of the server at `address`; none if the common connection should be asked.
    fn exchange(
        &self,
        home: &Home,
        address: &Address,
        commands: &[u8],
        count: usize,
        operation: &'static str,
    ) -> Result<Vec<Answer>, FarError> {
        let attempt = |mut wire: Wire| {
            let answers = wire.exchange(commands, count)?;
            home.wires.give(wire);
            Ok(answers)
        };
        let tried = match home.wires.take(address) {
            // It may have been closed while nobody used it.
            Some(wire) => attempt(wire).or_else(|error: io::Error| {
                if is_late(&error) {
                    return Err(error);
                }
                Wire::connect(address, &self.options).and_then(attempt)
            }),
            None => Wire::connect(address, &self.options).and_then(attempt),
        };
        match tried {
            Ok(answers) => Ok(answers),
            Err(error) if is_late(&error) => {
                home.server.link(address).retire();
                Err(self.error(operation, Problem::TimedOut(self.options.timeout)))
            }
            Err(_) => Ok(Vec::new()),
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

fn value(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Nothing => Some(Value::Nil),
        Answer::Bytes(bytes) => Some(Value::BulkString(bytes)),
        Answer::Done | Answer::Other => None,
    }
}

impl Home {
    /// Where the key called `name` is, and the one called `other` with it, if a plain socket leads there.
    fn reachable(&self, name: &[u8], other: Option<&[u8]>) -> Option<Address> {
        if self.server.options.tls.is_some() {
            return None;
        }
        let map = self.server.map.read();
        let address = map.owner(slot(name))?;
        // The common connection is the one that finds out, within a time, what is wrong with a server.
        if !self.server.link(&address).is_up() {
            return None;
        }
        match other {
            Some(other) if map.owner(slot(other))? != address => None,
            _ => Some(address),
        }
    }
}
