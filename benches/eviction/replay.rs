//! Replays a stream of keys through a policy, as a cache would: every request is a get, a miss is followed by a set.

use std::collections::{BTreeSet, HashMap};

use omnicache::policy::{Facts, Policy};

/// Requests, with keys numbered from 0 in order of appearance.
pub(crate) struct Stream {
    requests: Vec<u32>,
    hashes: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Stream {
    /// Numbers the keys.
    pub(crate) fn new(keys: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers = HashMap::new();
        let mut hashes = Vec::new();
        let requests = keys
            .into_iter()
            .map(|key| {
                *numbers.entry(key).or_insert_with(|| {
                    hashes.push(mix(key));
                    hashes.len() as u32 - 1
                })
            })
            .collect();
        Self { requests, hashes }
    }

    /// How many requests there are.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The share of requests that hit a cache of `capacity` entries.
    pub(crate) fn hit_ratio(&self, capacity: u32, policy: &mut impl Policy) -> f64 {
        let mut slots = vec![NONE; self.hashes.len()];
        let mut keys = vec![NONE; capacity as usize + 1];
        let mut free: Vec<u32> = (0..=capacity).rev().collect();
        let mut hits = 0u32;
        policy.set_capacity(Some(capacity));
        for &key in &self.requests {
            let facts = Facts {
                hash: self.hashes[key as usize],
                weight: 1,
                deadline: u64::MAX,
                hits: 0,
            };
            if slots[key as usize] != NONE {
                hits += 1;
                policy.access(slots[key as usize], facts);
                continue;
            }
            let slot = free.pop().expect("one slot more than the capacity");
            (slots[key as usize], keys[slot as usize]) = (slot, key);
            policy.insert(slot, facts);
            if free.is_empty() {
                let victim = policy.victim().expect("a full cache has a victim");
                policy.remove(victim);
                slots[keys[victim as usize] as usize] = NONE;
                free.push(victim);
            }
        }
        f64::from(hits) / self.len().max(1) as f64
    }

    /// The share of requests that hit a cache which knows the future (Belady).
    pub(crate) fn best_hit_ratio(&self, capacity: u32) -> f64 {
        let mut next = vec![usize::MAX; self.len()];
        let mut seen = vec![usize::MAX; self.hashes.len()];
        for (at, &key) in self.requests.iter().enumerate().rev() {
            next[at] = seen[key as usize];
            seen[key as usize] = at;
        }
        let mut held = BTreeSet::new();
        let mut hits = 0u32;
        for (at, &key) in self.requests.iter().enumerate() {
            hits += u32::from(held.remove(&(at, key)));
            if next[at] != usize::MAX {
                held.insert((next[at], key));
                if held.len() > capacity as usize {
                    held.pop_last();
                }
            }
        }
        f64::from(hits) / self.len().max(1) as f64
    }
}

/// A well mixed hash (the finish of splitmix64).
fn mix(key: u64) -> u32 {
    let mut x = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x ^ (x >> 31)) as u32
}
