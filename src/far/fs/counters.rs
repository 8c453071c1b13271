//! What reads count: in memory, and added to the head with the next write.

use super::head::Head;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts that are not in the head yet.
#[derive(Debug, Default)]
pub(super) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    damaged: AtomicU64,
}

/// Counts that were taken out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    hits: u64,
    misses: u64,
    damaged: u64,
}

impl Counters {
    /// Counts a read.
    #[inline]
    pub(super) fn read(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.fetch_add(1, Relaxed);
    }

    /// Counts a record that could not be read.
    pub(super) fn damage(&self) {
        self.damaged.fetch_add(1, Relaxed);
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Counted {
        Counted {
            hits: self.hits.swap(0, Relaxed),
            misses: self.misses.swap(0, Relaxed),
            damaged: self.damaged.swap(0, Relaxed),
        }
    }

    /// Puts it back.
    pub(super) fn give_back(&self, counted: &Counted) {
        self.hits.fetch_add(counted.hits, Relaxed);
        self.misses.fetch_add(counted.misses, Relaxed);
        self.damaged.fetch_add(counted.damaged, Relaxed);
    }

    /// What is not in the head yet.
    pub(super) fn peek(&self) -> Counted {
        Counted {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
        }
    }
}

impl Counted {
    /// Adds it to `head`.
    pub(super) fn add_to(self, head: &mut Head) {
        head.hits += self.hits;
        head.misses += self.misses;
        head.damaged += self.damaged;
    }

    /// Whether there is anything.
    pub(super) fn is_empty(self) -> bool {
        self.hits + self.misses + self.damaged == 0
    }
}
