//! What a write can do within its transaction. The counters and the four trees of an entry change here and nowhere else.

use super::fault::Fault;
use super::head::Head;
use super::log::Changes;
use super::mapped::Mapped;
use super::open::Trees;
use super::row::{Row, class, expiry_key, fits, order_key};
use super::tags::{self, Verdict};
use crate::clock::NEVER;
use crate::far::record::{Header, Sealed, Terms};
use heed::RwTxn;
use std::io::Write as _;

/// For whom something is written, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    /// Marks what this writer changes in the log.
    pub(super) mark: u64,
    /// Entries are evicted until they weigh no more.
    pub(super) max_bytes: u64,
    /// Entries are evicted until there are no more.
    pub(super) max_entries: u64,
    /// Nanoseconds since 1970.
    pub(super) now: u64,
}

impl Writer {
    /// For nobody, at no time.
    pub(super) const NOBODY: Self = Self {
        mark: 0,
        max_bytes: u64::MAX,
        max_entries: u64::MAX,
        now: 0,
    };

    /// Whether anything may have to go.
    pub(super) fn is_limited(&self) -> bool {
        self.max_bytes != u64::MAX || self.max_entries != u64::MAX
    }
}

/// A part of a transaction that belongs to one writer. It may run more than once.
pub(super) struct Job<'j> {
    pub(super) writer: Writer,
    pub(super) run: &'j mut dyn FnMut(&mut Write<'_, '_>) -> Result<(), Fault>,
}

/// A transaction that writes.
pub(super) struct Write<'w, 'e> {
    pub(super) txn: &'w mut RwTxn<'e>,
    pub(super) trees: Trees,
    pub(super) head: Head,
    pub(super) writer: Writer,
    /// What is changed for others to see, by the present writer.
    pub(super) log: Changes,
    /// Whether anything was written.
    pub(super) changed: bool,
    /// The position of this transaction.
    pub(super) position: u64,
    /// Writers so far that had something for the log.
    parts: u32,
    /// What was written last is not evicted in the same transaction.
    keep: u64,
}

/// What is known of an entry that is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) version: u64,
    pub(super) stamp: u64,
    pub(super) class: u8,
    pub(super) outside: bool,
    /// What it counts in the bytes.
    pub(super) weight: u64,
    /// `None` where the header cannot be read.
    pub(super) terms: Option<Terms>,
    pub(super) verdict: Verdict,
}

impl Kept {
    /// Whether it is an entry still.
    pub(super) fn is_there(&self) -> bool {
        self.verdict != Verdict::Gone
    }
}

/// A value that is to be written.
pub(super) struct Value<'v> {
    pub(super) terms: &'v Terms,
    pub(super) tags: &'v [String],
    /// The generation that the tags are of, if not the present one.
    pub(super) generation: Option<u64>,
    pub(super) payload: &'v [u8],
    pub(super) sealed: Sealed,
}

impl<'w, 'e> Write<'w, 'e> {
    /// A write to `mapped`.
    pub(super) fn new(mapped: &Mapped, txn: &'w mut RwTxn<'e>, head: Head) -> Self {
        let position = mapped.base + txn.id() as u64;
        Self {
            trees: mapped.trees,
            writer: Writer::NOBODY,
            log: Changes::default(),
            changed: false,
            parts: 0,
            keep: 0,
            txn,
            head,
            position,
        }
    }

    /// From here on it is `writer` who writes.
    pub(super) fn begin(&mut self, writer: Writer) {
        self.writer = writer;
    }

