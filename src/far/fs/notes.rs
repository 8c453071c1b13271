//! Reads that are to count in the order of eviction: noted in memory, written with the next write.
//!
//! An entry in the newer half of the order is not noted: it is safe for a while, and would be moved again and again. The
//! order is approximately that of the last use, then, at a small part of the writes.

use super::fault::Fault;
use super::head::Head;
use super::open::Trees;
use super::row::{Stored, order_key, sorted_number, stored};
use crate::sync::Mutex;
use heed::RoTxn;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many reads are noted at most; each costs the next write some microseconds.
const MOST: usize = 256;

/// Noted reads.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Entries with an older stamp are noted.
    middle: AtomicU64,
    noted: Mutex<HashMap<Stored, u64>>,
}

impl Notes {
    /// Notes a read, unless that would have to wait.
    #[inline]
    pub(super) fn read(&self, key: &[u8], version: u64, stamp: u64) {
        if stamp < self.middle.load(Relaxed)
            && let Some(mut noted) = self.noted.try_lock()
            && noted.len() < MOST
        {
            noted.insert(stored(key), version);
        }
    }

    /// Takes the noted reads out.
    pub(super) fn take(&self) -> HashMap<Stored, u64> {
        std::mem::take(&mut *self.noted.lock())
    }

    /// Looks where the middle of the order is.
    pub(super) fn renew(&self, trees: &Trees, txn: &RoTxn<'_>) -> Result<(), Fault> {
        self.renew_with(trees, txn, &Head::load(trees, txn)?)
    }

    /// As [`Notes::renew`], with the head at hand.
    pub(super) fn renew_with(
        &self,
        trees: &Trees,
        txn: &RoTxn<'_>,
        head: &Head,
    ) -> Result<(), Fault> {
        let normal = (Bound::Included(&order_key(1, 0)[..]), Bound::Unbounded);
        let first = trees.order.range(txn, &normal)?.next().transpose()?;
        let oldest = first.map_or(head.counter, |(key, _)| sorted_number(&key[1..]));
        self.middle
            .store(oldest.midpoint(head.counter + 1), Relaxed);
        Ok(())
    }
}
