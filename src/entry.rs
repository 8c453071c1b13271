//! One cached thing: the slot that every read touches, and apart from it what most entries or most reads do without.

use crate::clock::{NEVER, tick};
use smallvec::SmallVec;
use std::sync::Arc;

/// The due tick of an entry that needs no look at the clock.
pub const NO_DUE: u32 = u32::MAX;

/// The due tick of an entry that needs a full look each time: all that have tags, an idle limit or a priority.
pub const LOOK_ALWAYS: u32 = 0;

/// How long a value lives, in nanoseconds; [`NEVER`] for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Life {
    /// Fresh for this long after it was written.
    pub ttl: u64,
    /// Kept this long past `ttl`, to be served while a refresh runs or when a loader fails.
    pub stale: u64,
    /// Gone when it was not used for this long.
    pub idle: u64,
    /// From this age on a read says that a refresh is due; [`NEVER`] for never.
    pub early: u64,
}

impl Life {
    /// No end at all.
    pub const FOREVER: Self = Self {
        ttl: NEVER,
        idle: NEVER,
        stale: 0,
        early: NEVER,
    };

    /// Whether nothing ends and nothing is kept past its end.
    pub fn is_forever(&self) -> bool {
        *self == Self::FOREVER
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::FOREVER
    }
}

/// The 32 bytes of an entry that a hit reads: one memory line, never two halves.
#[derive(Debug)]
#[repr(align(32))]
pub struct Slot<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The well mixed hash of the key.
    pub hash: u32,
    /// Its [`Extra`], or `NIL`.
    pub extra: u32,
    /// Reads that found it, known once the deferred reads are applied.
    pub hits: u32,
    /// The tick of the last of them.
    pub accessed: u32,
}

/// When things happened to an entry, in ticks: for people and for listings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    /// First written.
    pub created: u32,
    /// Last written.
    pub updated: u32,
    /// Different after every write to any entry of the shard.
    pub version: u32,
}

/// Where an entry waits for its eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the policy, with everybody else.
    Policy,
    /// In the list of what goes before the others.
    Low,
    /// In the list of what goes only when nothing else is left.
    Pinned,
}

/// A tag of one entry, with the generation it was written under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRef {
    /// The number of the tag.
    pub tag: u32,
    /// The tag's generation at that time.
    pub generation: u64,
}

/// What only some entries have: an end, tags, a priority.
///
/// The first memory line is all that a new value for an entry with only a ttl changes.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Extra {
    /// Fresh before this moment.
    pub fresh: u64,
    /// Gone at this moment: `fresh` and the stale window.
    pub gone: u64,
    /// From this moment on a fresh entry asks for a refresh. Of a stale one: no load is to be tried before it.
    pub early: u64,
    /// What it was written with.
    pub life: Life,
    /// The moment before which use must be seen, for an idle limit.
    pub idle_end: u64,
    /// The slot it belongs to.
    pub slot: u32,
    /// The next of the same bucket of the wheel.
    pub next: u32,
    /// The one before it.
    pub prev: u32,
    /// The bucket of the wheel, or `NIL`.
    pub bucket: u32,
    /// 0.0 to 1.0.
    pub priority: f32,
    /// How often it is still passed over when its turn to go has come.
    pub credit: u8,
    /// Where it waits for its eviction.
    pub place: Place,
    /// It was made stale on request, before its time.
    pub soft: bool,
    /// Its tags.
    pub tags: SmallVec<[TagRef; 1]>,
}

/// The priority of an entry that was given none.
pub const NORMAL: f32 = 0.5;

impl Extra {
    /// For an entry in `slot` written at `now`.
    pub fn new(slot: u32, life: Life, priority: f32, now: u64) -> Self {
        let fresh = now.saturating_add(life.ttl);
        let idle_end = now.saturating_add(life.idle);
        let mut extra = Self {
            slot,
            next: crate::slab::NIL,
            prev: crate::slab::NIL,
            bucket: crate::slab::NIL,
            fresh,
            gone: fresh.saturating_add(life.stale),
            idle_end,
            early: now.saturating_add(life.early),
            soft: false,
            life,
            priority,
            credit: 0,
            place: Place::of(priority),
            tags: SmallVec::new(),
        };
        extra.renew_credit();
        extra
    }

    /// Starts the life of a new value of the same entry, which has no tags.
    pub fn renew(&mut self, life: Life, priority: f32, now: u64) {
        *self = Self {
            next: self.next,
            prev: self.prev,
            bucket: self.bucket,
            ..Self::new(self.slot, life, priority, now)
        };
    }

    /// The moment at which nothing of the entry may remain.
    pub fn end(&self) -> u64 {
        self.gone.min(self.idle_end)
    }

    /// The first tick that needs a full look: [`LOOK_ALWAYS`] for one each time, [`NO_DUE`] for none.
    pub fn due(&self) -> u32 {
        if !self.tags.is_empty() || self.life.idle != NEVER || self.priority != NORMAL || self.soft
        {
            return LOOK_ALWAYS;
        }
        match self.fresh.min(self.early) {
            NEVER => NO_DUE,
            first => tick(first),
        }
    }

    /// A used entry has all its credit again.
    #[allow(clippy::cast_sign_loss)] // both differences are positive
    pub fn renew_credit(&mut self) {
        self.credit = match self.place {
            Place::Policy => ((self.priority - NORMAL) * 8.0).ceil() as u8,
            Place::Low => (self.priority * 8.0).floor() as u8,
            Place::Pinned => 0,
        };
    }
}

impl Place {
    /// Where an entry of this priority waits.
    pub fn of(priority: f32) -> Self {
        if priority >= 1.0 {
            Self::Pinned
        } else if priority < NORMAL {
            Self::Low
        } else {
            Self::Policy
        }
    }
}

/// Why an entry is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A limit was passed.
    Evicted,
    /// Its time was over, or one of its tags was invalidated.
    Expired,
    /// On request.
    Deleted,
    /// A newer value took its place.
    Replaced,
}

/// An entry that left the cache, to be dropped where no lock is held.
#[derive(Debug)]
#[must_use = "drop it outside the lock"]
pub struct Removed<K, V> {
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
    /// Why it left.
    pub cause: Cause,
}

/// Everything one operation removed.
pub type Gone<K, V> = SmallVec<[Removed<K, V>; 1]>;

/// All that is known of an entry, for listings and advisers. Times are nanoseconds of the cache's clock.
#[derive(Clone, Debug)]
pub struct View {
    /// First written, to the tick.
    pub created: u64,
    /// Last written, to the tick.
    pub updated: u64,
    /// Last read, to the tick.
    pub accessed: u64,
    /// Reads that found it.
    pub hits: u32,
    /// Its life as written.
    pub life: Life,
    /// Fresh before this moment; [`NEVER`] for ever.
    pub fresh: u64,
    /// Gone at this moment.
    pub end: u64,
    /// Its weight in bytes, 0 where the cache does not weigh.
    pub weight: u64,
    /// 0.0 to 1.0.
    pub priority: f32,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Changes with every write.
    pub version: u32,
}
