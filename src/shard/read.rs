//! Lookups, and how what they read reaches the policy: late, in order, and before anything is written.

use super::{BATCH, Found, Look, Shard};
use crate::clock::{Clock, tick};
use crate::entry::{Cause, Gone, LOOK_ALWAYS, NO_DUE, Place};
use crate::policy::{Facts, Policy};
use crate::slab::NIL;

impl<K, V> Shard<K, V> {
    /// Looks `hash` up; `same` tells the key, `take` copies the value out. What is found to be over is put into `gone`.
    ///
    /// `batch` is called after every [`BATCH`] hits, under the lock.
    #[allow(clippy::inline_always)] // a hit is little more than this; what is rare in it is called
    #[inline(always)]
    pub fn get<R>(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        clock: &Clock,
        take: impl FnOnce(&V) -> R,
        gone: &mut Gone<K, V>,
        batch: impl FnOnce(),
    ) -> Found<R> {
        let Some((id, slot)) = self.find_slot(hash, same) else {
            self.counters.misses += 1;
            return Found::Missing;
        };
        let mut early = false;
        let value = if slot.extra == NIL {
            take(&slot.value)
        } else {
            match self.look_and_count(id, clock, gone) {
                Found::Fresh(()) => take(&self.slot(id).value),
                Found::Early(()) => {
                    early = true;
                    take(&self.slot(id).value)
                }
                Found::Stale(()) => return Found::Stale(take(&self.slot(id).value)),
                Found::Missing => return Found::Missing,
            }
        };
        self.counters.hits += 1;
        self.pending[self.pending_len % BATCH] = id;
        self.pending_len += 1;
        if self.pending_len == BATCH {
            self.end_batch(clock, batch);
        }
        if early {
            Found::Early(value)
        } else {
            Found::Fresh(value)
        }
    }

    #[cold]
    #[inline(never)]
    fn end_batch(&mut self, clock: &Clock, batch: impl FnOnce()) {
        batch();
        self.apply_noted(clock.coarse());
    }

    /// How an entry with an [`Extra`](crate::entry::Extra) stands that is being read; counted unless it is fresh, removed
    /// if it is over.
    #[inline(never)]
    fn look_and_count(&mut self, id: u32, clock: &Clock, gone: &mut Gone<K, V>) -> Found<()> {
        if !self.is_due(id, clock) {
            return Found::Fresh(());
        }
        let now = if self.is_timed(id) { clock.now() } else { 0 };
        let look = self.look(id, now, true);
        if look == Look::Fresh {
            let extra = &self.extras[self.slot(id).extra as usize];
            return if now >= extra.early {
                Found::Early(())
            } else {
                Found::Fresh(())
            };
        }
        self.counters.misses += 1;
        if look == Look::Gone {
            self.apply_pending(clock.coarse());
            gone.push(self.take_out(id, Cause::Expired));
            return Found::Missing;
        }
        Found::Stale(())
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
    #[inline]
    pub(super) fn apply_pending(&mut self, now: u64) {
        if self.pending_len != 0 {
            self.apply_noted(now);
        }
    }

    #[inline(never)]
    fn apply_noted(&mut self, now: u64) {
        let now = tick(now);
        let mut pending = self.pending;
        let mut count = 0;
        for at in 0..std::mem::take(&mut self.pending_len).min(BATCH) {
            let id = pending[at];
            let slot = self.slots[id as usize]
                .as_mut()
                .expect("reads are applied before a slot is freed");
            slot.hits = slot.hits.saturating_add(1);
            slot.accessed = now;
            let extra = slot.extra;
            if extra == NIL || !self.used_apart(id, extra) {
                pending[count % BATCH] = id;
                count += 1;
            }
        }
        let slots = &self.slots;
        self.policy.access_all(&pending[..count], |id| {
            slots[id as usize].as_ref().map_or(0, |slot| slot.hash)
        });
    }

    #[inline]
    pub(super) fn used(&mut self, id: u32, hash: u32, extra: u32) {
        if extra == NIL || !self.used_apart(id, extra) {
            self.policy.access(
                id,
                Facts {
                    hash,
                    ..Facts::default()
                },
            );
        }
    }

    /// Renews the credit of a used entry, and whether it waits apart from the policy: then it is moved there.
    #[inline]
    fn used_apart(&mut self, id: u32, extra: u32) -> bool {
        // What may be looked at seldom has no priority, so no credit and no place of its own.
        if self.dues[id as usize] != LOOK_ALWAYS {
            return false;
        }
        let extra = &mut self.extras[extra as usize];
        extra.renew_credit();
        let place = extra.place;
        if place != Place::Policy {
            self.ranks.touch(place, id);
        }
        place != Place::Policy
    }
}