    /// The present writer is done.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.keep = 0;
        if self.writer.is_limited() {
            self.evict(self.writer.max_bytes, self.writer.max_entries)?;
        }
        if let Some(row) = self.log.take(self.writer.mark) {
            self.append_log(self.parts, &row)?;
            self.parts += 1;
        }
        Ok(())
    }

    /// The entry stored under `stored`.
    pub(super) fn find(&self, stored: &[u8]) -> Result<Option<Kept>, Fault> {
        let Some(bytes) = self.trees.entries.get(self.txn, stored)? else {
            return Ok(None);
        };
        let mut weight = (stored.len() + bytes.len()) as u64;
        let Ok(row) = Row::parse(stored, bytes) else {
            return Ok(Some(Kept {
                version: 0,
                stamp: 0,
                class: 0,
                outside: false,
                weight,
                terms: None,
                verdict: Verdict::Gone,
            }));
        };
        if row.outside {
            let blob = self.trees.blobs.get(self.txn, &row.version.to_be_bytes())?;
            weight += blob.map_or(0, |blob| blob.len() as u64);
        }
        let header = Header::parse(row.record, row.key)
            .ok()
            .map(|(header, _)| header);
        let verdict = match &header {
            Some(header) => tags::verdict(&self.trees, self.txn, header, self.writer.now)?,
            None => Verdict::Gone,
        };
        Ok(Some(Kept {
            version: row.version,
            stamp: row.stamp,
            class: row.class,
            outside: row.outside,
            weight,
            terms: header.map(|header| header.terms),
            verdict,
        }))
    }

    /// As [`Write::find`] of the entry of `key`: what lies there may belong to another key with the same hash.
    pub(super) fn find_key(&self, stored: &[u8], key: &[u8]) -> Result<Option<Kept>, Fault> {
        let found = self.find(stored)?;
        if let Some(mut kept) = found
            && kept.is_there()
        {
            let bytes = self
                .trees
                .entries
                .get(self.txn, stored)?
                .unwrap_or_default();
            if Row::parse(stored, bytes)?.key != key {
                kept.verdict = Verdict::Gone;
            }
            return Ok(Some(kept));
        }
        Ok(found)
    }

    /// Removes the entry stored under `stored`, which is `kept`.
    pub(super) fn remove(&mut self, stored: &[u8], kept: &Kept) -> Result<(), Fault> {
        self.trees.entries.delete(self.txn, stored)?;
        self.forget(kept)
    }

    /// Removes what an entry has beside its row.
    fn forget(&mut self, kept: &Kept) -> Result<(), Fault> {
        let trees = self.trees;
        trees
            .order
            .delete(self.txn, &order_key(kept.class, kept.stamp))?;
        if kept.outside {
            trees.blobs.delete(self.txn, &kept.version.to_be_bytes())?;
        }
        self.unschedule(kept)?;
        self.head.count = self.head.count.saturating_sub(1);
        self.head.bytes = self.head.bytes.saturating_sub(kept.weight);
        self.changed = true;
        Ok(())
    }

    fn unschedule(&mut self, kept: &Kept) -> Result<(), Fault> {
        if let Some(terms) = kept.terms
            && terms.expires != NEVER
        {
            let key = expiry_key(terms.expires, kept.version);
            self.trees.expiry.delete(self.txn, &key)?;
        }
        Ok(())
    }

    /// Writes `value` in the place of `old`; its version, or `None` if it alone weighs more than the writer may keep.
    pub(super) fn put(
        &mut self,
        stored: &[u8],
        key: &[u8],
        value: &Value<'_>,
        old: Option<&Kept>,
    ) -> Result<Option<u64>, Fault> {
        let generation = value.generation.unwrap_or(self.head.generation);
        let tags = value.tags.iter().map(|tag| (tag.as_str(), generation));
        let header = value.sealed.header(value.terms, tags, key, 0);
        let outside = !fits(stored, key, header.len(), value.payload.len());
        if let Some(old) = old {
            self.forget(old)?;
        }
        let version = self.head.next();
        let row = Row {
            version,
            stamp: version,
            class: class(value.terms.priority),
            outside,
            key,
            record: &header,
        };
        let bytes = row.write(stored, if outside { &[] } else { value.payload });
        let mut weight = (stored.len() + bytes.len()) as u64;
        if outside {
            weight += value.payload.len() as u64;
        }
        if weight > self.writer.max_bytes {
            if old.is_some() {
                self.trees.entries.delete(self.txn, stored)?;
            }
            return Ok(None);
        }
        self.changed = true;
        self.trees.entries.put(self.txn, stored, &bytes)?;
        if outside {
            let (key, payload) = (version.to_be_bytes(), value.payload);
            let blobs = self.trees.blobs;
            blobs.put_reserved(self.txn, &key, payload.len(), |space| {
                space.write_all(payload)
            })?;
        }
        self.trees
            .order
            .put(self.txn, &order_key(row.class, row.stamp), stored)?;
        if value.terms.expires != NEVER {
            let key = expiry_key(value.terms.expires, version);
            self.trees.expiry.put(self.txn, &key, stored)?;
        }
        self.head.count += 1;
        self.head.bytes += weight;
        self.keep = version;
        Ok(Some(version))
    }

    /// Gives the entry stored under `stored`, which is `kept`, other terms, or another place in the order of eviction.
    ///
    /// With terms, its tags may be `renewed`: of that generation from now on.
    pub(super) fn rewrite(
        &mut self,
        stored: &[u8],
        kept: &Kept,
        terms: Option<&Terms>,
        renewed: Option<u64>,
        stamp: u64,
    ) -> Result<(), Fault> {
        let trees = self.trees;
        let bytes = trees.entries.get(self.txn, stored)?.unwrap_or_default();
        let row = Row::parse(stored, bytes)?;
        let fresh = match terms {
            Some(terms) => {
                let (header, payload) = Header::parse(row.record, row.key)?;
                let header = header.rewrite(terms, renewed, row.key);
                Row {
                    stamp,
                    record: &header,
                    ..row
                }
                .write(stored, payload)
            }
            None => Row { stamp, ..row }.write(stored, &[]),
        };
        trees.entries.put(self.txn, stored, &fresh)?;
        if stamp != kept.stamp {
            trees
                .order
                .delete(self.txn, &order_key(kept.class, kept.stamp))?;
            trees
                .order
                .put(self.txn, &order_key(kept.class, stamp), stored)?;
        }
        if let Some(terms) = terms {
            self.unschedule(kept)?;
            if terms.expires != NEVER {
                let key = expiry_key(terms.expires, kept.version);
                trees.expiry.put(self.txn, &key, stored)?;
            }
        }
        self.changed = true;
        Ok(())
    }

    /// Evicts until the entries weigh `bytes` at most, and are no more than `entries`.
    pub(super) fn evict(&mut self, bytes: u64, entries: u64) -> Result<(), Fault> {
        while self.head.bytes > bytes || self.head.count > entries {
            let mut next = None;
            for row in self.trees.order.iter(self.txn)? {
                let (key, stored) = row?;
                let stamp = super::row::sorted_number(&key[1..]);
                if stamp != self.keep {
                    next = Some((key.to_vec(), stamp, stored.to_vec()));
                    break;
                }
            }
            let Some((key, stamp, stored)) = next else {
                return Ok(());
            };
            match self.find(&stored)? {
                Some(kept) if kept.stamp == stamp => {
                    self.remove(&stored, &kept)?;
                    self.head.evictions += 1;
                }
                // Left behind by an entry that could not be read.
                _ => {
                    self.trees.order.delete(self.txn, &key)?;
                    self.changed = true;
                }
            }
        }
        Ok(())
    }
}
