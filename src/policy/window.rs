//! How large shall the window be? Miniatures of the cache, each with another window, are asked what they would hit.
//!
//! Each miniature sees the same small sample of the keys and decides by the same sketch, so their hits differ by
//! nothing but the window. The share of the one with most hits lately is taken. One of them is all window, which is
//! plain LRU, and another nearly none: neither side is left untried, whatever the present share.

use super::segments::WHOLE;
use super::shadow::Shadow;
use crate::sketch::Sketch;

/// The shares tried, in percent: each at most some 40 points from the best one for any workload.
const SHARES: [u32; 4] = [1, 20, 60, 100];
/// Entries of a miniature, at most (in the mean).
const SIZE: u32 = 512;
/// At most one key in 2 to this power is in the sample, so that a small cache pays little for it.
const LEAST_SHIFT: u32 = 2;
/// Hits counted before a decision weigh this much at the next: with four decisions for each turnover of as many
/// requests as the cache has entries, the memory is about five turnovers long.
const MEMORY: f32 = 0.95;
/// How far ahead another share must be, in standard deviations of a fair coin thrown at each sampled request.
const MARGIN: f32 = 0.5;

/// By how much the size of the miniatures may change at a decision, and how far it may go from the fair one.
const STEP: f32 = 0.02;
const RANGE: f32 = 0.15;

/// The choice of the window's share.
#[derive(Clone, Debug, Default)]
pub(super) struct WindowChoice {
    /// One for each of [`SHARES`]; none until the capacity is known or felt.
    shadows: Vec<Shadow>,
    hits: [f32; SHARES.len()],
    sampled: f32,
    /// One key in 2 to this power is in the sample.
    shift: u32,
    /// Hits of the cache itself on the sample.
    own_hits: f32,
    /// The size of the miniatures, as a part of the sample's fair share of the capacity.
    scale: f32,
    best: usize,
    requests: u32,
    turn: u32,
    awake: bool,
    /// Whether the cache ever had to evict.
    full: bool,
    /// Whether it did since the last decision.
    evicted: bool,
    fixed: bool,
}

impl WindowChoice {
    /// Before anything is known, the first: it is the quickest to leave if it is wrong, for whatever enters can be seen.
    pub(super) const START: u32 = WHOLE * SHARES[0] / 100;

    /// A choice that was made once for all.
    pub(super) fn fixed() -> Self {
        Self {
            fixed: true,
            ..Self::default()
        }
    }

    /// Sets the sample for a cache of `capacity` entries, if there is none or it has become too large or too small.
    pub(super) fn fit(&mut self, capacity: u32) {
        if self.fixed {
            return;
        }
        if self.shadows.is_empty() {
            self.shadows
                .extend(SHARES.map(|percent| Shadow::new(WHOLE * percent / 100)));
            self.awake = true;
            self.scale = 1.0;
        }
        self.shift = shift_for(capacity);
        let size = (capacity as f32 / (1u64 << self.shift) as f32 * self.scale) as u32;
        for shadow in &mut self.shadows {
            shadow.set_capacity(size.max(1));
        }
        self.turn = (capacity / 4).max(8);
    }

    /// The cache evicts: there is something to choose.
    #[inline]
    pub(super) fn evicts(&mut self, capacity: u32) {
        self.evicted = true;
        if self.shadows.is_empty() {
            self.fit(capacity);
        }
        self.awake = !self.fixed;
    }

    fn samples(&self, hash: u32) -> bool {
        // Other bits than those by which the sketch and the index place a hash.
        let mixed = hash
            .wrapping_mul(0x85EB_CA6B)
            .rotate_left(16)
            .wrapping_mul(0x9E37_79B1);
        u64::from(mixed) >> (32 - self.shift) == 0
    }

    /// Notes one request. Whether it is time to [`decide`](Self::decide).
    #[inline]
    pub(super) fn request(&mut self, hash: u32, hit: bool, sketch: &Sketch) -> bool {
        if !self.awake {
            return false;
        }
        if self.samples(hash) {
            self.sampled += 1.0;
            self.own_hits += f32::from(u8::from(hit));
            for (shadow, hits) in self.shadows.iter_mut().zip(&mut self.hits) {
                *hits += f32::from(u8::from(shadow.request(hash, sketch)));
            }
        }
        self.requests += 1;
        self.requests >= self.turn
    }

    /// The share to use from now on. Once the cache was full, the miniatures sleep where there was no
    /// eviction since the last decision: a cache that holds all that is asked for has no need of them.
    pub(super) fn decide(&mut self, capacity: u32) -> u32 {
        self.requests = 0;
        self.full |= self.evicted;
        self.awake = self.evicted || !self.full;
        self.evicted = false;
        if self.full {
            let error = (self.own_hits - self.hits[self.best]) / self.sampled.max(1.0);
            self.scale =
                (self.scale * (1.0 + error.clamp(-STEP, STEP))).clamp(1.0 - RANGE, 1.0 + RANGE);
        }
        self.fit(capacity);
        let margin = MARGIN * self.sampled.sqrt();
        let held = self.hits[self.best];
        let (best, &most) = self
            .hits
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("there are shares");
        if most > held + margin {
            self.best = best;
        }
        self.own_hits *= MEMORY;
        self.sampled *= MEMORY;
        self.hits = self.hits.map(|hits| hits * MEMORY);
        self.shadows[self.best].share()
    }

    pub(super) fn bytes(&self) -> usize {
        self.shadows.iter().map(Shadow::bytes).sum()
    }

    pub(super) fn validate(&self) {
        self.shadows.iter().for_each(Shadow::validate);
    }
}

fn shift_for(capacity: u32) -> u32 {
    (0..32)
        .find(|shift| capacity >> shift <= SIZE)
        .unwrap_or(32)
        .max(LEAST_SHIFT)
}
