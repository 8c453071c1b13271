//! What a far store can do: four things that it must, and what follows from them.

use super::entry::{Mode, Set};
use super::error::{FarError, Problem};
use super::record::Terms;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

/// An answer that may take its time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, FarError>> + Send + 'a>>;

/// How many keys of a scan are asked for at once.
const PAGE: usize = 500;

/// An entry, copied out of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Until when it holds, and how it was made.
    pub terms: Terms,
    /// Its tags.
    pub tags: Vec<String>,
    /// Different after every write of the value, where the store knows; else 0.
    pub version: u64,
    /// Whether it is past `fresh_until`, or one of its tags was softly invalidated.
    pub stale: bool,
    /// The value.
    pub payload: Vec<u8>,
}

/// An entry to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// Until when it holds, and how it was made.
    pub terms: Terms,
    /// Its tags.
    pub tags: &'a [String],
    /// The value.
    pub payload: &'a [u8],
}

/// Under which condition an entry is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Under none.
    #[default]
    Always,
    /// If there is no entry.
    Absent,
    /// If there is one.
    Present,
    /// If there is one with this version: compare and swap.
    Version(u64),
}

impl From<Condition> for Mode {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Always => Self::Always,
            Condition::Absent => Self::Add,
            Condition::Present => Self::Replace,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

/// A write of `entry` under `key`, as stores with conditions of their own take it.
pub(super) fn set_of<'a>(key: &'a [u8], entry: Entry<'a>, mode: Mode) -> Set<'a> {
    Set {
        key,
        payload: entry.payload,
        terms: entry.terms,
        tags: entry.tags,
        mode,
        ..Set::default()
    }
}

/// Some keys, and where the next ones begin; `None` at the end.
pub type Keys = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// A store of bytes. Times are nanoseconds since 1970; an entry that is over at `now` is not there.
///
/// What a store does not override is made of the first four, and then atomic only as far as each of these is.
pub trait FarStore: Send + Sync {
    /// What errors name: a directory, or the address of a server.
    fn place(&self) -> &Path;

    /// The entry of `key`.
    fn get<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>>;

    /// Writes an entry; its version, or 0 where the store knows none.
    fn set<'a>(&'a self, key: &'a [u8], entry: Entry<'a>, now: u64) -> Answer<'a, u64>;

    /// Removes an entry; whether there was one.
    fn delete<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, bool>;

    /// Up to `limit` keys that begin with `prefix`, behind `cursor`.
    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        cursor: Option<&'a [u8]>,
        limit: usize,
        now: u64,
    ) -> Answer<'a, Keys>;

    /// Writes an entry under a condition; its version, or `None` if the condition did not hold.
    fn set_if<'a>(
        &'a self,
        key: &'a [u8],
        entry: Entry<'a>,
        condition: Condition,
        now: u64,
    ) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let there = match condition {
                Condition::Always => None,
                _ => self.get(key, now).await?,
            };
            let holds = match condition {
                Condition::Always => true,
                Condition::Absent => there.is_none(),
                Condition::Present => there.is_some(),
                Condition::Version(version) => there.is_some_and(|there| there.version == version),
            };
            if holds {
                self.set(key, entry, now).await.map(Some)
            } else {
                Ok(None)
            }
        })
    }

    /// The entries of many keys, in their order.
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, Vec<Option<Stored>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(keys.len());
            for key in keys {
                all.push(self.get(key, now).await?);
            }
            Ok(all)
        })
    }

    /// Writes many entries.
    fn set_many<'a>(&'a self, entries: &'a [(&'a [u8], Entry<'a>)], now: u64) -> Answer<'a, ()> {
        Box::pin(async move {
            for (key, entry) in entries {
                self.set(key, *entry, now).await?;
            }
            Ok(())
        })
    }

    /// Removes many entries; how many there were.
    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, u64> {
        Box::pin(async move {
            let mut count = 0;
            for key in keys {
                count += u64::from(self.delete(key, now).await?);
            }
            Ok(count)
        })
    }

    /// Removes an entry and returns it.
    fn take<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        Box::pin(async move {
            let found = self.get(key, now).await?;
            if found.is_some() {
                self.delete(key, now).await?;
            }
            Ok(found)
        })
    }

    /// Gives an entry another end; whether there was one.
    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fresh_until: u64,
        expires: u64,
        now: u64,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let Some(found) = self.get(key, now).await? else {
                return Ok(false);
            };
            let terms = Terms {
                fresh_until,
                expires,
                ..found.terms
            };
            let entry = Entry {
                terms,
                tags: &found.tags,
                payload: &found.payload,
            };
            let version = found.version;
            let condition = if version == 0 {
                Condition::Present
            } else {
                Condition::Version(version)
            };
            Ok(self.set_if(key, entry, condition, now).await?.is_some())
        })
    }

    /// Makes entries stale, or gone if `hard`; how many there were.
    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]], hard: bool, now: u64) -> Answer<'a, u64> {
        Box::pin(async move {
            if hard {
                return self.delete_many(keys, now).await;
            }
            let mut count = 0;
            for key in keys {
                if let Some(found) = self.get(key, now).await? {
                    let fresh_until = found.terms.fresh_until.min(now);
                    count += u64::from(
                        self.touch(key, fresh_until, found.terms.expires, now)
                            .await?,
                    );
                }
            }
            Ok(count)
        })
    }

    /// Makes whatever carries one of `tags` stale, or gone if `hard`. Looks at every entry, unless overridden.
    fn invalidate_tags<'a>(&'a self, tags: &'a [String], hard: bool, now: u64) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut cursor = None;
            loop {
                let (keys, next) = self.scan(b"", cursor.as_deref(), PAGE, now).await?;
                for key in &keys {
                    let found = self.get(key, now).await?;
                    if found.is_some_and(|found| found.tags.iter().any(|tag| tags.contains(tag))) {
                        self.invalidate(&[key], hard, now).await?;
                    }
                }
                match next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(()),
                }
            }
        })
    }

    /// Removes whatever begins with `prefix`; how many entries there were.
    fn clear<'a>(&'a self, prefix: &'a [u8], now: u64) -> Answer<'a, u64> {
        Box::pin(async move {
            let mut count = 0;
            let mut cursor = None;
            loop {
                let (keys, next) = self.scan(prefix, cursor.as_deref(), PAGE, now).await?;
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                count += self.delete_many(&keys, now).await?;
                match next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(count),
                }
            }
        })
    }

    /// How many entries there are. Looks at every key, unless overridden.
    fn len(&self, now: u64) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut count = 0;
            let mut cursor = None;
            loop {
                let (keys, next) = self.scan(b"", cursor.as_deref(), PAGE, now).await?;
                count += keys.len() as u64;
                match next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(count),
                }
            }
        })
    }

    /// Gives back what the store holds on to. Later operations fail.
    fn close(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The error of an operation that the store cannot do.
    fn unsupported(&self, operation: &'static str, why: &str) -> FarError {
        FarError::new(
            operation,
            self.place(),
            Problem::Unsupported(why.to_owned()),
        )
    }
}
