//! What goes into a store that several processes share and what comes out of it, whatever it is made of.

use super::record::Terms;

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
    /// The terms; an invalidated tag moves `fresh_until` to the moment of that.
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

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The position up to which this is true; to be asked from next time.
    pub at: u64,
    /// Anything may have changed; the lists are empty then.
    pub everything: bool,
    /// These keys.
    pub keys: Vec<Vec<u8>>,
    /// Whatever carries one of these tags, and whether it is gone or only stale.
    pub tags: Vec<(String, bool)>,
}

/// Who holds a lease: a process, by its number, the start that tells it from others with the same number, and the
/// namespace its number belongs to; and a number of the holder's own within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// When it was started, in ticks since the start of the machine; 0 where the system does not tell.
    pub start: u64,
    /// The namespace of process numbers; 0 where the system does not tell.
    pub namespace: u64,
    /// Whatever the process likes.
    pub number: u64,
}

/// The answer to who asks for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is the asker's.
    Acquired {
        /// The token of the lease.
        token: u64,
        /// The generation of the tags now: what was loaded from now on is invalidated by what comes after it.
        generation: u64,
    },
    /// Somebody else has it.
    Held {
        /// Who.
        owner: Owner,
        /// Until when, at the latest.
        until: u64,
    },
}
