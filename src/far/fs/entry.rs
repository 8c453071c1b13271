//! What comes out of a store of files and of no other.

use crate::far::record::Terms;

pub use crate::far::entry::{Item, Mode, Page, Set, Written};

/// An entry as it lies in the mapped file.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The terms it was written with; an invalidated tag moves `fresh_until` to the moment of that.
    pub terms: Terms,
    /// Another one after every write of the value.
    pub version: u64,
    /// Whether it is past `fresh_until`.
    pub stale: bool,
    /// The payload, in mapped memory.
    pub payload: &'a [u8],
    pub(super) header: crate::far::record::Header<'a>,
}

impl Found<'_> {
    /// The names of its tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.header.tags().map(|(name, _)| name)
    }
}

/// What every part of a store counts, since the file was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries, such that are over but were not removed yet among them.
    pub entries: u64,
    /// Bytes of their keys, headers and payloads.
    pub bytes: u64,
    /// Bytes of the file.
    pub disk_bytes: u64,
    /// Bytes that the file may grow to before the map is made larger.
    pub map_bytes: u64,
    /// Reads that found a fresh entry.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Entries that were removed to make room.
    pub evictions: u64,
    /// Entries that were removed at their end, or after a tag was invalidated.
    pub expirations: u64,
    /// Records that could not be read.
    pub damaged: u64,
    /// Transactions that wrote.
    pub writes: u64,
    /// Places in the table of readers, which is as many as there were reads at once since it was made.
    pub readers: u32,
}
