//! Writing an entry.

use super::{Look, Shard};
use crate::clock::{NEVER, tick};
use crate::entry::{Cause, Extra, Gone, Life, NORMAL, Place, Removed, Slot, Stamp};
use crate::policy::{Kind, Policy};
use crate::slab::NIL;

/// When a write takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In any case.
    Always,
    /// Only if there is no fresh entry.
    Add,
    /// Only if there is a fresh entry.
    Replace,
    /// Only if there is no entry, or it still has this version: for what was loaded, which is older than whatever was
    /// written meanwhile.
    Unchanged(Option<u32>),
}

/// A value on its way into the cache.
#[derive(Debug)]
pub struct Put<'a, K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The well mixed hash of the key.
    pub hash: u32,
    /// What it is written with.
    pub terms: Terms<'a>,
    /// When it is written.
    pub mode: Mode,
}

/// What a value is written with, besides its key.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How long it lives.
    pub life: Life,
    /// 0.0 to 1.0.
    pub priority: f32,
    /// Its tags.
    pub tags: &'a [Box<str>],
    /// Its weight, 0 where the cache does not weigh.
    pub weight: u64,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            life: Life::FOREVER,
            priority: NORMAL,
            tags: &[],
            weight: 0,
        }
    }
}

impl Terms<'_> {
    /// Whether an entry needs nothing beside its slot.
    fn is_plain(&self) -> bool {
        self.life.is_forever() && self.priority == NORMAL && self.tags.is_empty()
    }
}

/// What became of a [`Put`].
#[derive(Debug)]
pub struct Stored<K, V> {
    /// Whether it was written.
    pub stored: bool,
    /// Whether an entry was there before.
    pub replaced: bool,
    /// Whether an adviser must now say who goes.
    pub over: bool,
    /// What left the cache: the old value, what was evicted or had ended, the new value itself if it was not written.
    pub gone: Gone<K, V>,
}

impl<K, V> Shard<K, V> {
    /// Writes an entry at `now`.
    pub fn put(&mut self, put: Put<'_, K, V>, same: impl Fn(&K) -> bool, now: u64) -> Stored<K, V> {
        let mut gone = Gone::new();
        self.keeps_stale |= put.terms.life.stale > 0;
        self.apply_pending(now);
        if self.is_untidy(now) {
            self.tidy(now, &mut gone);
        }
        let mut id = self.find(put.hash, same);
        if let Some(at) = id
            && (put.mode != Mode::Always
                || put.terms.weight > self.limits.bytes.unwrap_or(u64::MAX))
            && self.look(at, now, false) == Look::Gone
        {
            gone.push(self.take_out(at, Cause::Expired));
            id = None;
        }
        if !self.admits(put.mode, id, now) {
            gone.push(Removed {
                key: put.key,
                value: put.value,
                cause: Cause::Replaced,
            });
            return Stored {
                stored: false,
                replaced: false,
                over: false,
                gone,
            };
        }
        if put.terms.weight > self.limits.bytes.unwrap_or(u64::MAX) {
            // Alone it is more than the cache may hold: emptying the cache for it would help nobody.
            if let Some(id) = id {
                gone.push(self.take_out(id, Cause::Evicted));
            }
            self.counters.evictions += 1;
            gone.push(Removed {
                key: put.key,
                value: put.value,
                cause: Cause::Evicted,
            });
            return Stored {
                stored: false,
                replaced: false,
                over: false,
                gone,
            };
        }
        self.counters.sets += 1;
        self.version = self.version.wrapping_add(1);
        if let Some(id) = id {
            gone.push(self.overwrite(id, put, now));
        } else {
            self.make_room(&put.terms, &mut gone);
            self.insert(put, now);
        }
        let mut over = self.is_over();
        if over && self.kind != Kind::Adviser {
            self.enforce(&mut gone);
            over = false;
        }
        Stored {
            stored: true,
            replaced: id.is_some(),
            over,
            gone,
        }
    }

    fn admits(&mut self, mode: Mode, id: Option<u32>, now: u64) -> bool {
        match (mode, id) {
            (Mode::Always, _) | (Mode::Add | Mode::Unchanged(_), None) => true,
            (Mode::Unchanged(version), Some(id)) => {
                version == Some(self.stamps[id as usize].version)
            }
            (Mode::Add, Some(id)) => self.look(id, now, false) != Look::Fresh,
            (Mode::Replace, Some(id)) => self.look(id, now, false) == Look::Fresh,
            (Mode::Replace, None) => false,
        }
    }

    fn insert(&mut self, put: Put<'_, K, V>, now: u64) {
        let hash = put.hash;
        let slot = Slot {
            key: put.key,
            value: put.value,
            hash,
            extra: NIL,
            hits: 0,
            accessed: tick(now),
        };
        let at = tick(now);
        let stamp = Stamp {
            created: at,
            updated: at,
            version: self.version,
        };
        let id = if let Some(id) = self.free.pop() {
            self.slots[id as usize] = Some(slot);
            self.stamps[id as usize] = stamp;
            id
        } else {
            let id = u32::try_from(self.slots.len())
                .ok()
                .filter(|&id| id != NIL)
                .expect("fewer than 2^32 entries");
            self.reserve();
            self.slots.push(Some(slot));
            self.stamps.push(stamp);
            id
        };
        self.index.insert(hash, id);
        self.set_weight(id, put.terms.weight);
        let extra = self.extra_for(id, put.terms, now);
        let place = extra.as_ref().map_or(Place::Policy, |extra| extra.place);
        if let Some(extra) = extra {
            self.attach_extra(id, extra);
        }
        match place {
            Place::Policy => {
                let facts = self.facts(id);
                self.policy.insert(id, facts);
            }
            place => self.ranks.insert(place, id),
        }
    }

