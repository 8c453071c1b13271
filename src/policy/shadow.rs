//! A miniature of the cache with another window: it sees a sample of the keys, and tells what would have been hit.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::segments::Segments;
use crate::sketch::Sketch;

/// Segments over hashes instead of entries.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    segments: Segments,
    index: HashMap<u32, u32, FixedState>,
    free: Vec<u32>,
}

impl Shadow {
    pub(super) fn new(share: u32) -> Self {
        Self {
            segments: Segments::new(share),
            index: HashMap::default(),
            free: Vec::new(),
        }
    }

    pub(super) fn share(&self) -> u32 {
        self.segments.share()
    }

    pub(super) fn set_capacity(&mut self, entries: u32) {
        self.segments.set_limit(Some(entries));
    }

    /// Replays one request. Whether it would have been a hit.
    pub(super) fn request(&mut self, hash: u32, sketch: &Sketch) -> bool {
        let hit = match self.index.get(&hash) {
            Some(&id) => {
                self.segments.access(id);
                true
            }
            None => {
                let id = self.free.pop().unwrap_or_else(|| self.segments.len());
                self.index.insert(hash, id);
                self.segments.insert(id, hash);
                false
            }
        };
        // A hit too may find the miniature too large: its capacity follows the cache's.
        while self.segments.len() > self.segments.capacity() {
            let Some(victim) = self.segments.victim(sketch) else {
                break;
            };
            self.segments.remove(victim);
            self.index.remove(&self.segments.hash(victim));
            self.free.push(victim);
        }
        hit
    }

    pub(super) fn bytes(&self) -> usize {
        // The map keeps a pair and a control byte for each place, and one place in eight free.
        self.segments.bytes() + self.index.capacity() * 8 / 7 * 9 + self.free.capacity() * 4
    }

    pub(super) fn validate(&self) {
        self.segments.validate();
        assert_eq!(
            self.segments.len() as usize,
            self.index.len(),
            "entries and keys of the miniature"
        );
    }
}
