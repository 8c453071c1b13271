//! The operations that write.

use super::entry::{Mode, Set, Written};
use super::fault::Fault;
use super::handle::Handle;
use super::lease::{Leased, Owner};
use super::options::Durability;
use super::read;
use super::row::stored;
use super::store::FileStore;
use super::tags::Verdict;
use super::write::{Job, Kept, Value, Write, Writer};
use crate::far::Stored;
use crate::far::error::{FarError, Problem};
use crate::far::record::{Flags, MAX_TAG, MAX_TAGS, Sealed, Terms};
use crate::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What fits into a file of LMDB, which writes a value with one call of the system, and that takes less than 2 GiB.
const MAX_KEY: usize = 1 << 20;
const MAX_PAYLOAD: usize = (1 << 31) - (1 << 20);

impl FileStore {
    /// Writes an entry.
    pub fn set(&self, set: &Set<'_>, now: u64) -> Result<Written, FarError> {
        accept(set).map_err(|problem| self.error("set", problem))?;
        let sealed = Sealed::new(set.payload);
        if self.options.durability == Durability::Process {
            return self.direct("set", now, |write| apply_set(write, set, sealed));
        }
        let owned = OwnedSet::new(set);
        self.grouped("set", now, move |write| {
            apply_set(write, &owned.borrow(), sealed)
        })
    }

