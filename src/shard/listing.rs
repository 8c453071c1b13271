//! What is in the shard, for listings, advisers and the garbage collector.

use super::{Look, Shard};
use crate::clock::{NEVER, tick_start};
use crate::entry::{Life, NORMAL, TagRef, View};
use crate::policy::Policy;
use std::sync::Arc;

impl<K, V> Shard<K, V> {
    /// All that is known of the entry in slot `id`.
    pub fn view(&self, id: u32) -> View {
        let stamp = self.stamps[id as usize];
        let slot = self.slot(id);
        let extra = self.extra(id);
        View {
            created: tick_start(stamp.created),
            updated: tick_start(stamp.updated),
            accessed: tick_start(slot.accessed),
            hits: slot.hits,
            life: extra.map_or(Life::FOREVER, |extra| extra.life),
            fresh: extra.map_or(NEVER, |extra| extra.fresh),
            end: extra.map_or(NEVER, crate::entry::Extra::end),
            weight: self.weight_of(id),
            priority: extra.map_or(NORMAL, |extra| extra.priority),
            tags: extra.map_or_else(Vec::new, |extra| {
                extra
                    .tags
                    .iter()
                    .map(|tag| self.tags.name(tag.tag))
                    .collect()
            }),
            version: stamp.version,
        }
    }

    /// The tags of the entry under `hash`, stale or not: the name of each, the generation since which entries with it hold,
    /// and the one in which this entry was written.
    pub fn generations(&self, hash: u32, same: impl Fn(&K) -> bool) -> Vec<(Arc<str>, u64, u64)> {
        let extra = self.find(hash, same).and_then(|id| self.extra(id));
        extra.map_or_else(Vec::new, |extra| {
            let told = |r: &TagRef| (self.tags.name(r.tag), self.tags.since(r.tag), r.generation);
            extra.tags.iter().map(told).collect()
        })
    }

    /// The view of the entry under `hash`, if a reader could still be given it.
    pub fn entry<R>(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&K, &V, View) -> R,
    ) -> Option<R> {
        let id = self.find(hash, same)?;
        self.apply_pending(now);
        if self.look(id, now, false) != Look::Fresh {
            return None;
        }
        let slot = self.slot(id);
        Some(take(&slot.key, &slot.value, self.view(id)))
    }

    /// Calls `each` with every entry that is fresh at `now`, and those that are `stale` too if that is wanted.
    pub fn for_each_at(&mut self, now: u64, stale: bool, mut each: impl FnMut(&Self, u32, &K, &V)) {
        self.apply_pending(now);
        for id in 0..self.slots.len() as u32 {
            if self.slots[id as usize].is_none() {
                continue;
            }
            let look = self.look(id, now, false);
            if look == Look::Fresh || (stale && look == Look::Stale) {
                let slot = self.slot(id);
                each(self, id, &slot.key, &slot.value);
            }
        }
    }

    /// Calls `each` with every entry, over or not.
    pub fn for_each(&self, mut each: impl FnMut(&K, &V)) {
        for slot in self.slots.iter().flatten() {
            each(&slot.key, &slot.value);
        }
    }

    /// The coldest entries, at most `limit`, for an adviser to choose from.
    pub fn coldest(&mut self, limit: usize, now: u64, mut each: impl FnMut(&K, &V, View)) {
        self.apply_pending(now);
        let (low, pinned) = self.ranks.order();
        for id in [low, self.policy.order(), pinned]
            .into_iter()
            .flatten()
            .take(limit)
        {
            let slot = self.slot(id);
            each(&slot.key, &slot.value, self.view(id));
        }
    }

    /// Whether the entry in slot `id` carries any of the tags numbered in `tags`.
    pub fn carries(&self, id: u32, tags: &[u32]) -> bool {
        self.extra(id)
            .is_some_and(|extra| extra.tags.iter().any(|t| tags.contains(&t.tag)))
    }

    /// The numbers of those of `names` that some entry carries.
    pub fn tag_numbers(&self, names: &[Box<str>]) -> Vec<u32> {
        names
            .iter()
            .map(|name| self.tags.find(name))
            .filter(|&tag| tag != crate::slab::NIL)
            .collect()
    }
}
