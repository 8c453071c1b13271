//! All that one lock protects: entries, who goes next, when they end, which tags hold, and the counts.
//!
//! Nothing here calls back into the owner of keys and values except the equality test and the taker of a value that a
//! lookup is given; what leaves the cache is handed out to be dropped by the caller, after the lock.

mod ending;
mod evict;
mod exchange;
mod listing;
mod ranks;
mod read;
mod refresh;
mod write;

pub use refresh::Sight;
pub use write::{Mode, Put, Stored, Terms};

use crate::entry::{Cause, Extra, Gone, NO_DUE, Place, Removed, Slot, Stamp};
use crate::expiry::Wheel;
use crate::index::Index;
use crate::policy::{AnyPolicy, Facts, Kind, Policy};
use crate::slab::NIL;
use crate::stats::Counters;
use crate::tags::Tags;
use ranks::Ranks;

/// How many reads are noted before they are applied to the policy, in order. They are applied before anything is
/// written or evicted too, so the order the policy sees is exact.
pub const BATCH: usize = 64;

/// How much a shard may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub entries: Option<u32>,
    /// Bytes, by the weights that entries come with.
    pub bytes: Option<u64>,
}

/// What a lookup found.
#[derive(Debug)]
pub enum Found<R> {
    /// A fresh entry.
    Fresh(R),
    /// A fresh entry that asks for a refresh.
    Early(R),
    /// An entry past its time or softly invalidated, still kept for a refresh or a failure.
    Stale(R),
    /// Nothing.
    Missing,
}

/// The state of an entry at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Fresh,
    Stale,
    Gone,
}

/// A near store, or a part of it, behind one lock.
#[derive(Debug)]
pub struct Shard<K, V> {
    index: Index,
    slots: Vec<Option<Slot<K, V>>>,
    stamps: Vec<Stamp>,
    free: Vec<u32>,
    pending: [u32; BATCH],
    pending_len: usize,
    kind: Kind,
    policy: AnyPolicy,
    ranks: Ranks,
    /// The first tick at which an entry that has an [`Extra`] needs a full look, by slot; apart from the slots, which
    /// most caches fill with entries that live for ever.
    dues: Vec<u32>,
    extras: Vec<Extra>,
    free_extras: Vec<u32>,
    wheel: Wheel,
    tags: Tags,
    /// Where the search for entries with invalidated tags goes on, `NIL` when there is none to do.
    sweep: u32,
    /// Empty while the cache does not weigh.
    weights: Vec<u64>,
    weight: u64,
    limits: Limits,
    counters: Counters,
    version: u32,
    /// Whether an entry may be held past its time, to be served while a refresh runs or when a loader fails.
    keeps_stale: bool,
}

impl<K, V> Shard<K, V> {
    /// An empty shard.
    pub fn new(kind: Kind, limits: Limits, now: u64) -> Self {
        let mut policy = AnyPolicy::new(kind);
        policy.set_capacity(limits.entries);
        Self {
            index: Index::default(),
            slots: Vec::new(),
            stamps: Vec::new(),
            free: Vec::new(),
            pending: [0; BATCH],
            pending_len: 0,
            kind,
            policy,
            ranks: Ranks::default(),
            dues: Vec::new(),
            extras: Vec::new(),
            free_extras: Vec::new(),
            wheel: Wheel::new(now),
            tags: Tags::default(),
            sweep: NIL,
            weights: Vec::new(),
            weight: 0,
            limits,
            counters: Counters::default(),
            version: 0,
            keeps_stale: false,
        }
    }

