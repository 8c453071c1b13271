//! Lookups: the row, the verdict of its header and its tags, the payload in mapped memory.

use super::entry::{Found, Item, Page};
use super::fault::Fault;
use super::mapped::Mapped;
use super::open::Trees;
use super::row::{Row, stored, stored_prefix};
use super::tags::verdict;
use crate::far::record::{Header, RecordError};
use crate::glob::Glob;
use heed::{RoTxn, WithoutTls};
use std::ops::Bound;

/// Rows that a scan looks at per wanted entry, and at least, before it gives others a turn.
const LOOK: usize = 8;
const LOOK_LEAST: usize = 1024;

/// What lies under a key.
pub(super) enum Lookup<'t> {
    /// No entry, or one that is over.
    Nothing,
    /// A record that cannot be read.
    Damaged,
    /// An entry, and its stamp.
    Found(Found<'t>, u64),
}

impl<'t> Lookup<'t> {
    /// The entry, if there is one that can be read.
    pub(super) fn found(self) -> Option<(Found<'t>, u64)> {
        match self {
            Self::Found(found, stamp) => Some((found, stamp)),
            Self::Nothing | Self::Damaged => None,
        }
    }
}

/// The entry of `key` at `now`.
pub(super) fn find<'t>(
    trees: &Trees,
    txn: &'t RoTxn<'_>,
    key: &[u8],
    now: u64,
) -> Result<Lookup<'t>, Fault> {
    let stored = stored(key);
    let Some(bytes) = trees.entries.get(txn, &stored)? else {
        return Ok(Lookup::Nothing);
    };
    let Ok(row) = Row::parse(&stored, bytes) else {
        return Ok(Lookup::Damaged);
    };
    if row.key != key {
        return Ok(Lookup::Nothing); // another key with the same hash
    }
    let Row {
        version,
        stamp,
        outside,
        ..
    } = row;
    // Borrowed from the file and not from the key that was looked up.
    let record = &bytes[bytes.len() - row.record.len()..];
    let Ok((header, rest)) = Header::parse(record, key) else {
        return Ok(Lookup::Damaged);
    };
    let Some((terms, stale)) = verdict(trees, txn, &header, now)?.of(header.terms) else {
        return Ok(Lookup::Nothing);
    };
    let payload = if outside {
        blob(trees, txn, version)?
    } else {
        Ok(rest)
    };
    Ok(match payload {
        Ok(payload) if header.check(payload).is_ok() => Lookup::Found(
            Found {
                terms,
                version,
                stale,
                payload,
                header,
            },
            stamp,
        ),
        _ => Lookup::Damaged,
    })
}

/// The payload that lies outside the row.
pub(super) fn blob<'t>(
    trees: &Trees,
    txn: &'t RoTxn<'_>,
    version: u64,
) -> Result<Result<&'t [u8], RecordError>, Fault> {
    let blob = trees.blobs.get(txn, &version.to_be_bytes())?;
    Ok(blob.ok_or(RecordError::Truncated(0)))
}

/// Entries whose keys begin with `prefix` and match `glob`, in the order of keys, from `cursor` on.
pub(super) fn scan(
    mapped: &Mapped,
    txn: &RoTxn<'_, WithoutTls>,
    (prefix, glob): (&[u8], Option<&Glob>),
    cursor: Option<&[u8]>,
    limit: usize,
    now: u64,
) -> Result<Page, Fault> {
    let begin = stored_prefix(prefix);
    let from = match cursor {
        Some(cursor) if cursor >= begin => Bound::Excluded(cursor),
        _ if begin.is_empty() => Bound::Unbounded,
        _ => Bound::Included(begin),
    };
    let mut page = Page::default();
    let mut looks = limit.saturating_mul(LOOK).max(LOOK_LEAST);
    for row in mapped.trees.entries.range(txn, &(from, Bound::Unbounded))? {
        let (stored, bytes) = row?;
        if !stored.starts_with(begin) {
            return Ok(page);
        }
        if let Some(item) = item(mapped, txn, stored, bytes, now)?
            && item.key.starts_with(prefix)
            && glob.is_none_or(|glob| glob.matches(&String::from_utf8_lossy(&item.key)))
        {
            page.items.push(item);
        }
        looks -= 1;
        if looks == 0 || page.items.len() >= limit {
            page.next = Some(stored.to_vec());
            return Ok(page);
        }
    }
    Ok(page)
}

fn item(
    mapped: &Mapped,
    txn: &RoTxn<'_, WithoutTls>,
    stored: &[u8],
    bytes: &[u8],
    now: u64,
) -> Result<Option<Item>, Fault> {
    let Ok(row) = Row::parse(stored, bytes) else {
        return Ok(None);
    };
    let Ok((header, _)) = Header::parse(row.record, row.key) else {
        return Ok(None);
    };
    let Some((terms, stale)) = verdict(&mapped.trees, txn, &header, now)?.of(header.terms) else {
        return Ok(None);
    };
    Ok(Some(Item {
        key: row.key.to_vec(),
        terms,
        tags: header.tags().map(|(name, _)| name.to_owned()).collect(),
        version: row.version,
        size: header.payload_len,
        stale,
    }))
}
