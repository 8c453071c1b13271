//! Making room: what is over goes, and what is more than there may be.

use super::store::FileStore;
use crate::far::error::FarError;

/// Entries that are removed in one transaction where all are to be removed.
const BATCH: usize = 1000;

impl FileStore {
    /// Has this object evict, now and with each of its writes, until no more than this is there; `None` is no limit.
    pub fn limit(
        &self,
        bytes: Option<u64>,
        entries: Option<u64>,
        now: u64,
    ) -> Result<(), FarError> {
        self.limits.set(bytes, entries);
        self.change("limit", now, |_| Ok(()))
    }

    /// Removes up to `limit` entries that are over; how many, and whether there are none left.
    pub fn purge(&self, limit: usize, now: u64) -> Result<(usize, bool), FarError> {
        self.change("purge", now, move |write| write.purge(limit.max(1)))
    }

    /// How many entries there are. What is over is removed first.
    pub fn len(&self, now: u64) -> Result<u64, FarError> {
        while !self.purge(BATCH, now)?.1 {}
        Ok(self.stats(now)?.entries)
    }

    /// Whether there are none.
    pub fn is_empty(&self, now: u64) -> Result<bool, FarError> {
        Ok(self.len(now)? == 0)
    }
}
