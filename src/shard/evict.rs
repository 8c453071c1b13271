//! Limits: who has to go when there is too much.

use super::{Limits, Shard, Terms};
use crate::entry::{Cause, Gone, Place, Removed};
use crate::policy::{AnyPolicy, Kind, Policy};
use crate::slab::NIL;

/// How many entries in a row may be passed over for their priority in one eviction.
const PARDONS: u32 = 16;

impl<K, V> Shard<K, V> {
    /// Whether a limit is passed.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.limits
            .entries
            .is_some_and(|max| self.index.len() > max as usize)
            || self.limits.bytes.is_some_and(|max| self.weight > max)
    }

    /// Evicts until no limit is passed.
    #[inline]
    pub fn enforce(&mut self, gone: &mut Gone<K, V>) {
        while self.is_over() {
            let Some(id) = self.victim() else { return };
            gone.push(self.take_out(id, Cause::Evicted));
        }
    }

    /// Evicts until a new entry fits, so that it is not itself what goes first: by its own rank it often would be, and
    /// in LFU order nothing new could ever stay beside entries that were read.
    pub(super) fn make_room(&mut self, terms: &Terms<'_>, gone: &mut Gone<K, V>) {
        // A policy that decides on admission must see the newcomer; so must an adviser.
        if matches!(self.kind, Kind::TinyLfu | Kind::Adviser) {
            return;
        }
        let full = |shard: &Self| {
            let Limits { entries, bytes } = shard.limits;
            entries.is_some_and(|max| shard.index.len() >= max as usize)
                || bytes.is_some_and(|max| shard.weight.saturating_add(terms.weight) > max)
        };
        while full(self) {
            // What is pinned goes only for what is pinned too.
            let ranked = self.ranks.low().or_else(|| self.policy.victim());
            if ranked.is_none() && Place::of(terms.priority) != Place::Pinned {
                return;
            }
            let Some(id) = self.victim() else { return };
            gone.push(self.take_out(id, Cause::Evicted));
        }
    }

    /// Who goes next: the policy's choice, weighed by priority.
    #[inline]
    fn victim(&mut self) -> Option<u32> {
        if let Some(id) = self.ranks.low() {
            if !self.spend_credit(id) {
                return Some(id);
            }
            self.ranks.touch(Place::Low, id);
        }
        for _ in 0..PARDONS {
            let Some(id) = self.policy.victim() else {
                break;
            };
            if !self.spend_credit(id) {
                return Some(id);
            }
            let facts = self.facts(id);
            self.policy.pardon(id, facts);
        }
        self.policy
            .victim()
            .or_else(|| self.ranks.low())
            .or_else(|| self.ranks.pinned())
    }

    /// Uses up one credit of an entry; false if it has none.
    #[inline]
    fn spend_credit(&mut self, id: u32) -> bool {
        let at = self.slot(id).extra;
        if at == NIL {
            return false;
        }
        let credit = &mut self.extras[at as usize].credit;
        let had = *credit > 0;
        *credit = credit.saturating_sub(1);
        had
    }

    pub(super) fn update_facts(&mut self, id: u32) {
        if self
            .extra(id)
            .is_none_or(|extra| extra.place == Place::Policy)
        {
            let facts = self.facts(id);
            self.policy.update(id, facts);
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The policy in force.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Switches to another policy and other limits. Every entry stays, in its order, as far as the limits allow.
    pub fn reconfigure(&mut self, kind: Kind, limits: Limits, now: u64, gone: &mut Gone<K, V>) {
        self.apply_pending(now);
        self.limits = limits;
        if kind == self.kind {
            self.policy.set_capacity(limits.entries);
        } else {
            let order = self.policy.order();
            self.policy = AnyPolicy::new(kind);
            self.kind = kind;
            self.policy.set_capacity(limits.entries);
            for id in order {
                let facts = self.facts(id);
                self.policy.insert(id, facts);
            }
        }
        if kind != Kind::Adviser {
            self.enforce(gone);
        }
    }

    /// Gives every entry its weight, where the cache begins to weigh (`Some`) or stops to (`None`).
    pub fn weigh(&mut self, weigher: Option<impl FnMut(&K, &V) -> u64>) {
        self.weights.clear();
        self.weight = 0;
        let Some(mut weigher) = weigher else { return };
        self.weights.resize(self.slots.len(), 0);
        for id in 0..self.slots.len() as u32 {
            if let Some(slot) = &self.slots[id as usize] {
                let weight = weigher(&slot.key, &slot.value);
                self.weights[id as usize] = weight;
                self.weight += weight;
                self.update_facts(id);
            }
        }
    }

    /// Evicts the entry under `hash` on an adviser's word, if it is still there.
    pub fn evict(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
    ) -> Option<Removed<K, V>> {
        let id = self.find(hash, same)?;
        self.apply_pending(now);
        Some(self.take_out(id, Cause::Evicted))
    }
}
