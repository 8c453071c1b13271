//! When things end: a hierarchical timer wheel, so that ending costs amortised O(1) and no thread.
//!
//! Five levels of 64 buckets; a bucket of level 0 is one clock tick (67 ms), one of level 1 is 64 of them, and so on to
//! 36 years. A deadline is filed under the coarsest level at which it still differs from the present; when the present
//! reaches its bucket it is filed again, lower, at most four times. After Varghese & Lauck, "Hashed and Hierarchical
//! Timing Wheels", SOSP 1987.

use crate::clock::{NEVER, tick};
use crate::entry::Extra;
use crate::slab::NIL;

const LEVELS: u32 = 5;
const BITS: u32 = 6;
const SIDE: u32 = 1 << BITS;

/// The wheel. Its links lie in the [`Extra`]s, which the caller keeps.
#[derive(Debug)]
pub struct Wheel {
    heads: Box<[u32]>,
    /// Every deadline before this tick has fired.
    tick: u32,
    len: usize,
}

impl Wheel {
    /// An empty wheel that starts at `now`.
    pub fn new(now: u64) -> Self {
        Self {
            heads: vec![NIL; (LEVELS * SIDE) as usize].into_boxed_slice(),
            tick: tick(now),
            len: 0,
        }
    }

    /// How many deadlines are filed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no deadline is filed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether [`Wheel::advance`] to `now` has anything to look at.
    #[inline]
    pub fn is_due(&self, now: u64) -> bool {
        self.len != 0 && tick(now) > self.tick
    }

    fn bucket(&self, end: u64) -> u32 {
        let at = tick(end).max(self.tick);
        let differs = at ^ self.tick;
        let level = (differs.checked_ilog2().unwrap_or(0) / BITS).min(LEVELS - 1);
        level * SIDE + ((at >> (level * BITS)) & (SIDE - 1))
    }

    /// Files `id` under its end.
    pub fn file(&mut self, extras: &mut [Extra], id: u32) {
        let bucket = self.bucket(extras[id as usize].end());
        let head = std::mem::replace(&mut self.heads[bucket as usize], id);
        if head != NIL {
            extras[head as usize].prev = id;
        }
        let extra = &mut extras[id as usize];
        (extra.bucket, extra.prev, extra.next) = (bucket, NIL, head);
        self.len += 1;
    }

    /// Files `id` under its end as it is now, if that is elsewhere.
    pub fn refile(&mut self, extras: &mut [Extra], id: u32) {
        let extra = &extras[id as usize];
        let ends = extra.end() != NEVER;
        if ends && extra.bucket == self.bucket(extra.end()) {
            return;
        }
        self.unfile(extras, id);
        if ends {
            self.file(extras, id);
        }
    }

    /// Takes `id` out, if it is filed.
    pub fn unfile(&mut self, extras: &mut [Extra], id: u32) {
        let Extra {
            bucket, prev, next, ..
        } = extras[id as usize];
        if bucket == NIL {
            return;
        }
        match prev {
            NIL => self.heads[bucket as usize] = next,
            prev => extras[prev as usize].next = next,
        }
        if next != NIL {
            extras[next as usize].prev = prev;
        }
        extras[id as usize].bucket = NIL;
        self.len -= 1;
    }

    /// Moves the present to `now` and hands out, one by one, what may have ended: it is out of the wheel, and the caller
    /// files it again if its end turns out to be later (an idle time that use has prolonged).
    pub fn advance(&mut self, extras: &mut [Extra], now: u64, due: &mut Vec<u32>) {
        let to = tick(now);
        let from = self.tick;
        self.tick = from.max(to);
        if self.len == 0 {
            return;
        }
        for level in 0..LEVELS {
            let shift = level * BITS;
            let (first, last) = (from >> shift, to >> shift);
            if last < first || (level > 0 && last == first) {
                break;
            }
            // The present bucket itself is looked at too: on level 0 for what ends within this tick, above to file lower.
            for step in 0..=(last - first).min(SIDE - 1) {
                let bucket = level * SIDE + ((last - step) & (SIDE - 1));
                let mut at = self.heads[bucket as usize];
                while at != NIL {
                    let next = extras[at as usize].next;
                    self.unfile(extras, at);
                    if extras[at as usize].end() <= now {
                        due.push(at);
                    } else {
                        self.file(extras, at);
                    }
                    at = next;
                }
            }
        }
    }

    /// Panics unless each filed id is linked both ways in its bucket.
    pub fn validate(&self, extras: &[Extra]) {
        let mut count = 0;
        for (bucket, &head) in self.heads.iter().enumerate() {
            let (mut at, mut before) = (head, NIL);
            while at != NIL {
                let extra = &extras[at as usize];
                assert_eq!((extra.bucket as usize, extra.prev), (bucket, before));
                (before, at) = (at, extra.next);
                count += 1;
            }
        }
        assert_eq!(count, self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::tick_start;
    use crate::entry::{Life, NORMAL};
    use proptest::prelude::*;

    fn extra(end: u64) -> Extra {
        let mut extra = Extra::new(0, Life::FOREVER, NORMAL, 0);
        extra.gone = end;
        extra
    }

    proptest! {
        /// Everything fires when its time has come and nothing before.
        #[test]
        fn fires_in_time(
            start in 0u32..100_000,
            steps in prop::collection::vec((0u32..24, any::<u32>(), 0u32..22, any::<u32>()), 1..60),
        ) {
            let mut now = tick_start(start);
            let mut wheel = Wheel::new(now);
            let mut extras: Vec<Extra> = Vec::new();
            let mut waiting = std::collections::BTreeMap::new();
            for (reach, offset, stride, jump) in steps {
                let end = now + u64::from(offset % (1 << reach)) * (1 << 20);
                extras.push(extra(end));
                let id = extras.len() as u32 - 1;
                wheel.file(&mut extras, id);
                waiting.insert(id, end);
                now += u64::from(jump % (1 << stride)) * (1 << 21);
                let mut due = Vec::new();
                wheel.advance(&mut extras, now, &mut due);
                wheel.validate(&extras);
                for id in due {
                    prop_assert!(waiting.remove(&id).unwrap() <= now);
                }
                prop_assert!(waiting.values().all(|&end| end > now), "late: {waiting:?} at {now}");
            }
        }
    }
}
