//! The log of changed keys: what a near copy in another process has to drop.
//!
//! A row is what one writer changed in one transaction. The log is bounded; who has not looked for longer is told that
//! anything may have changed.

use super::fault::Fault;
use super::open::Trees;
use super::row::sorted_number;
use super::write::Write;
use heed::RoTxn;
use std::ops::Bound;

pub use crate::far::entry::Changed;

/// Rows and bytes that are kept.
const ROWS: u64 = 4096;
const BYTES: u64 = 1 << 20;
/// How much more there may be before the oldest rows are removed, so that most writes need not.
const SLACK: u64 = 64;
/// A writer that changes more in one transaction has changed anything.
const LARGEST: usize = 64 << 10;
const KEY: u8 = 0;
const SOFT: u8 = 1;
const HARD: u8 = 2;
const EVERYTHING: u8 = 3;

/// What one writer changes in one transaction.
#[derive(Debug, Default)]
pub(super) struct Changes {
    bytes: Vec<u8>,
    everything: bool,
}

impl Changes {
    /// The entry of `key` was written or removed.
    pub(super) fn key(&mut self, key: &[u8]) {
        self.add(KEY, key);
    }

    /// The tag `name` was invalidated.
    pub(super) fn tag(&mut self, name: &str, hard: bool) {
        self.add(if hard { HARD } else { SOFT }, name.as_bytes());
    }

    /// All entries were removed.
    pub(super) fn everything(&mut self) {
        self.everything = true;
        self.bytes.clear();
    }

    fn add(&mut self, kind: u8, what: &[u8]) {
        if self.everything {
            return;
        }
        if self.bytes.len() + what.len() > LARGEST {
            return self.everything();
        }
        self.bytes.push(kind);
        self.bytes
            .extend_from_slice(&(what.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(what);
    }

    /// The row of the log for what was changed under `mark`; afterwards nothing was.
    pub(super) fn take(&mut self, mark: u64) -> Option<Vec<u8>> {
        let changes = std::mem::take(self);
        if changes.bytes.is_empty() && !changes.everything {
            return None;
        }
        let mut row = mark.to_be_bytes().to_vec();
        if changes.everything {
            row.extend_from_slice(&[EVERYTHING, 0, 0, 0, 0]);
        } else {
            row.extend_from_slice(&changes.bytes);
        }
        Some(row)
    }
}

impl Write<'_, '_> {
    /// Adds a row to the log, and removes the oldest when there are too many.
    pub(super) fn append_log(&mut self, part: u32, row: &[u8]) -> Result<(), Fault> {
        let mut key = self.position.to_be_bytes().to_vec();
        key.extend_from_slice(&part.to_be_bytes());
        self.trees.log.put(self.txn, &key, row)?;
        self.head.log_rows += 1;
        self.head.log_bytes += row.len() as u64;
        self.changed = true;
        if self.head.log_rows > ROWS + SLACK || self.head.log_bytes > BYTES + BYTES / SLACK {
            self.trim_log()?;
        }
        Ok(())
    }

    fn trim_log(&mut self) -> Result<(), Fault> {
        let (mut rows, mut bytes) = (self.head.log_rows, self.head.log_bytes);
        let mut old = Vec::new();
        for row in self.trees.log.iter(self.txn)? {
            if rows <= ROWS && bytes <= BYTES {
                break;
            }
            let (key, row) = row?;
            rows -= 1;
            bytes -= row.len() as u64;
            old.push(key.to_vec());
        }
        for key in &old {
            self.trees.log.delete(self.txn, key)?;
            self.head.trimmed = self.head.trimmed.max(sorted_number(key));
        }
        self.head.log_rows = rows;
        self.head.log_bytes = bytes;
        Ok(())
    }
}

/// What others than `mark` changed after the position `since`, up to `at`, of which all up to `trimmed` was forgotten.
pub(super) fn changes(
    trees: &Trees,
    txn: &RoTxn<'_>,
    (since, at, trimmed): (u64, u64, u64),
    mark: u64,
) -> Result<Changed, Fault> {
    let everything = Changed {
        at,
        everything: true,
        ..Changed::default()
    };
    if since < trimmed || since > at {
        return Ok(everything);
    }
    let mut changed = Changed {
        at,
        ..Changed::default()
    };
    let from = (since + 1).to_be_bytes();
    for row in trees
        .log
        .range(txn, &(Bound::Included(&from[..]), Bound::Unbounded))?
    {
        let (_, row) = row?;
        let damaged = || Fault::Corrupt("the log of changes".to_owned());
        let (by, mut rest) = row.split_first_chunk().ok_or_else(damaged)?;
        if u64::from_be_bytes(*by) == mark {
            continue;
        }
        while let Some((&kind, after)) = rest.split_first() {
            let (len, after) = after.split_first_chunk().ok_or_else(damaged)?;
            let (what, after) = after
                .split_at_checked(u32::from_le_bytes(*len) as usize)
                .ok_or_else(damaged)?;
            rest = after;
            match kind {
                KEY => changed.keys.push(what.to_vec()),
                SOFT | HARD => {
                    let name = std::str::from_utf8(what).map_err(|_| damaged())?;
                    changed.tags.push((name.to_owned(), kind == HARD));
                }
                _ => return Ok(everything),
            }
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_grows_too_large_is_everything() {
        let mut changes = Changes::default();
        assert_eq!(changes.take(1), None);
        changes.key(&vec![0; LARGEST]);
        assert_eq!(changes.take(1).map(|row| row.len()), Some(8 + 5 + LARGEST));
        changes.key(b"a");
        changes.key(&vec![0; LARGEST]);
        changes.key(b"b");
        let row = changes.take(1).unwrap();
        assert_eq!(row[8..], [EVERYTHING, 0, 0, 0, 0]);
    }
}