    /// Makes room for one more slot: from some size on, for as many as the cache may hold. Slots that move as they grow
    /// leave holes, for what is aligned beyond what the allocator aligns anyway is moved by a copy.
    fn reserve(&mut self) {
        const FROM: usize = 1 << 16;
        const TO: usize = 1 << 24;
        let held = self.slots.len();
        if held == self.slots.capacity()
            && held >= FROM
            && let Some(max) = self.limits.entries.map(|max| max as usize)
            && (held + 1..=TO).contains(&max)
        {
            // One more than the limit is there for a moment where an adviser chooses who goes.
            self.slots.reserve_exact(max + 1 - held);
        }
    }

    /// The old value, beside the new key object: the entry keeps its own.
    fn overwrite(&mut self, id: u32, put: Put<'_, K, V>, now: u64) -> Removed<K, V> {
        let stamp = &mut self.stamps[id as usize];
        (stamp.updated, stamp.version) = (tick(now), self.version);
        let slot = self.slots[id as usize]
            .as_mut()
            .expect("the index names slots in use");
        let value = std::mem::replace(&mut slot.value, put.value);
        let (hash, old) = (slot.hash, slot.extra);
        if old == NIL && put.terms.is_plain() {
            if self.set_weight(id, put.terms.weight) {
                self.update_facts(id);
            }
            self.policy.access(
                id,
                crate::policy::Facts {
                    hash,
                    ..Default::default()
                },
            );
        } else {
            self.overwrite_extra(id, put.terms, now);
        }
        Removed {
            key: put.key,
            value,
            cause: Cause::Replaced,
        }
    }

    fn overwrite_extra(&mut self, id: u32, terms: Terms<'_>, now: u64) {
        let Slot {
            hash, extra: old, ..
        } = *self.slot(id);
        if old != NIL
            && !terms.is_plain()
            && terms.tags.is_empty()
            && self.extras[old as usize].tags.is_empty()
            && self.extras[old as usize].place == Place::of(terms.priority)
        {
            self.extras[old as usize].renew(terms.life, terms.priority, now);
            self.set_weight(id, terms.weight);
            self.refile(id);
            self.used(id, hash, old);
            return;
        }
        // The new tags are taken before the old ones are given back, so that a tag they share keeps its generation.
        let extra = self.extra_for(id, terms, now);
        let old_place = if old == NIL {
            Place::Policy
        } else {
            self.drop_extra(old)
        };
        let place = extra.as_ref().map_or(Place::Policy, |extra| extra.place);
        let slot = self.slot_mut(id);
        slot.extra = NIL;
        self.set_weight(id, terms.weight);
        if let Some(extra) = extra {
            self.attach_extra(id, extra);
        }
        if place == old_place {
            self.update_facts(id);
            let at = self.slot(id).extra;
            self.used(id, hash, at);
            return;
        }
        match old_place {
            Place::Policy => self.policy.remove(id),
            place => self.ranks.remove(place, id),
        }
        match place {
            Place::Policy => {
                let facts = self.facts(id);
                self.policy.insert(id, facts);
            }
            place => self.ranks.insert(place, id),
        }
    }

    /// Whether the weight changed.
    pub(super) fn set_weight(&mut self, id: u32, weight: u64) -> bool {
        if self.weights.is_empty() && self.limits.bytes.is_none() && weight == 0 {
            return false;
        }
        if self.weights.len() <= id as usize {
            self.weights.resize(id as usize + 1, 0);
        }
        let old = std::mem::replace(&mut self.weights[id as usize], weight);
        self.weight = self.weight - old + weight;
        old != weight
    }

    /// What the entry needs beside its slot, with its tags acquired.
    fn extra_for(&mut self, id: u32, terms: Terms<'_>, now: u64) -> Option<Extra> {
        if terms.is_plain() {
            return None;
        }
        let mut extra = Extra::new(id, terms.life, terms.priority, now);
        for tag in terms.tags {
            let tag = self.tags.acquire(tag);
            extra.tags.push(tag);
        }
        Some(extra)
    }

    pub(super) fn attach_extra(&mut self, id: u32, extra: Extra) {
        let due = extra.due();
        let ends = extra.end() != NEVER;
        let at = if let Some(at) = self.free_extras.pop() {
            self.extras[at as usize] = extra;
            at
        } else {
            self.extras.push(extra);
            self.extras.len() as u32 - 1
        };
        let slot = self.slot_mut(id);
        slot.extra = at;
        self.set_due(id, due);
        if ends {
            self.wheel.file(&mut self.extras, at);
        }
    }
}
