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
/// Entries of a miniature, at most.
const SIZE: u32 = 512;
/// A miniature is at most one part in so many of the cache, so that it costs little where the cache is small.
const RATE: u32 = 4;
/// Hits counted before a decision weigh this much at the next: with four decisions for each turnover of as many
/// requests as the cache has entries, the memory is about five turnovers long.
const MEMORY: f32 = 0.95;
/// How far ahead another share must be, in standard deviations of a fair coin thrown at each sampled request.
const MARGIN: f32 = 0.5;

/// The choice of the window's share.
#[derive(Clone, Debug, Default)]
pub(super) struct WindowChoice {
    /// One for each of [`SHARES`]; none until the cache evicts for the first time.
    shadows: Vec<Shadow>,
    hits: [f32; SHARES.len()],
    sampled: f32,
    /// Mixed hashes below this are in the sample.
    threshold: u32,
    best: usize,
    requests: u32,
    turn: u32,
    awake: bool,
}

impl WindowChoice {
    /// Before anything is known: what suits most workloads a little.
    pub(super) const START: u32 = WHOLE / 5;

    /// The cache of `capacity` entries evicts: from now on there is something to choose.
    pub(super) fn wake(&mut self, capacity: u32) {
        if self.awake {
            return;
        }
        self.awake = true;
        self.requests = 0;
        if self.shadows.is_empty() {
            self.shadows.extend(
                SHARES.map(|percent| {
                    Shadow::new(WHOLE / 100 * percent + WHOLE % 100 * percent / 100)
                }),
            );
            self.best = 1;
        }
        self.fit(capacity);
    }

    fn fit(&mut self, capacity: u32) {
        let size = (capacity / RATE).clamp(1, SIZE);
        let rate = (u64::from(size) << 32) / u64::from(capacity.max(1));
        self.threshold = u32::try_from(rate).unwrap_or(u32::MAX);
        self.turn = (capacity / 4).max(8);
        for shadow in &mut self.shadows {
            shadow.set_capacity(size);
        }
    }

    /// Notes one request. Whether it is time to [`decide`](Self::decide).
    #[inline]
    pub(super) fn request(&mut self, hash: u32, sketch: &Sketch) -> bool {
        if !self.awake {
            return false;
        }
        if mixed(hash) < self.threshold {
            self.sampled += 1.0;
            for (shadow, hits) in self.shadows.iter_mut().zip(&mut self.hits) {
                *hits += f32::from(u8::from(shadow.request(hash, sketch)));
            }
        }
        self.requests += 1;
        self.requests >= self.turn
    }

    /// The share to use from now on. Without an eviction since the last decision the miniatures go to sleep: a cache
    /// that holds all that is asked for has no need of them.
    pub(super) fn decide(&mut self, capacity: u32, evicted: bool) -> u32 {
        self.requests = 0;
        self.awake = evicted;
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

/// Other bits than those by which the sketch and the index place a hash.
fn mixed(hash: u32) -> u32 {
    hash.wrapping_mul(0x85EB_CA6B)
        .rotate_left(16)
        .wrapping_mul(0x9E37_79B1)
}
