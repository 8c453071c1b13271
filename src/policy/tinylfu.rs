//! W-TinyLFU: admission by popularity, behind an LRU window whose share of the cache follows the workload.
//!
//! Einziger, Friedman & Manes, "TinyLFU: A Highly Efficient Cache Admission Policy" (2017), and for the window Einziger,
//! Eytan, Friedman & Manes, "Adaptive Software Cache Management" (2018). How the window is chosen is our own.

use super::segments::{Segments, WHOLE};
use super::window::WindowChoice;
use super::{Facts, Policy};
use crate::sketch::Sketch;

/// Popular entries stay, and recent ones where recency is what counts.
#[derive(Debug)]
pub struct TinyLfu {
    segments: Segments,
    sketch: Sketch,
    choice: WindowChoice,
}

impl Default for TinyLfu {
    fn default() -> Self {
        Self {
            segments: Segments::new(WindowChoice::START),
            sketch: Sketch::default(),
            choice: WindowChoice::default(),
        }
    }
}

impl TinyLfu {
    /// A policy whose window is `percent` of the cache for ever: what the adaptation is measured against.
    pub fn with_fixed_window(percent: u32) -> Self {
        let share = WHOLE * percent.min(100) / 100;
        Self {
            segments: Segments::new(share),
            choice: WindowChoice::fixed(),
            ..Self::default()
        }
    }

    #[inline]
    fn note(&mut self, hash: u32, hit: bool) {
        self.sketch.count(hash);
        if self.choice.request(hash, hit, &self.sketch) {
            let goal = self.choice.decide(self.segments.capacity());
            self.segments
                .set_share((self.segments.share() + goal).div_ceil(2));
        }
    }

    /// Lets the sketch grow with the entries, by doubling, up to the capacity.
    fn fit_sketch(&mut self) {
        let (entries, most) = (
            self.sketch.entries(),
            self.segments.limit().unwrap_or(u32::MAX),
        );
        if self.segments.len() > entries && entries < most {
            self.sketch.resize(entries.saturating_mul(2).min(most));
        }
    }
}

impl Policy for TinyLfu {
    fn insert(&mut self, id: u32, facts: Facts) {
        self.segments.insert(id, facts.hash);
        self.fit_sketch();
        // What another policy counted is remembered as far as it matters here.
        for _ in 0..facts.hits.min(7) {
            self.sketch.count(facts.hash);
        }
        self.note(facts.hash, false);
    }

    #[inline]
    fn access(&mut self, id: u32, facts: Facts) {
        self.segments.access(id);
        self.note(facts.hash, true);
    }

    fn pardon(&mut self, id: u32, _: Facts) {
        self.segments.access(id);
    }

    fn update(&mut self, _: u32, _: Facts) {}

    fn remove(&mut self, id: u32) {
        self.segments.remove(id);
    }

    fn victim(&mut self) -> Option<u32> {
        self.choice.evicts(self.segments.capacity());
        self.segments.victim(&self.sketch)
    }

    fn set_capacity(&mut self, entries: Option<u32>) {
        self.segments.set_limit(entries);
        if let Some(entries) = entries {
            self.choice.fit(entries);
        }
        let need = self.segments.len().max(1);
        if entries.is_some_and(|most| self.sketch.entries() / 2 > most.max(need)) {
            self.sketch.resize(need);
        }
        self.fit_sketch();
    }

    fn order(&self) -> Vec<u32> {
        self.segments.order()
    }

    fn bytes(&self) -> usize {
        self.segments.bytes() + self.sketch.bytes() + self.choice.bytes()
    }

    fn validate(&self) {
        self.segments.validate();
        self.choice.validate();
    }
}
