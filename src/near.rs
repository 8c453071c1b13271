//! The in-process store: one shard behind one lock, more of them only where threads truly run in parallel.
//!
//! Every method takes the lock, does one thing and gives it back. What left the cache is returned, never dropped under
//! the lock: dropping it may run anything.

use crate::clock::Clock;
use crate::entry::{Cause, Gone, Life, Removed, View};
use crate::policy::Kind;
use crate::shard::{Found, Limits, Put, Shard, Sight, Stored};
use crate::stats::Counters;
use parking_lot::RawMutex;
use parking_lot::lock_api::{self, Mutex, MutexGuard};
use std::sync::Arc;

/// Keys and values of one cache.
pub struct Near<K, V, R = RawMutex> {
    /// Apart from the others, because mostly there are none: it lies where the store lies, and needs no choice.
    first: Mutex<R, Shard<K, V>>,
    others: Box<[Mutex<R, Shard<K, V>>]>,
}

impl<K, V, R: lock_api::RawMutex> Near<K, V, R> {
    /// An empty store of `shards` parts, a power of two.
    pub fn new(kind: Kind, limits: Limits, shards: usize, now: u64) -> Self {
        let shards = shards.next_power_of_two();
        let limits = share(limits, shards);
        let shard = || Mutex::new(Shard::new(kind, limits, now));
        Self {
            first: shard(),
            others: (1..shards).map(|_| shard()).collect(),
        }
    }

