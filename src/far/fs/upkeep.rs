//! What every write does beside its own work: a few steps of removing what is over.

use super::fault::Fault;
use super::head::Head;
use super::notes::Notes;
use super::row::{Row, sorted_number};
use super::tags::{Verdict, verdict};
use super::write::Write;
use crate::far::record::Header;
use std::ops::Bound;

/// Entries at their end that a write removes.
const EXPIRE: usize = 4;
/// Entries that a write looks at while a sweep is under way.
const SWEEP: usize = 16;
/// Where the sweep has come to.
const CURSOR: &[u8] = b"sweep";

impl Write<'_, '_> {
    /// A few steps of everything.
    pub(super) fn upkeep(&mut self, notes: &Notes) -> Result<(), Fault> {
        self.expire(EXPIRE)?;
        self.sweep(SWEEP)?;
        if self.writer.is_limited() {
            self.apply(notes)?;
        }
        Ok(())
    }

    /// Removes up to `limit` entries whose end has come; how many.
    pub(super) fn expire(&mut self, limit: usize) -> Result<usize, Fault> {
        let mut due = Vec::new();
        for row in self.trees.expiry.iter(self.txn)?.take(limit) {
            let (key, stored) = row?;
            if sorted_number(key) > self.writer.now {
                break;
            }
            due.push((key.to_vec(), stored.to_vec()));
        }
        let mut removed = 0;
        for (key, stored) in &due {
            self.trees.expiry.delete(self.txn, key)?;
            self.changed = true;
            if let Some(kept) = self.find(stored)?
                && kept.version == sorted_number(&key[8..])
            {
                self.remove(stored, &kept)?;
                self.head.expirations += 1;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// From here on writes look for entries whose tags were invalidated.
    pub(super) fn begin_sweep(&mut self) -> Result<(), Fault> {
        self.head.sweep = 1;
        self.trees.meta.delete(self.txn, CURSOR)?;
        Ok(())
    }

    /// Looks at up to `limit` entries for such whose tags were invalidated; how many it removed.
    pub(super) fn sweep(&mut self, limit: usize) -> Result<usize, Fault> {
        if self.head.sweep == 0 {
            return Ok(0);
        }
        let cursor = self.trees.meta.get(self.txn, CURSOR)?.map(<[u8]>::to_vec);
        let from = cursor.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut gone = Vec::new();
        let mut last = None;
        let mut looked = 0;
        for row in self
            .trees
            .entries
            .range(self.txn, &(from, Bound::Unbounded))?
            .take(limit)
        {
            let (stored, bytes) = row?;
            looked += 1;
            last = Some(stored.to_vec());
            if let Ok(row) = Row::parse(stored, bytes)
                && let Ok((header, _)) = Header::parse(row.record, row.key)
                && header.has_tags()
                && verdict(&self.trees, self.txn, &header, self.writer.now)? == Verdict::Gone
            {
                gone.push(stored.to_vec());
            }
        }
        match last {
            Some(last) if looked == limit => self.trees.meta.put(self.txn, CURSOR, &last)?,
            _ => self.head.sweep = 0,
        }
        self.changed = true;
        for stored in &gone {
            if let Some(kept) = self.find(stored)? {
                self.remove(stored, &kept)?;
                self.head.expirations += 1;
            }
        }
        Ok(gone.len())
    }

    /// Moves the entries that were read to the end of the order.
    fn apply(&mut self, notes: &Notes) -> Result<(), Fault> {
        for (stored, version) in notes.take() {
            if let Some(kept) = self.find(&stored)?
                && kept.version == version
                && kept.is_there()
            {
                let stamp = self.head.next();
                self.rewrite(&stored, &kept, None, None, stamp)?;
            }
        }
        notes.renew_with(&self.trees, self.txn, &self.head)
    }

    /// Removes up to `limit` entries that are over; how many, and whether there are none left.
    pub(super) fn purge(&mut self, limit: usize) -> Result<(usize, bool), Fault> {
        let expired = self.expire(limit)?;
        let swept = self.sweep(limit)?;
        Ok((expired + swept, expired < limit && self.head.sweep == 0))
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) -> Result<u64, Fault> {
        let trees = self.trees;
        for tree in [
            trees.entries,
            trees.blobs,
            trees.expiry,
            trees.order,
            trees.leases,
            trees.log,
        ] {
            tree.clear(self.txn)?;
        }
        self.forget_all_tags()?;
        let count = self.head.count;
        self.head = Head {
            count: 0,
            bytes: 0,
            sweep: 0,
            log_rows: 0,
            log_bytes: 0,
            trimmed: self.position - 1,
            ..self.head
        };
        self.log.everything();
        self.changed = true;
        Ok(count)
    }
}
