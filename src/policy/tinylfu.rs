//! W-TinyLFU: admission by popularity, behind an LRU window whose share of the cache follows the workload.
//!
//! Einziger, Friedman & Manes, "`TinyLFU`: A Highly Efficient Cache Admission Policy" (2017), and for the window Einziger,
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
    /// None where the window's share is fixed.
    choice: Option<WindowChoice>,
}

impl Default for TinyLfu {
    fn default() -> Self {
        Self {
            segments: Segments::new(WindowChoice::START),
            sketch: Sketch::default(),
            choice: Some(WindowChoice::default()),
        }
    }
}

impl TinyLfu {
    /// A policy whose window is `percent` of the cache for ever: what the adaptation is measured against.
    pub fn with_fixed_window(percent: u32) -> Self {
        let share = WHOLE * percent.min(100) / 100;
        Self {
            segments: Segments::new(share),
            choice: None,
            ..Self::default()
        }
    }

    #[inline]
    fn note(&mut self, hash: u32, hit: bool) {
        self.sketch.count(hash);
        let Some(choice) = &mut self.choice else {
            return;
        };
        if choice.request(hash, hit, &self.sketch) {
            // Half the way: a wrong turn costs half as much, a right one is made at the next decision.
            let goal = choice.decide(self.segments.capacity());
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
        if let Some(choice) = &mut self.choice {
            choice.evicts(self.segments.capacity());
        }
        self.segments.victim(&self.sketch)
    }

    fn set_capacity(&mut self, entries: Option<u32>) {
        self.segments.set_limit(entries);
        if let (Some(choice), Some(entries)) = (&mut self.choice, entries) {
            choice.fit(entries);
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
        self.segments.bytes()
            + self.sketch.bytes()
            + self.choice.as_ref().map_or(0, WindowChoice::bytes)
    }

    fn validate(&self) {
        self.segments.validate();
        self.choice.iter().for_each(WindowChoice::validate);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put(u32),
        Remove(u32),
        Pardon,
        Limit(Option<u32>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0u32..60).prop_map(Step::Put),
            3 => (0u32..60).prop_map(Step::Remove),
            1 => Just(Step::Pardon),
            1 => prop::option::of(0u32..40).prop_map(Step::Limit),
        ]
    }

    fn facts(id: u32) -> Facts {
        Facts {
            hash: id.wrapping_mul(0x9E37_79B1),
            weight: 1,
            deadline: u64::MAX,
            hits: id % 3,
        }
    }

    proptest! {
        #[test]
        fn holds_what_a_set_holds(
            steps in prop::collection::vec(step(), 0..600),
            fixed in prop::option::of(0u32..=100),
        ) {
            let mut policy = fixed.map_or_else(TinyLfu::default, TinyLfu::with_fixed_window);
            let mut held = BTreeSet::new();
            // Without a limit on entries something else, bytes say, holds the cache at fifty.
            let mut limit = 50;
            for step in steps {
                match step {
                    Step::Put(id) if held.insert(id) => policy.insert(id, facts(id)),
                    Step::Put(id) => policy.access(id, facts(id)),
                    Step::Remove(id) if held.remove(&id) => policy.remove(id),
                    Step::Remove(_) => {}
                    Step::Pardon => {
                        if let Some(id) = policy.victim() {
                            policy.pardon(id, facts(id));
                        }
                    }
                    Step::Limit(entries) => {
                        limit = entries.map_or(50, |entries| entries as usize);
                        policy.set_capacity(entries);
                    }
                }
                while held.len() > limit {
                    let victim = policy.victim().expect("entries have a victim");
                    prop_assert!(held.remove(&victim), "{victim} is not held");
                    policy.remove(victim);
                }
                policy.validate();
                let order = policy.order();
                prop_assert_eq!(order.len(), held.len());
                prop_assert_eq!(&order.into_iter().collect::<BTreeSet<_>>(), &held);
                prop_assert_eq!(policy.victim().is_some(), !held.is_empty());
            }
        }
    }

    #[test]
    fn a_popular_entry_outlives_a_scan() {
        let mut policy = TinyLfu::default();
        policy.set_capacity(Some(100));
        let mut held = BTreeSet::new();
        for round in 0..20u32 {
            for id in 0..50 {
                if held.insert(id) {
                    policy.insert(id, facts(id));
                } else {
                    policy.access(id, facts(id));
                }
            }
            for id in 1_000 + round * 100..1_100 + round * 100 {
                held.insert(id);
                policy.insert(id, facts(id));
                while held.len() > 100 {
                    let victim = policy.victim().expect("entries have a victim");
                    policy.remove(victim);
                    held.remove(&victim);
                }
            }
        }
        assert!(
            held.range(..50).count() >= 48,
            "{} of 50 stayed",
            held.range(..50).count()
        );
    }

    #[test]
    fn memory_per_entry_is_small() {
        let mut policy = TinyLfu::default();
        policy.set_capacity(Some(100_000));
        for id in 0..100_000 {
            policy.insert(id, facts(id));
        }
        // Links 8, hash 4, segment 1, and as much spare as vectors keep while they grow; sketch 8; the miniatures.
        assert!(
            policy.bytes() <= 100_000 * 30 + 100_000,
            "{} bytes",
            policy.bytes()
        );
    }
}
