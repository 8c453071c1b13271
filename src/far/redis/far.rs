//! The store on a server as a [`FarStore`].

use super::store::RedisStore;
use crate::far::entry::{Mode, Written};
use crate::far::store::set_of;
use crate::far::{Answer, Condition, Entry, FarStore, Keys, Stored};
use std::path::Path;

impl FarStore for RedisStore {
    fn place(&self) -> &Path {
        self.address()
    }

    fn get<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        Box::pin(Self::get(self, key, now))
    }

    fn set<'a>(&'a self, key: &'a [u8], entry: Entry<'a>, now: u64) -> Answer<'a, u64> {
        Box::pin(async move {
            let set = set_of(key, entry, Mode::Always);
            Ok(match Self::set(self, &set, now).await? {
                Written::Stored(version) => version,
                Written::Refused | Written::TooHeavy => 0,
            })
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, bool> {
        Box::pin(Self::delete(self, key, now))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        cursor: Option<&'a [u8]>,
        limit: usize,
        now: u64,
    ) -> Answer<'a, Keys> {
        Box::pin(async move {
            let page = Self::scan(self, prefix, None, cursor, limit, now).await?;
            let keys = page.items.into_iter().map(|item| item.key);
            Ok((keys.collect(), page.next))
        })
    }

    fn set_if<'a>(
        &'a self,
        key: &'a [u8],
        entry: Entry<'a>,
        condition: Condition,
        now: u64,
    ) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let set = set_of(key, entry, condition.into());
            Ok(match Self::set(self, &set, now).await? {
                Written::Stored(version) => Some(version),
                Written::Refused => None,
                Written::TooHeavy => Some(0),
            })
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, Vec<Option<Stored>>> {
        Box::pin(Self::get_many(self, keys, now))
    }

    fn set_many<'a>(&'a self, entries: &'a [(&'a [u8], Entry<'a>)], now: u64) -> Answer<'a, ()> {
        Box::pin(async move {
            let sets: Vec<_> = entries
                .iter()
                .map(|(key, entry)| set_of(key, *entry, Mode::Always))
                .collect();
            Self::set_many(self, &sets, now).await.map(drop)
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a [u8]], now: u64) -> Answer<'a, u64> {
        Box::pin(Self::delete_many(self, keys, now))
    }

    fn take<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        Box::pin(Self::take(self, key, now))
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fresh_until: u64,
        expires: u64,
        now: u64,
    ) -> Answer<'a, bool> {
        Box::pin(Self::touch(self, key, fresh_until, expires, now))
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]], hard: bool, now: u64) -> Answer<'a, u64> {
        Box::pin(Self::invalidate(self, keys, hard, now))
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [String], hard: bool, now: u64) -> Answer<'a, ()> {
        Box::pin(Self::invalidate_tags(self, tags, hard, now))
    }

    fn clear<'a>(&'a self, prefix: &'a [u8], now: u64) -> Answer<'a, u64> {
        Box::pin(async move {
            if prefix.is_empty() {
                return Self::clear(self).await;
            }
            let (mut count, mut cursor) = (0, None);
            loop {
                let page = Self::scan(self, prefix, None, cursor.as_deref(), 1000, now).await?;
                let keys: Vec<_> = page.items.iter().map(|item| item.key.as_slice()).collect();
                count += Self::delete_many(self, &keys, now).await?;
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return Ok(count),
                }
            }
        })
    }

    fn len(&self, now: u64) -> Answer<'_, u64> {
        Box::pin(Self::count(self, now))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Self::close(self)))
    }
}
