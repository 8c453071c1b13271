//! Who goes next? One trait, one file for each answer.
//!
//! A policy knows slot numbers and facts about them, never keys or values. The shard tells it what happens, in order;
//! when a limit is passed the shard asks for a [`Policy::victim`] until the limit holds again.

mod any;
mod lfu;
mod lru;
mod segments;
mod shadow;
mod size;
mod tinylfu;
mod ttl;
mod window;

pub use any::{AnyPolicy, Kind};
pub use lfu::Lfu;
pub use lru::Lru;
pub use size::Size;
pub use tinylfu::TinyLfu;
pub use ttl::Ttl;

/// What a policy may know of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// The well mixed hash of the key.
    pub hash: u32,
    /// Bytes, or 1 where the cache does not weigh its entries.
    pub weight: u64,
    /// When it ends, in nanoseconds of the cache's clock; `u64::MAX` for never.
    pub deadline: u64,
    /// Uses so far, known when entries move from one policy to another.
    pub hits: u32,
}

/// An eviction policy over slots.
pub trait Policy {
    /// A new entry is in slot `id`.
    fn insert(&mut self, id: u32, facts: Facts);
    /// The entry in `id` was used (read, or written again).
    fn access(&mut self, id: u32, facts: Facts);
    /// The entries in these slots were used one after the other; `hash` knows the hash of each.
    fn access_all(&mut self, used: &[u32], hash: impl Fn(u32) -> u32)
    where
        Self: Sized,
    {
        for &id in used {
            self.access(
                id,
                Facts {
                    hash: hash(id),
                    ..Facts::default()
                },
            );
        }
    }
    /// The entry in `id`, just named as the victim, stays for its priority: another one shall be named first.
    fn pardon(&mut self, id: u32, facts: Facts) {
        self.access(id, facts);
    }
    /// The weight or the deadline of the entry in `id` changed.
    fn update(&mut self, id: u32, facts: Facts);
    /// The entry in `id` is gone.
    fn remove(&mut self, id: u32);
    /// The entry to evict now. It stays in the policy until the shard says [`Policy::remove`].
    fn victim(&mut self) -> Option<u32>;
    /// How many entries the cache may hold, where that is known: called at start and whenever it changes.
    fn set_capacity(&mut self, _entries: Option<u32>) {}
    /// Every slot, the one to keep longest last.
    fn order(&self) -> Vec<u32>;
    /// Bytes held by the policy's own structures.
    fn bytes(&self) -> usize;
    /// Panics if a structure contradicts itself.
    fn validate(&self);
}
