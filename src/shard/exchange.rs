//! Giving an entry a new value and leaving the rest of it as it is: the short ways of a write.

use super::{Look, Shard};
use crate::clock::{NEVER, tick};
use crate::entry::{LOOK_ALWAYS, Life, Slot};
use crate::policy::Kind;
use crate::slab::NIL;

impl<K, V> Shard<K, V> {
    /// Exchanges the value of an entry that is nothing but key and value and perhaps a ttl, where nothing else is to do;
    /// hands back the old value, or the new one if it takes more than that.
    #[inline]
    pub fn exchange(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        value: V,
        life: Life,
        now: u64,
    ) -> Result<V, V> {
        if self.is_untidy(now) || !self.weights.is_empty() {
            return Err(value);
        }
        let Some(id) = self.find(hash, same) else {
            return Err(value);
        };
        let extra = self.slot(id).extra;
        self.keeps_stale |= life.stale > 0;
        if extra == NIL && life.is_forever() || extra != NIL && self.renew(id, extra, life, now) {
            self.apply_pending(now);
            self.counters.sets += 1;
            self.version = self.version.wrapping_add(1);
            let stamp = &mut self.stamps[id as usize];
            (stamp.updated, stamp.version) = (tick(now), self.version);
            self.used(id, hash, NIL);
            return Ok(std::mem::replace(&mut self.slot_mut(id).value, value));
        }
        Err(value)
    }

    /// Puts off the end of an entry that has only a ttl and gets no more now; whether that is all there is to do.
    #[inline]
    fn renew(&mut self, id: u32, extra: u32, life: Life, now: u64) -> bool {
        // Where all entries have a ttl the extra mostly has the slot's own number: so it is fetched while the slot is.
        std::hint::black_box(self.extras.get(id as usize).map(|extra| extra.gone));
        let due = &mut self.dues[id as usize];
        let fresh = now.saturating_add(life.ttl);
        let gone = fresh.saturating_add(life.stale);
        let extra = &mut self.extras[extra as usize];
        // Where the end comes no sooner the wheel keeps the old one; when that comes it sees the new one and files the
        // entry again. What lives for ever must leave the wheel, and a policy that ranks by the end must hear of it.
        if *due == LOOK_ALWAYS
            || life.idle != NEVER
            || gone < extra.gone
            || gone == NEVER
            || self.kind == Kind::Ttl
        {
            return false;
        }
        (extra.fresh, extra.gone, extra.life) = (fresh, gone, life);
        extra.early = now.saturating_add(life.early);
        *due = tick(fresh.min(extra.early));
        true
    }

    /// Exchanges the value of a fresh entry that still has this version, and nothing else of it; hands back the old value,
    /// or the new one if the entry is another by now.
    pub fn swap(
        &mut self,
        hash: u32,
        same: impl Fn(&K) -> bool,
        version: u32,
        value: V,
        weight: u64,
        now: u64,
    ) -> Result<V, V> {
        let Some(id) = self.find(hash, same) else {
            return Err(value);
        };
        self.apply_pending(now);
        if self.stamps[id as usize].version != version || self.look(id, now, true) != Look::Fresh {
            return Err(value);
        }
        self.counters.sets += 1;
        self.version = self.version.wrapping_add(1);
        let stamp = &mut self.stamps[id as usize];
        (stamp.updated, stamp.version) = (tick(now), self.version);
        let old = std::mem::replace(&mut self.slot_mut(id).value, value);
        if self.set_weight(id, weight) {
            self.update_facts(id);
        }
        let Slot { hash, extra, .. } = *self.slot(id);
        self.used(id, hash, extra);
        Ok(old)
    }
}
