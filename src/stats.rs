//! Exact counts of what a cache did.

/// What happened since the last reset. Kept under the shard's lock, so no count is ever lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads that found a fresh entry.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Values written.
    pub sets: u64,
    /// Entries removed on request.
    pub deletes: u64,
    /// Entries removed because a limit was passed.
    pub evictions: u64,
    /// Entries removed because their time was over.
    pub expirations: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.sets += other.sets;
        self.deletes += other.deletes;
        self.evictions += other.evictions;
        self.expirations += other.expirations;
    }
}
