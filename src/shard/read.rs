//! Lookups, and how what they read reaches the policy: late, in order, and before anything is written.

use super::{Found, Look, PENDING, Shard};
use crate::clock::{Clock, tick};
use crate::entry::{Cause, Gone, NO_DUE, Place};
use crate::policy::{Facts, Policy};
use crate::slab::NIL;

impl<K, V> Shard<K, V> {
    /// Looks `hash` up; `same` tells the key, `take` copies the value out. What is found to be over is put into `gone`.
    #[inline]
    pub fn get<R>(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        clock: &Clock,
        take: impl FnOnce(&V) -> R,
        gone: &mut Gone<K, V>,
    ) -> Found<R> {
        let Some(id) = self.find(hash, same) else {
            self.counters.misses += 1;
            return Found::Missing;
        };
        if self.slot(id).extra != NIL && self.is_due(id, clock) {
            let now = if self.is_timed(id) { clock.now() } else { 0 };
            match self.look(id, now, true) {
                Look::Fresh => {
                    let extra = &self.extras[self.slot(id).extra as usize];
                    if now >= extra.early {
                        self.note(id, clock);
                        return Found::Early(take(&self.slot(id).value));
                    }
                }
                Look::Stale => {
                    self.counters.misses += 1;
                    return Found::Stale(take(&self.slot(id).value));
                }
                Look::Gone => {
                    self.counters.misses += 1;
                    self.apply_pending(clock.coarse());
                    gone.push(self.take_out(id, Cause::Expired));
                    return Found::Missing;
                }
            }
        }
        let value = take(&self.slot(id).value);
        self.note(id, clock);
        Found::Fresh(value)
    }

    /// Counts a hit, and notes it for the policy.
    #[inline]
    fn note(&mut self, id: u32, clock: &Clock) {
        self.counters.hits += 1;
        self.pending[self.pending_len] = id;
        self.pending_len += 1;
        if self.pending_len == PENDING {
            self.apply_pending(clock.coarse());
        }
    }

    /// Whether an entry with an [`Extra`] needs a full look now.
    #[inline]
    fn is_due(&self, id: u32, clock: &Clock) -> bool {
        let due = self.dues[id as usize];
        due != NO_DUE && due <= tick(clock.at_most())
    }

    /// As [`Shard::get`], without counting or using the entry, and with its version.
    pub fn peek<R>(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&K, &V, u32) -> R,
    ) -> Found<R> {
        let Some(id) = self.find(hash, same) else {
            return Found::Missing;
        };
        let look = self.look(id, now, false);
        let slot = self.slot(id);
        let version = self.stamps[id as usize].version;
        match look {
            Look::Fresh => Found::Fresh(take(&slot.key, &slot.value, version)),
            Look::Stale => Found::Stale(take(&slot.key, &slot.value, version)),
            Look::Gone => Found::Missing,
        }
    }

    /// Applies the noted reads to the policy, oldest first.
    pub(super) fn apply_pending(&mut self, now: u64) {
        if self.pending_len == 0 {
            return;
        }
        let now = tick(now);
        for at in 0..std::mem::take(&mut self.pending_len) {
            let id = self.pending[at];
            let slot = self.slots[id as usize]
                .as_mut()
                .expect("reads are applied before a slot is freed");
            slot.hits = slot.hits.saturating_add(1);
            slot.accessed = now;
            let (hash, extra) = (slot.hash, slot.extra);
            self.used(id, hash, extra);
        }
    }

    #[inline]
    pub(super) fn used(&mut self, id: u32, hash: u32, extra: u32) {
        if extra != NIL {
            let extra = &mut self.extras[extra as usize];
            extra.renew_credit();
            if extra.place != Place::Policy {
                self.ranks.touch(extra.place, id);
                return;
            }
        }
        self.policy.access(
            id,
            Facts {
                hash,
                ..Facts::default()
            },
        );
    }
}
