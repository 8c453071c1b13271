//! The simplest requests for callers that wait, over connections of their own: see [`super::wire`].

use super::answer::Answer;
use super::errand::Errand;
use super::home::Home;
use super::link::Address;
use super::read::Looked;
use super::store::RedisStore;
use super::wire::Wire;
use crate::far::Stored;
use crate::far::entry::{Set, Written};
use crate::far::error::{FarError, Problem};
use std::io;
use std::time::Instant;

impl RedisStore {
    /// As [`RedisStore::get`], waiting in this thread.
    pub fn get_blocking(&self, key: &[u8], now: u64) -> Result<Option<Stored>, FarError> {
        let (home, until) = (self.home("get")?, self.deadline());
        let errand = self.errand_get(key)?;
        let answers = self.send(home, &errand, "get")?;
        if let Some((value, generation)) = home.read(&errand, answers) {
            let looked = match home.look(key, &value, generation, now) {
                Looked::Known(found) => Ok(found),
                Looked::Unknown(_) => self.block_on(async {
                    self.open_value(home, key, &value, generation, now)
                        .await
                        .map_err(|problem| self.error("get", problem))
                })?,
            };
            return looked.map(|found| home.count(found));
        }
        self.block_on(self.by(until, "get", self.get(key, now)))?
    }

    /// As [`RedisStore::get_many`], waiting in this thread.
    pub fn get_many_blocking(
        &self,
        keys: &[&[u8]],
        now: u64,
    ) -> Result<Vec<Option<Stored>>, FarError> {
        let (home, until) = (self.home("get_many")?, self.deadline());
        if let Some(errand) = self.errand_get_many(keys)? {
            let answers = self.send(home, &errand, "get_many")?;
            if let Some(found) = self.got_many(&errand, keys, answers, now) {
                return Ok(found);
            }
        }
        self.block_on(self.by(until, "get_many", self.get_many(keys, now)))?
    }

    /// As [`RedisStore::set`], waiting in this thread.
    pub fn set_blocking(&self, set: &Set<'_>, now: u64) -> Result<Written, FarError> {
        let (home, until) = (self.home("set")?, self.deadline());
        if let Some(errand) = self.errand_set(set, now)? {
            let answers = self.send(home, &errand, "set")?;
            if let Some(written) = errand.written(&answers) {
                return Ok(written);
            }
        }
        self.block_on(self.by(until, "set", self.set(set, now)))?
    }

    /// When an operation that begins now has to be over, whichever way it takes.
    fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.options.timeout)
    }

    /// The answers to `errand`; none if the common connection should be asked.
    fn send(
        &self,
        home: &Home,
        errand: &Errand,
        operation: &'static str,
    ) -> Result<Vec<Answer>, FarError> {
        let Some(address) = home.reachable(errand) else {
            return Ok(Vec::new());
        };
        let mut out = Vec::new();
        let count = errand.write(&mut out);
        self.exchange(home, &address, &out, count, operation)
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