    #[inline]
    fn slot(&self, id: u32) -> &Slot<K, V> {
        self.slots[id as usize]
            .as_ref()
            .expect("an index, list or ring names a slot that is in use")
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot<K, V> {
        self.slots[id as usize]
            .as_mut()
            .expect("an index, list or ring names a slot that is in use")
    }

    #[inline]
    fn find(&self, hash: u32, same: impl Fn(&K) -> bool) -> Option<u32> {
        self.find_slot(hash, same).map(|found| found.0)
    }

    /// As `Index::find`, with the slot, so that it is looked up once.
    #[inline]
    fn find_slot(&self, hash: u32, same: impl Fn(&K) -> bool) -> Option<(u32, &Slot<K, V>)> {
        let id = self.index.first(hash)?;
        let slot = self.slot(id);
        if same(&slot.key) {
            return Some((id, slot));
        }
        let id = self.index.search(hash, |id| same(&self.slot(id).key))?;
        Some((id, self.slot(id)))
    }

    fn extra(&self, id: u32) -> Option<&Extra> {
        let extra = self.slot(id).extra;
        (extra != NIL).then(|| &self.extras[extra as usize])
    }

    fn weight_of(&self, id: u32) -> u64 {
        self.weights.get(id as usize).copied().unwrap_or(0)
    }

    fn facts(&self, id: u32) -> Facts {
        let slot = self.slot(id);
        Facts {
            hash: slot.hash,
            weight: self.weights.get(id as usize).copied().unwrap_or(1),
            deadline: self.extra(id).map_or(crate::clock::NEVER, Extra::end),
            hits: slot.hits,
        }
    }

    /// Notes the due tick of an entry that has an [`Extra`].
    fn set_due(&mut self, id: u32, due: u32) {
        if self.dues.len() <= id as usize {
            self.dues.resize(self.slots.len(), NO_DUE);
        }
        self.dues[id as usize] = due;
    }

    /// Takes an entry out of every structure, once the noted reads are applied.
    fn take_out(&mut self, id: u32, cause: Cause) -> Removed<K, V> {
        debug_assert_eq!(
            self.pending_len, 0,
            "a slot that a noted read names must not be freed"
        );
        let slot = self.slots[id as usize]
            .take()
            .expect("only a slot in use is taken out");
        self.index.remove(slot.hash, id);
        let place = if slot.extra == NIL {
            Place::Policy
        } else {
            self.drop_extra(slot.extra)
        };
        match place {
            Place::Policy => self.policy.remove(id),
            place => self.ranks.remove(place, id),
        }
        if let Some(weight) = self.weights.get_mut(id as usize) {
            self.weight -= std::mem::take(weight);
        }
        self.free.push(id);
        match cause {
            Cause::Evicted => self.counters.evictions += 1,
            Cause::Expired => self.counters.expirations += 1,
            Cause::Deleted => self.counters.deletes += 1,
            Cause::Replaced => {}
        }
        Removed {
            key: slot.key,
            value: slot.value,
            cause,
        }
    }

    fn drop_extra(&mut self, at: u32) -> Place {
        self.wheel.unfile(&mut self.extras, at);
        for tag in std::mem::take(&mut self.extras[at as usize].tags) {
            self.tags.release(tag.tag);
        }
        self.free_extras.push(at);
        self.extras[at as usize].slot = NIL;
        self.extras[at as usize].place
    }

    /// Removes the entry under `hash` if it is fresh or stale; one that is over counts as expired.
    pub fn remove(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
    ) -> Option<Removed<K, V>> {
        let id = self.find(hash, same)?;
        self.apply_pending(now);
        let cause = if self.look(id, now, false) == Look::Gone {
            Cause::Expired
        } else {
            Cause::Deleted
        };
        Some(self.take_out(id, cause))
    }

    /// Removes everything.
    pub fn clear(&mut self, now: u64) -> Gone<K, V> {
        let all = (0..self.slots.len() as u32)
            .filter(|&id| self.slots[id as usize].is_some())
            .collect::<Vec<_>>();
        self.apply_pending(now);
        let gone = all
            .into_iter()
            .map(|id| self.take_out(id, Cause::Deleted))
            .collect();
        let empty = Self::new(self.kind, self.limits, now);
        let (counters, version) = (self.counters, self.version);
        // The tags' generations go on: an older reference must not come to life again.
        let tags = std::mem::take(&mut self.tags);
        *self = Self {
            tags,
            counters,
            version,
            ..empty
        };
        gone
    }

    /// The counts since the last reset.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Starts counting anew.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }

    /// Entries held, over or not.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Entries that are fresh at `now`, once what is over was removed.
    pub fn fresh_len(&mut self, now: u64) -> usize {
        if !self.keeps_stale {
            return self.len();
        }
        let mut count = 0;
        self.for_each_at(now, false, |_, _, _, _| count += 1);
        count
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The sum of all weights.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Bytes of the structures themselves, without what keys and values point to.
    pub fn overhead(&self) -> usize {
        self.index.bytes()
            + self.slots.capacity() * size_of::<Option<Slot<K, V>>>()
            + self.stamps.capacity() * size_of::<Stamp>()
            + self.policy.bytes()
            + self.ranks.bytes()
            + self.dues.capacity() * 4
            + self.extras.capacity() * size_of::<Extra>()
            + self.weights.capacity() * 8
    }

    /// Panics if any two structures contradict each other.
    pub fn validate(&self) {
        self.index.validate();
        self.policy.validate();
        self.ranks.validate();
        self.wheel.validate(&self.extras);
        let used: Vec<u32> = (0..self.slots.len() as u32)
            .filter(|&id| self.slots[id as usize].is_some())
            .collect();
        assert_eq!(
            used.len(),
            self.index.len(),
            "every used slot is in the index"
        );
        assert_eq!(
            used.len() + self.free.len(),
            self.slots.len(),
            "every other slot is free"
        );
        let (low, pinned) = self.ranks.order();
        let mut placed = [self.policy.order(), low, pinned].concat();
        placed.sort_unstable();
        assert_eq!(placed, used, "every used slot waits in exactly one place");
        let mut weight = 0;
        for id in used {
            let slot = self.slot(id);
            assert_eq!(self.index.find(slot.hash, |at| at == id), Some(id));
            weight += self.weight_of(id);
            if let Some(extra) = self.extra(id) {
                assert_eq!(extra.slot, id);
                assert_eq!(self.dues[id as usize], extra.due());
                assert_eq!(
                    extra.bucket == NIL,
                    extra.end() == crate::clock::NEVER,
                    "what ends is in the wheel"
                );
            }
        }
        assert_eq!(weight, self.weight);
    }
}
