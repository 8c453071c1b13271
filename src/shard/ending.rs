//! How entries end: by time, by idleness, by their tags.

use super::{Look, Shard};
use crate::clock::NEVER;
use crate::entry::{Cause, Extra, Gone};
use crate::slab::NIL;
use crate::tags::Verdict;

/// How many slots a write looks at while entries with invalidated tags are being searched.
const SWEEP: u32 = 8;

impl<K, V> Shard<K, V> {
    /// The state of an entry at `now`; `used` prolongs an idle time.
    pub(super) fn look(&mut self, id: u32, now: u64, used: bool) -> Look {
        let at = self.slot(id).extra;
        if at == NIL {
            return Look::Fresh;
        }
        let extra = &mut self.extras[at as usize];
        let look = state(extra, self.tags.verdict(&extra.tags), now);
        if look == Look::Fresh && used && extra.life.idle != NEVER {
            // The wheel keeps the old end; when that comes it sees the new one and files the entry again.
            extra.idle_end = now.saturating_add(extra.life.idle);
        }
        look
    }

    /// Whether the state of an entry with an [`Extra`] depends on the time: one that lives for ever and whose tags hold
    /// does not.
    pub(super) fn is_timed(&self, id: u32) -> bool {
        let extra = &self.extras[self.slot(id).extra as usize];
        extra.end() != NEVER
            || extra.fresh != NEVER
            || extra.early != NEVER
            || self.tags.verdict(&extra.tags) != Verdict::Valid
    }

    /// Whether a write should call [`Shard::tidy`].
    #[inline]
    pub(super) fn is_untidy(&self, now: u64) -> bool {
        self.sweep != NIL || self.wheel.is_due(now)
    }

    /// Removes what has ended by `now`, and a bounded part of what has lost a tag.
    #[cold]
    pub(super) fn tidy(&mut self, now: u64, gone: &mut Gone<K, V>) {
        self.expire(now, gone);
        self.sweep(SWEEP, now, gone);
    }

    /// Removes everything that is over at `now`: after this, what is held is what a reader could still be given.
    pub fn settle(&mut self, now: u64, gone: &mut Gone<K, V>) {
        self.apply_pending(now);
        self.sweep(u32::MAX, now, gone);
        self.expire(now, gone);
    }

    fn expire(&mut self, now: u64, gone: &mut Gone<K, V>) {
        let mut due = Vec::new();
        self.wheel.advance(&mut self.extras, now, &mut due);
        for at in due {
            let id = self.extras[at as usize].slot;
            gone.push(self.take_out(id, Cause::Expired));
        }
    }

    fn sweep(&mut self, mut steps: u32, now: u64, gone: &mut Gone<K, V>) {
        while self.sweep != NIL && steps > 0 {
            let id = self.sweep;
            if id as usize >= self.slots.len() {
                self.sweep = NIL;
                break;
            }
            (self.sweep, steps) = (id + 1, steps - 1);
            if self.slots[id as usize].is_none() {
                continue;
            }
            if self.look(id, now, false) == Look::Gone {
                gone.push(self.take_out(id, Cause::Expired));
            } else {
                self.apply_soft_tags(id);
            }
        }
    }

    /// Writes what the tags say of an entry into its times, so that the wheel will end it.
    pub(super) fn apply_soft_tags(&mut self, id: u32) {
        let at = self.slot(id).extra;
        if at == NIL {
            return;
        }
        let extra = &mut self.extras[at as usize];
        if let Verdict::Stale(since) = self.tags.verdict(&extra.tags) {
            extra.fresh = extra.fresh.min(since);
            extra.gone = extra.gone.min(since.saturating_add(extra.life.stale));
            if !extra.soft {
                // What it asked for while it was fresh says nothing of when to try again.
                (extra.early, extra.soft) = (NEVER, true);
            }
            self.refile(id);
        }
    }

    /// Invalidates a tag in O(1). Soft: entries with a stale window stay for a refresh or a failure.
    pub fn invalidate_tag(&mut self, name: &str, hard: bool, now: u64) {
        if self.tags.invalidate(name, hard, now) {
            self.sweep = 0;
        }
    }

    /// Makes one entry stale as of `now` (soft) if it has a stale window, else removes it; whether it was there.
    pub fn invalidate(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        gone: &mut Gone<K, V>,
    ) -> bool {
        let Some(id) = self.find(hash, same) else {
            return false;
        };
        self.apply_pending(now);
        let look = self.look(id, now, false);
        let at = self.slot(id).extra;
        if at == NIL || self.extras[at as usize].life.stale == 0 || look == Look::Gone {
            let cause = if look == Look::Gone {
                Cause::Expired
            } else {
                Cause::Deleted
            };
            gone.push(self.take_out(id, cause));
            return look != Look::Gone;
        }
        let extra = &mut self.extras[at as usize];
        if look == Look::Fresh {
            extra.gone = extra.gone.min(now.saturating_add(extra.life.stale));
            extra.fresh = now;
            extra.early = NEVER;
        }
        extra.soft = true;
        self.refile(id);
        true
    }

    /// Gives an entry a new ttl from `now` on; whether it was there.
    pub fn touch(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        ttl: u64,
        now: u64,
        gone: &mut Gone<K, V>,
    ) -> bool {
        let Some(id) = self.find(hash, same) else {
            return false;
        };
        self.apply_pending(now);
        if self.look(id, now, true) != Look::Fresh {
            if self.look(id, now, false) == Look::Gone {
                gone.push(self.take_out(id, Cause::Expired));
            }
            return false;
        }
        if self.slot(id).extra == NIL {
            if ttl == NEVER {
                return true;
            }
            self.attach_extra(
                id,
                Extra::new(id, crate::entry::Life::FOREVER, crate::entry::NORMAL, now),
            );
        }
        let at = self.slot(id).extra;
        let extra = &mut self.extras[at as usize];
        extra.life.ttl = ttl;
        extra.early = now.saturating_add(extra.life.early);
        extra.fresh = now.saturating_add(ttl);
        extra.gone = extra.fresh.saturating_add(extra.life.stale);
        self.refile(id);
        true
    }

    /// Puts wheel, due tick and policy right after an entry's times changed.
    pub(super) fn refile(&mut self, id: u32) {
        let at = self.slot(id).extra;
        self.wheel.refile(&mut self.extras, at);
        self.set_due(id, self.extras[at as usize].due());
        self.update_facts(id);
    }
}

fn state(extra: &Extra, verdict: Verdict, now: u64) -> Look {
    let gone = match verdict {
        Verdict::Gone => return Look::Gone,
        Verdict::Stale(at) => extra.gone.min(at.saturating_add(extra.life.stale)),
        Verdict::Valid => extra.gone,
    };
    if now >= gone || now >= extra.idle_end {
        Look::Gone
    } else if now >= extra.fresh || verdict != Verdict::Valid {
        Look::Stale
    } else {
        Look::Fresh
    }
}
