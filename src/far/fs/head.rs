//! The head of a file: its counters, read and written with every write.

use super::fault::Fault;
use super::open::Trees;
use super::row::number;
use heed::{RoTxn, RwTxn};

const NAME: &[u8] = b"head";
const FIELDS: usize = 18;

/// The counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The position of a change is this and the number of its transaction.
    pub(super) base: u64,
    /// Entries, over or not.
    pub(super) count: u64,
    /// Bytes of their keys, rows and payloads.
    pub(super) bytes: u64,
    /// The last version, stamp or token that was given out.
    pub(super) counter: u64,
    /// How often tags were invalidated.
    pub(super) generation: u64,
    /// Changes at or before this position are not in the log any more.
    pub(super) trimmed: u64,
    /// Rows of the log.
    pub(super) log_rows: u64,
    /// Bytes of the log.
    pub(super) log_bytes: u64,
    /// Reads that found an entry.
    pub(super) hits: u64,
    /// Reads that found none.
    pub(super) misses: u64,
    /// Entries that were evicted.
    pub(super) evictions: u64,
    /// Entries that were over and were removed.
    pub(super) expirations: u64,
    /// Records that could not be read.
    pub(super) damaged: u64,
    /// When the last sync was begun.
    pub(super) synced: u64,
    /// 1 when the entries were moved to another file.
    pub(super) moved: u64,
    /// 1 while writes look for entries whose tags were invalidated.
    pub(super) sweep: u64,
    /// Tags that something is known of.
    pub(super) tags: u64,
    /// Writes.
    pub(super) writes: u64,
}

impl Head {
    /// Reads the head; `None` in a file that is new.
    pub(super) fn read(trees: &Trees, txn: &RoTxn<'_>) -> Result<Option<Self>, Fault> {
        let Some(bytes) = trees.meta.get(txn, NAME)? else {
            return Ok(None);
        };
        if bytes.len() != FIELDS * 8 {
            return Err(Fault::Corrupt("its counters are missing".to_owned()));
        }
        let mut fields = [0; FIELDS];
        for (field, bytes) in fields.iter_mut().zip(bytes.chunks_exact(8)) {
            *field = number(bytes);
        }
        Ok(Some(Self::from_fields(fields)))
    }

    /// As [`Head::read`] where there must be one.
    pub(super) fn load(trees: &Trees, txn: &RoTxn<'_>) -> Result<Self, Fault> {
        Self::read(trees, txn)?.ok_or_else(|| Fault::Corrupt("its head is missing".to_owned()))
    }

    /// Writes the head.
    pub(super) fn store(&self, trees: &Trees, txn: &mut RwTxn<'_>) -> Result<(), Fault> {
        let mut bytes = [0; FIELDS * 8];
        for (bytes, field) in bytes.chunks_exact_mut(8).zip(self.fields()) {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        Ok(trees.meta.put(txn, NAME, &bytes)?)
    }

    /// A number that was never given out.
    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn fields(&self) -> [u64; FIELDS] {
        [
            self.base,
            self.count,
            self.bytes,
            self.counter,
            self.generation,
            self.trimmed,
            self.log_rows,
            self.log_bytes,
            self.hits,
            self.misses,
            self.evictions,
            self.expirations,
            self.damaged,
            self.synced,
            self.moved,
            self.sweep,
            self.tags,
            self.writes,
        ]
    }

    fn from_fields(fields: [u64; FIELDS]) -> Self {
        let [
            base,
            count,
            bytes,
            counter,
            generation,
            trimmed,
            log_rows,
            log_bytes,
            hits,
            misses,
            evictions,
            expirations,
            damaged,
            synced,
            moved,
            sweep,
            tags,
            writes,
        ] = fields;
        Self {
            base,
            count,
            bytes,
            counter,
            generation,
            trimmed,
            log_rows,
            log_bytes,
            hits,
            misses,
            evictions,
            expirations,
            damaged,
            synced,
            moved,
            sweep,
            tags,
            writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_field() {
        let fields = std::array::from_fn(|at| at as u64 + 1);
        assert_eq!(Head::from_fields(fields).fields(), fields);
    }
}
