//! A near store whose entries are copies of what lies in a far one: whether they are still true, and what may become one.
//!
//! A copy is true as long as nothing was written far after it was read there. Writes of other processes move the position
//! of the far store, which every hit compares with the position that is followed here. Writes of this process count in
//! `all`, or for their key in `some`; a *ticket* is the sum of both, and only ever grows:
//!
//! 1. Who reads far takes a ticket before, and keeps what it read only if the ticket is the same in the moment of keeping
//!    it, under the near store's lock. Who writes far counts *after* that, and drops the copy then: so either the reader
//!    finds another ticket, or the writer finds the copy.
//! 2. Two who write may reach near in another order than far. Each takes a ticket before it writes far; who finds it
//!    changed afterwards drops the copy in the place of keeping its own.
//! 3. Who hears of the writes of others counts and drops before it says that these are followed now.

use super::terms::{Arguments, Given};
use super::{Core, flag};
use crate::entry::Gone;
use crate::python::far::Followed;
use crate::python::key::KeyRef;
use crate::shard::Mode;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Writes of keys that share one of these counters keep each other's copies from being kept, if they happen at once.
const COUNTERS: usize = 64;

/// What there is to know of the far store.
pub(super) struct Tier {
    /// Whose position tells of the writes of others; `None` where none does.
    store: Option<Followed>,
    /// The position up to which the copies are true.
    followed: AtomicU64,
    all: AtomicU64,
    some: [AtomicU64; COUNTERS],
    /// Reads that were answered far, entries written and entries removed there.
    counts: [AtomicU64; 3],
}

impl Tier {
    fn counter(&self, key: &KeyRef<'_>) -> &AtomicU64 {
        // The low bits choose the place in the index.
        &self.some[(key.hash() >> 16) as usize % COUNTERS]
    }

    fn ticket(&self, key: &KeyRef<'_>) -> u64 {
        let all = self.all.load(Acquire);
        all + self.counter(key).load(Acquire)
    }

    /// Counts a write of `key`; the ticket now, if it was `ticket` until now.
    fn wrote(&self, key: &KeyRef<'_>, ticket: u64) -> Option<u64> {
        let before = self.counter(key).fetch_add(1, AcqRel);
        (before + self.all.load(Acquire) == ticket).then_some(ticket + 1)
    }
}

impl Core {
    /// Whether what is near is true, as far as one look at the far store can tell.
    #[inline]
    pub(super) fn follows(&self) -> bool {
        let Some(tier) = self.tier.get() else {
            return true;
        };
        let Some(store) = &tier.store else {
            return true;
        };
        store.position() == Some(tier.followed.load(Acquire))
    }

    /// Has what others wrote dropped here, before something is read.
    pub(super) fn follow(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        if self.has(flag::FAR) {
            // A file that was removed has a position still; now and then somebody has to look whether it is there.
            if self.has(flag::SAMPLE) || !self.follows() {
                slf.call_method0("_follow")?;
            }
        }
        Ok(())
    }

    fn tier(&self) -> &Tier {
        self.tier
            .get()
            .expect("only caches with a far store call this")
    }

    /// Removes a copy, which is no deletion.
    fn drop_copy(slf: &Bound<'_, Self>, key: &KeyRef<'_>) -> PyResult<()> {
        let core = slf.get();
        let now = core.clock.now();
        if let Some(removed) = core.near.remove(key.hash(), |other| key.same(other), now) {
            let mut gone = Gone::new();
            gone.push(removed);
            core.after(slf, gone)?;
        }
        Ok(())
    }
}

#[pymethods]
impl Core {
    /// From now on entries are copies of what lies far; `store` tells of the writes of others, if it is given.
    #[pyo3(signature = (store, /))]
    fn _set_far(&self, store: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        // Set once, before anyone can use the cache.
        let _ = self.tier.set(Box::new(Tier {
            store: store.map(Followed::new).transpose()?,
            followed: AtomicU64::new(0),
            all: AtomicU64::new(0),
            some: std::array::from_fn(|_| AtomicU64::new(0)),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
        }));
        self.set_flag(flag::FAR, true);
        Ok(())
    }

    /// The position up to which the copies are true.
    fn _followed(&self) -> u64 {
        self.tier().followed.load(Acquire)
    }

    /// All that was written up to `position` has been dropped here.
    fn _set_followed(&self, py: Python<'_>, position: u64) {
        let tier = self.tier();
        if let Some(store) = &tier.store {
            store.renew(py, position);
        }
        tier.followed.store(position, Release);
    }

    /// To be taken before `key` is read or written far.
    fn _ticket(&self, key: &Bound<'_, PyAny>) -> PyResult<u64> {
        Ok(self.tier().ticket(&KeyRef::of(key)?))
    }

    /// Keeps a copy of what was read far since the ticket was taken, unless it may be old by now; whether it did.
    #[pyo3(signature = (key, value, ticket, ttl, **options))]
    fn _copy_read(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ticket: u64,
        ttl: Given<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        let (tier, sought) = (slf.get().tier(), KeyRef::of(key)?);
        let arguments = Arguments::read("get", ttl, options)?;
        let holds = || tier.ticket(&sought) == ticket;
        Self::write_if(slf, key, value, &arguments, Mode::Always, holds)
    }

    /// Keeps a copy of what was written far since the ticket was taken, and drops what was there in any case.
    #[pyo3(signature = (key, value, ticket, ttl, **options))]
    fn _copy_written(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ticket: u64,
        ttl: Given<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        let (tier, sought) = (slf.get().tier(), KeyRef::of(key)?);
        let arguments = Arguments::read("set", ttl, options)?;
        let kept = match tier.wrote(&sought, ticket) {
            Some(now) => {
                let holds = || tier.ticket(&sought) == now;
                Self::write_if(slf, key, value, &arguments, Mode::Always, holds)?
            }
            None => false,
        };
        if !kept {
            Self::drop_copy(slf, &sought)?;
        }
        Ok(kept)
    }

    /// Drops the copy of `key`, and keeps what is being read far now from becoming one.
    fn _outdate(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let sought = KeyRef::of(key)?;
        let tier = slf.get().tier();
        tier.counter(&sought).fetch_add(1, AcqRel);
        Self::drop_copy(slf, &sought)
    }

    /// Keeps all that is being read far now from becoming a copy.
    fn _outdate_all(&self) {
        self.tier().all.fetch_add(1, AcqRel);
    }

    /// Counts what was done far.
    #[pyo3(signature = (*, hits = 0, sets = 0, deletes = 0))]
    fn _count_far(&self, hits: u64, sets: u64, deletes: u64) {
        for (count, more) in self.tier().counts.iter().zip([hits, sets, deletes]) {
            count.fetch_add(more, Relaxed);
        }
    }

    /// What was counted: hits, sets, deletes.
    fn _far_counts(&self) -> (u64, u64, u64) {
        let [hits, sets, deletes] = &self.tier().counts;
        (
            hits.load(Relaxed),
            sets.load(Relaxed),
            deletes.load(Relaxed),
        )
    }

    /// Starts counting anew.
    fn _reset_far_counts(&self) {
        for count in &self.tier().counts {
            count.store(0, Relaxed);
        }
    }
}
