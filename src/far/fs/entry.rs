//! What goes into a store of files and what comes out of it.

use crate::far::record::Terms;

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

/// Under which condition a write is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Under none.
    #[default]
    Always,
    /// If there is no entry.
    Add,
    /// If there is one.
    Replace,
    /// If there is one with this version: compare and swap.
    Version(u64),
}

/// An entry to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub payload: &'a [u8],
    /// Until when it holds, and how it was made.
    pub terms: Terms,
    /// Its tags.
    pub tags: &'a [String],
    /// When it is written.
    pub mode: Mode,
    /// It is only written as long as the lease with this token holds, which then ends.
    pub token: Option<u64>,
    /// The generation of the tags when the value began to be made; whatever was invalidated since, it is.
    pub generation: Option<u64>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was done, and this is its version.
    Stored(u64),
    /// The condition did not hold.
    Refused,
    /// It alone weighs more than the whole cache may: it is not kept, and what was under its key is gone.
    TooHeavy,
}

/// One entry of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: Vec<u8>,
    /// The terms, with `fresh_until` as in [`Found`].
    pub terms: Terms,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its version.
    pub version: u64,
    /// Bytes of the payload.
    pub size: u64,
    /// Whether it is past `fresh_until`.
    pub stale: bool,
}

/// Some entries of a scan, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Entries; may be none though more follow.
    pub items: Vec<Item>,
    /// To be handed to the next call; `None` at the end.
    pub next: Option<Vec<u8>>,
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