    /// Writes many entries, all of them or none.
    pub fn set_many(&self, sets: &[Set<'_>], now: u64) -> Result<Vec<Written>, FarError> {
        let mut sealed = Vec::with_capacity(sets.len());
        for set in sets {
            accept(set).map_err(|problem| self.error("set_many", problem))?;
            sealed.push(Sealed::new(set.payload));
        }
        self.direct("set_many", now, |write| {
            let pairs = sets.iter().zip(&sealed);
            pairs
                .map(|(set, sealed)| apply_set(write, set, *sealed))
                .collect()
        })
    }

    /// Removes an entry; whether there was one. A load of the key that is under way will not be stored.
    pub fn delete(&self, key: &[u8], now: u64) -> Result<bool, FarError> {
        Ok(self.delete_many(&[key], now)? > 0)
    }

    /// As [`FileStore::delete`] of many keys; how many there were.
    pub fn delete_many(&self, keys: &[&[u8]], now: u64) -> Result<u64, FarError> {
        let keys = owned(keys);
        self.change("delete", now, move |write| {
            let mut count = 0;
            for key in &keys {
                count += u64::from(delete(write, key)?);
            }
            Ok(count)
        })
    }

    /// Removes an entry and returns it; `None` if there was none.
    pub fn take(&self, key: &[u8], now: u64) -> Result<Option<Stored>, FarError> {
        let key = key.to_vec();
        self.change("take", now, move |write| {
            let found = read::find(&write.trees, write.txn, &key, now)?;
            let taken = found.found().map(|(found, _)| Stored::from(&found));
            delete(write, &key)?;
            Ok(taken)
        })
    }

    /// Gives an entry another end, and makes it as fresh as that says whatever was stale before; whether there was one.
    pub fn touch(
        &self,
        key: &[u8],
        fresh_until: u64,
        expires: u64,
        now: u64,
    ) -> Result<bool, FarError> {
        let key = key.to_vec();
        self.change("touch", now, move |write| {
            let stored = stored(&key);
            let Some((kept, terms)) = there(write, &stored, &key)? else {
                return Ok(false);
            };
            let terms = Terms {
                fresh_until,
                expires,
                flags: terms.flags.without(Flags::SOFT),
                ..terms
            };
            let (stamp, renewed) = (write.head.next(), write.head.generation);
            write.rewrite(&stored, &kept, Some(&terms), Some(renewed), stamp)?;
            write.log.key(&key);
            Ok(true)
        })
    }

    /// Makes entries stale, or gone if `hard` or if they are not kept past their time; how many there were. Loads of the keys that are under way will not be
    /// stored.
    pub fn invalidate(&self, keys: &[&[u8]], hard: bool, now: u64) -> Result<u64, FarError> {
        if hard {
            return self.delete_many(keys, now);
        }
        let keys = owned(keys);
        self.change("invalidate", now, move |write| {
            let mut count = 0;
            for key in &keys {
                let stored = stored(key);
                let loads = write.end_lease(&stored)?;
                let Some((kept, terms)) = there(write, &stored, key)? else {
                    if loads {
                        write.log.key(key);
                    }
                    continue;
                };
                if terms.has_window() {
                    let terms = Terms {
                        fresh_until: terms.fresh_until.min(now),
                        flags: terms.flags.with(Flags::SOFT),
                        ..terms
                    };
                    write.rewrite(&stored, &kept, Some(&terms), None, kept.stamp)?;
                } else {
                    write.remove(&stored, &kept)?;
                }
                write.log.key(key);
                count += 1;
            }
            Ok(count)
        })
    }

    /// Makes whatever carries one of `tags` stale, or gone as [`FileStore::invalidate`] does, however much that is.
    pub fn invalidate_tags(&self, tags: &[String], hard: bool, now: u64) -> Result<(), FarError> {
        check_tags(tags).map_err(|problem| self.error("invalidate_tags", problem))?;
        let tags = tags.to_vec();
        self.change("invalidate_tags", now, move |write| {
            tags.iter()
                .try_for_each(|tag| write.invalidate_tag(tag, hard))
        })
    }

    /// Removes everything; how many entries there were, such that were over among them.
    pub fn clear(&self, now: u64) -> Result<u64, FarError> {
        #[allow(clippy::redundant_closure_for_method_calls)]
        // the method is not general enough in its lifetimes
        self.change("clear", now, |write| write.clear())
    }

    /// Asks for the lease of `key`, for `owner`, until `until` at the latest.
    ///
    /// Who is told that somebody holds it looks at [`FileStore::position`] from time to time, at a pace of its own choice,
    /// and asks again when it has changed.
    pub fn lease(
        &self,
        key: &[u8],
        owner: Owner,
        until: u64,
        now: u64,
    ) -> Result<Leased, FarError> {
        let key = key.to_vec();
        self.change("lease", now, move |write| write.lease(&key, owner, until))
    }

    /// Ends the lease of `key` that has this token; whether it held.
    pub fn release(&self, key: &[u8], token: u64, now: u64) -> Result<bool, FarError> {
        let key = stored(key);
        self.change("release", now, move |write| {
            Ok(write.has_token(&key, token)? && write.end_lease(&key)?)
        })
    }

    /// Writes what was noted and counted, if there is anything.
    pub(super) fn settle(&self, handle: &Arc<Handle>) -> Result<(), FarError> {
        if handle.counters.peek().is_empty() {
            return Ok(());
        }
        // The time stands still: nothing is over that was not before.
        self.direct("close", 0, |write| {
            write.changed = true;
            Ok(())
        })
    }

    /// Runs `run` in a transaction, with those of other threads where that saves waiting for the disk.
    pub(super) fn change<A: Send + 'static>(
        &self,
        operation: &'static str,
        now: u64,
        run: impl FnMut(&mut Write<'_, '_>) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, FarError> {
        if self.options.durability == Durability::Process {
            self.direct(operation, now, run)
        } else {
            self.grouped(operation, now, run)
        }
    }

    /// Runs `run` in a transaction of its own. It may run more than once; what the last one answers counts.
    fn direct<A>(
        &self,
        operation: &'static str,
        now: u64,
        mut run: impl FnMut(&mut Write<'_, '_>) -> Result<A, Fault>,
    ) -> Result<A, FarError> {
        let mut answer = None;
        let mut run = |write: &mut Write<'_, '_>| {
            answer = Some(run(write)?);
            Ok(())
        };
        let handle = self.handle(operation)?;
        let job = Job {
            writer: self.writer(handle, now),
            run: &mut run,
        };
        handle.write(operation, &mut [job])?;
        answer.ok_or_else(|| self.error(operation, Problem::Closed))
    }

    /// As [`FileStore::direct`], with the writes of other threads in the same transaction.
    fn grouped<A: Send + 'static>(
        &self,
        operation: &'static str,
        now: u64,
        mut run: impl FnMut(&mut Write<'_, '_>) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, FarError> {
        let answer = Arc::new(Mutex::new(None));
        let give = Arc::clone(&answer);
        let run = Box::new(move |write: &mut Write<'_, '_>| {
            *give.lock() = Some(run(write)?);
            Ok(())
        });
        let handle = self.handle(operation)?;
        handle
            .group
            .write(handle, operation, self.writer(handle, now), run)?;
        let answer = answer.lock().take();
        answer.ok_or_else(|| self.error(operation, Problem::Closed))
    }

    fn writer(&self, handle: &Handle, now: u64) -> Writer {
        Writer {
            mark: self.mark_of(handle.pid),
            max_bytes: self.limits.bytes.load(Relaxed),
            max_entries: self.limits.entries.load(Relaxed),
            now,
        }
    }
}

/// Whether there is room for an entry.
fn accept(set: &Set<'_>) -> Result<(), Problem> {
    for (what, size, limit) in [
        ("a key", set.key.len(), MAX_KEY),
        ("a value", set.payload.len(), MAX_PAYLOAD),
    ] {
        if size > limit {
            return Err(Problem::TooLarge {
                what,
                size: size as u64,
                limit: limit as u64,
            });
        }
    }
    check_tags(set.tags)
}

fn check_tags(tags: &[String]) -> Result<(), Problem> {
    let too_large = |what, size: usize, limit: usize| {
        Err(Problem::TooLarge {
            what,
            size: size as u64,
            limit: limit as u64,
        })
    };
    if tags.len() > MAX_TAGS {
        return Err(Problem::Unsupported(format!(
            "{} tags; at most {MAX_TAGS} are possible",
            tags.len()
        )));
    }
    match tags.iter().find(|tag| tag.len() > MAX_TAG) {
        Some(tag) => too_large("a tag", tag.len(), MAX_TAG),
        None => Ok(()),
    }
}

fn apply_set(write: &mut Write<'_, '_>, set: &Set<'_>, sealed: Sealed) -> Result<Written, Fault> {
    let stored = stored(set.key);
    let old = write.find_key(&stored, set.key)?;
    let there = old.filter(Kept::is_there);
    let allowed = match set.mode {
        Mode::Always => true,
        Mode::Add => there.is_none(),
        Mode::Replace => there.is_some(),
        Mode::Version(version) => there.is_some_and(|kept| kept.version == version),
    };
    let held = match set.token {
        Some(token) => write.has_token(&stored, token)?,
        None => true,
    };
    if !allowed || !held {
        return Ok(Written::Refused);
    }
    write.end_lease(&stored)?;
    let value = Value {
        terms: &set.terms,
        tags: set.tags,
        generation: set.generation,
        payload: set.payload,
        sealed,
    };
    let version = write.put(&stored, set.key, &value, old.as_ref())?;
    write.log.key(set.key);
    Ok(version.map_or(Written::TooHeavy, Written::Stored))
}

/// Removes the entry of `key`, and the lease of whoever loads it, who hears of it; whether there was an entry.
fn delete(write: &mut Write<'_, '_>, key: &[u8]) -> Result<bool, Fault> {
    let stored = stored(key);
    let loads = write.end_lease(&stored)?;
    let Some(kept) = write.find_key(&stored, key)? else {
        if loads {
            write.log.key(key);
        }
        return Ok(false);
    };
    let was_there = kept.is_there();
    write.remove(&stored, &kept)?;
    write.log.key(key);
    Ok(was_there)
}

/// The entry of `key` and its terms, if there is one.
fn there(write: &Write<'_, '_>, stored: &[u8], key: &[u8]) -> Result<Option<(Kept, Terms)>, Fault> {
    let kept = write
        .find_key(stored, key)?
        .filter(|kept| kept.verdict != Verdict::Gone);
    Ok(kept.and_then(|kept| Some((kept, kept.terms?))))
}

fn owned(keys: &[&[u8]]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.to_vec()).collect()
}

/// A [`Set`] that another thread may write.
struct OwnedSet {
    key: Vec<u8>,
    payload: Vec<u8>,
    tags: Vec<String>,
    rest: Set<'static>,
}

impl OwnedSet {
    fn new(set: &Set<'_>) -> Self {
        Self {
            key: set.key.to_vec(),
            payload: set.payload.to_vec(),
            tags: set.tags.to_vec(),
            rest: Set {
                key: &[],
                payload: &[],
                tags: &[],
                ..*set
            },
        }
    }

    fn borrow(&self) -> Set<'_> {
        Set {
            key: &self.key,
            payload: &self.payload,
            tags: &self.tags,
            ..self.rest
        }
    }
}