    fn shards(&self) -> impl Iterator<Item = &Mutex<R, Shard<K, V>>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The shard of `hash`. The index uses the low bits, so this uses the high ones.
    #[inline]
    fn shard(&self, hash: u32) -> MutexGuard<'_, R, Shard<K, V>> {
        let shard = if self.others.is_empty() {
            &self.first
        } else {
            self.one_of_many(hash)
        };
        shard.lock()
    }

    #[inline(never)]
    fn one_of_many(&self, hash: u32) -> &Mutex<R, Shard<K, V>> {
        match (u64::from(hash) * (self.others.len() as u64 + 1)) >> 32 {
            0 => &self.first,
            at => &self.others[at as usize - 1],
        }
    }

    /// As [`Shard::get`].
    #[inline]
    pub fn get<T>(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        clock: &Clock,
        take: impl FnOnce(&V) -> T,
        gone: &mut Gone<K, V>,
        batch: impl FnOnce(),
    ) -> Found<T> {
        self.shard(hash).get(hash, same, clock, take, gone, batch)
    }

    /// As [`Shard::peek`].
    pub fn peek<T>(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&K, &V, u32) -> T,
    ) -> Found<T> {
        self.shard(hash).peek(hash, same, now, take)
    }

    /// As [`Shard::sight`].
    pub fn sight<T>(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&V, Sight) -> T,
    ) -> Option<T> {
        self.shard(hash).sight(hash, same, now, take)
    }

    /// As [`Shard::claim`].
    pub fn claim(&self, hash: u32, same: impl Fn(&K) -> bool, now: u64) -> bool {
        self.shard(hash).claim(hash, same, now)
    }

    /// As [`Shard::rearm`].
    pub fn rearm(&self, hash: u32, same: impl Fn(&K) -> bool, moment: u64) {
        self.shard(hash).rearm(hash, same, moment);
    }

    /// As [`Shard::entry`].
    pub fn entry<T>(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&K, &V, View) -> T,
    ) -> Option<T> {
        self.shard(hash).entry(hash, same, now, take)
    }

    /// As [`Shard::generations`].
    pub fn generations(&self, hash: u32, same: impl Fn(&K) -> bool) -> Vec<(Arc<str>, u64, u64)> {
        self.shard(hash).generations(hash, same)
    }

    /// As [`Shard::put`].
    #[inline]
    pub fn put(&self, put: Put<'_, K, V>, same: impl Fn(&K) -> bool, now: u64) -> Stored<K, V> {
        self.shard(put.hash).put(put, same, now)
    }

    /// As [`Near::put`], if `holds` says so under the lock; else nothing is written, and what was to be is given back.
    pub fn put_if(
        &self,
        put: Put<'_, K, V>,
        same: impl Fn(&K) -> bool,
        now: u64,
        holds: impl FnOnce() -> bool,
    ) -> Result<Stored<K, V>, Removed<K, V>> {
        let mut shard = self.shard(put.hash);
        if holds() {
            return Ok(shard.put(put, same, now));
        }
        Err(Removed {
            key: put.key,
            value: put.value,
            cause: Cause::Replaced,
        })
    }

    /// As [`Shard::swap`].
    pub fn swap(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        version: u32,
        value: V,
        weight: u64,
        now: u64,
    ) -> Result<V, V> {
        self.shard(hash)
            .swap(hash, same, version, value, weight, now)
    }

    /// As [`Shard::exchange`].
    #[inline]
    pub fn exchange(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        value: V,
        life: Life,
        now: u64,
    ) -> Result<V, V> {
        self.shard(hash).exchange(hash, same, value, life, now)
    }

    /// As [`Shard::remove`].
    pub fn remove(&self, hash: u32, same: impl Fn(&K) -> bool, now: u64) -> Option<Removed<K, V>> {
        self.shard(hash).remove(hash, same, now)
    }

    /// As [`Shard::evict`].
    pub fn evict(&self, hash: u32, same: impl Fn(&K) -> bool, now: u64) -> Option<Removed<K, V>> {
        self.shard(hash).evict(hash, same, now)
    }

    /// As [`Shard::touch`].
    pub fn touch(
        &self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        ttl: u64,
        now: u64,
    ) -> (bool, Gone<K, V>) {
        let mut gone = Gone::new();
        let there = self.shard(hash).touch(hash, same, ttl, now, &mut gone);
        (there, gone)
    }

    /// As [`Shard::invalidate`].
    pub fn invalidate(&self, hash: u32, same: impl Fn(&K) -> bool, now: u64) -> (bool, Gone<K, V>) {
        let mut gone = Gone::new();
        let there = self.shard(hash).invalidate(hash, same, now, &mut gone);
        (there, gone)
    }

    /// As [`Shard::invalidate_tag`].
    pub fn invalidate_tag(&self, name: &str, hard: bool, now: u64) {
        for shard in self.shards() {
            shard.lock().invalidate_tag(name, hard, now);
        }
    }

    /// Removes everything.
    pub fn clear(&self, now: u64) -> Gone<K, V> {
        self.shards()
            .flat_map(|shard| shard.lock().clear(now))
            .collect()
    }

    /// Removes what is over.
    pub fn settle(&self, now: u64) -> Gone<K, V> {
        let mut gone = Gone::new();
        for shard in self.shards() {
            shard.lock().settle(now, &mut gone);
        }
        gone
    }

    /// Evicts until the limits hold.
    pub fn enforce(&self) -> Gone<K, V> {
        let mut gone = Gone::new();
        for shard in self.shards() {
            shard.lock().enforce(&mut gone);
        }
        gone
    }

    /// Whether no limit is passed.
    pub fn is_within_limits(&self) -> bool {
        !self.shards().any(|shard| shard.lock().is_over())
    }

    /// As [`Shard::reconfigure`].
    pub fn reconfigure(&self, kind: Kind, limits: Limits, now: u64) -> Gone<K, V> {
        let limits = share(limits, self.others.len() + 1);
        let mut gone = Gone::new();
        for shard in self.shards() {
            shard.lock().reconfigure(kind, limits, now, &mut gone);
        }
        gone
    }

    /// As [`Shard::weigh`]: `weigher` must not call into anything of the user's.
    pub fn weigh(&self, mut weigher: Option<impl FnMut(&K, &V) -> u64>) {
        for shard in self.shards() {
            shard.lock().weigh(weigher.as_mut());
        }
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.shards().map(|shard| shard.lock().len()).sum()
    }

    /// Entries that are fresh, once what is over was removed.
    pub fn fresh_len(&self, now: u64) -> usize {
        self.shards().map(|shard| shard.lock().fresh_len(now)).sum()
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of all weights.
    pub fn weight(&self) -> u64 {
        self.shards().map(|shard| shard.lock().weight()).sum()
    }

    /// Bytes of the structures themselves.
    pub fn overhead(&self) -> usize {
        self.shards().map(|shard| shard.lock().overhead()).sum()
    }

    /// The counts of all shards.
    pub fn counters(&self) -> Counters {
        self.shards().fold(Counters::default(), |mut sum, shard| {
            sum += shard.lock().counters();
            sum
        })
    }

    /// Starts counting anew.
    pub fn reset_counters(&self) {
        for shard in self.shards() {
            shard.lock().reset_counters();
        }
    }

    /// Takes something out of every entry that is fresh, under one lock a shard.
    pub fn collect<T>(
        &self,
        now: u64,
        take: impl FnMut(&Shard<K, V>, u32, &K, &V) -> Option<T>,
    ) -> Vec<T> {
        self.collect_at(now, false, take)
    }

    /// As [`Near::collect`], of entries that are `stale` too if that is wanted.
    pub fn collect_at<T>(
        &self,
        now: u64,
        stale: bool,
        mut take: impl FnMut(&Shard<K, V>, u32, &K, &V) -> Option<T>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for shard in self.shards() {
            shard
                .lock()
                .for_each_at(now, stale, |shard, id, key, value| {
                    all.extend(take(shard, id, key, value));
                });
        }
        all
    }

    /// Takes something out of the coldest entries, at most `limit` a shard.
    pub fn coldest<T>(
        &self,
        limit: usize,
        now: u64,
        mut take: impl FnMut(&K, &V, View) -> T,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for shard in self.shards() {
            shard.lock().coldest(limit, now, |key, value, view| {
                all.push(take(key, value, view));
            });
        }
        all
    }

    /// Calls `each` with every entry, unless another thread holds a lock: for a garbage collector, which may skip some
    /// but must never wait.
    pub fn try_for_each(&self, mut each: impl FnMut(&K, &V)) {
        for shard in self.shards() {
            if let Some(shard) = shard.try_lock() {
                shard.for_each(&mut each);
            }
        }
    }

    /// Panics if any structure contradicts itself.
    pub fn validate(&self) {
        for shard in self.shards() {
            shard.lock().validate();
        }
    }
}

/// Each shard's part of the limits, rounded up so that small limits still hold something.
fn share(limits: Limits, shards: usize) -> Limits {
    Limits {
        entries: limits.entries.map(|max| max.div_ceil(shards as u32)),
        bytes: limits.bytes.map(|max| max.div_ceil(shards as u64)),
    }
}
