//! What a load needs of the entry that it may replace: how it stands, who may refresh it, when to try again.

use super::{Look, Shard};
use crate::clock::NEVER;
use crate::slab::NIL;
use crate::tags::Verdict;

/// How an entry stands at some moment. Times are nanoseconds of the cache's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Fresh before this moment; [`NEVER`] for ever.
    pub fresh: u64,
    /// Fresh: asks for a refresh from this moment on. Stale: no load is to be tried before it.
    pub early: u64,
    /// Different after every write.
    pub version: u32,
    /// It was made stale on request, itself or by a tag.
    pub soft: bool,
}

impl<K, V> Shard<K, V> {
    /// The entry under `hash`, fresh or stale, without counting or using it.
    pub fn sight<R>(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        now: u64,
        take: impl FnOnce(&V, Sight) -> R,
    ) -> Option<R> {
        let id = self.find(hash, same)?;
        if self.look(id, now, false) == Look::Gone {
            return None;
        }
        let version = self.stamps[id as usize].version;
        let slot = self.slot(id);
        let mut sight = Sight {
            fresh: NEVER,
            early: NEVER,
            version,
            soft: false,
        };
        if let Some(extra) = self.extra(id) {
            (sight.fresh, sight.early, sight.soft) = (extra.fresh, extra.early, extra.soft);
            if let Verdict::Stale(since) = self.tags.verdict(&extra.tags) {
                if !extra.soft {
                    // What it asked for while it was fresh says nothing of when to try again.
                    sight.early = NEVER;
                }
                (sight.fresh, sight.soft) = (sight.fresh.min(since), true);
            }
        }
        Some(take(&slot.value, sight))
    }

    /// Takes on the refresh that a fresh entry asks for; true for one caller.
    pub fn claim(&mut self, hash: u32, same: impl Fn(&K) -> bool, now: u64) -> bool {
        let Some(id) = self.find(hash, same) else {
            return false;
        };
        let at = self.slot(id).extra;
        if at == NIL || self.look(id, now, false) != Look::Fresh {
            return false;
        }
        let extra = &mut self.extras[at as usize];
        if now < extra.early {
            return false;
        }
        extra.early = NEVER;
        let due = extra.due();
        self.set_due(id, due);
        true
    }

    /// Has an entry that has an end ask for a refresh, or allow one, only from `moment` on.
    pub fn rearm(&mut self, hash: u32, same: impl Fn(&K) -> bool, moment: u64) {
        let Some(id) = self.find(hash, same) else {
            return;
        };
        // Before the moment is set, which a later search for invalidated tags must not take away again.
        self.apply_soft_tags(id);
        let at = self.slot(id).extra;
        if at != NIL {
            let extra = &mut self.extras[at as usize];
            extra.early = moment;
            let due = extra.due();
            self.set_due(id, due);
        }
    }
}
