//! The store of files as a [`FarStore`]: the answers are there as soon as somebody asks for them.

use super::entry::{Found, Mode, Written};
use super::store::FileStore;
use crate::far::error::FarError;
use crate::far::store::set_of;
use crate::far::{Answer, Condition, Entry, FarStore, Keys, Stored};
use std::path::Path;

/// How many keys are removed in one transaction.
const PAGE: usize = 1000;

impl From<&Found<'_>> for Stored {
    fn from(found: &Found<'_>) -> Self {
        Self {
            terms: found.terms,
            tags: found.tags().map(str::to_owned).collect(),
            version: found.version,
            stale: found.stale,
            payload: found.payload.to_vec(),
        }
    }
}

/// An answer that is worked out when it is awaited, without waiting.
fn answer<'a, T: 'a>(work: impl FnOnce() -> Result<T, FarError> + Send + 'a) -> Answer<'a, T> {
    Box::pin(async move { work() })
}

impl FarStore for FileStore {
    fn place(&self) -> &Path {
        self.dir()
    }

    fn get<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        answer(move || self.get_with(key, now, true, |found| Stored::from(found)))
    }

    fn set<'a>(&'a self, key: &'a [u8], entry: Entry<'a>, now: u64) -> Answer<'a, u64> {
        answer(move || {
            Ok(
                match Self::set(self, &set_of(key, entry, Mode::Always), now)? {
                    Written::Stored(version) => version,
                    Written::Refused | Written::TooHeavy => 0,
                },
            )
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, bool> {
        answer(move || Self::delete(self, key, now))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        cursor: Option<&'a [u8]>,
        limit: usize,
        now: u64,
    ) -> Answer<'a, Keys> {
        answer(move || {
            let page = Self::scan(self, prefix, None, cursor, limit, now)?;
            Ok((
                page.items.into_iter().map(|item| item.key).collect(),
                page.next,
            ))
        })
    }

    fn set_if<'a>(
        &'a self,
        key: &'a [u8],
        entry: Entry<'a>,
        condition: Condition,
        now: u64,
    ) -> Answer<'a, Option<u64>> {
        answer(move || {
            Ok(
                match Self::set(self, &set_of(key, entry, condition.into()), now)? {
                    Written::Stored(version) => Some(version),
                    Written::Refused => None,
                    Written::TooHeavy => Some(0),
                },
            )
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, Vec<Option<Stored>>> {
        answer(move || self.get_many_with(keys, now, |found| Stored::from(found)))
    }

    fn set_many<'a>(&'a self, entries: &'a [(&'a [u8], Entry<'a>)], now: u64) -> Answer<'a, ()> {
        answer(move || {
            let sets: Vec<_> = entries
                .iter()
                .map(|(key, entry)| set_of(key, *entry, Mode::Always))
                .collect();
            Self::set_many(self, &sets, now).map(|_| ())
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, u64> {
        answer(move || Self::delete_many(self, keys, now))
    }

    fn take<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        answer(move || Self::take(self, key, now))
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fresh_until: u64,
        expires: u64,
        now: u64,
    ) -> Answer<'a, bool> {
        answer(move || Self::touch(self, key, fresh_until, expires, now))
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]], hard: bool, now: u64) -> Answer<'a, u64> {
        answer(move || Self::invalidate(self, keys, hard, now))
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [String], hard: bool, now: u64) -> Answer<'a, ()> {
        answer(move || Self::invalidate_tags(self, tags, hard, now))
    }

    fn clear<'a>(&'a self, prefix: &'a [u8], now: u64) -> Answer<'a, u64> {
        answer(move || {
            if prefix.is_empty() {
                return Self::clear(self, now);
            }
            let (mut count, mut cursor) = (0, None);
            loop {
                let page = Self::scan(self, prefix, None, cursor.as_deref(), PAGE, now)?;
                let keys: Vec<_> = page.items.iter().map(|item| item.key.as_slice()).collect();
                count += Self::delete_many(self, &keys, now)?;
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(count),
                }
            }
        })
    }

    fn len(&self, now: u64) -> Answer<'_, u64> {
        answer(move || Self::len(self, now))
    }

    fn close(&self) -> Answer<'_, ()> {
        answer(|| Self::close(self))
    }
}
