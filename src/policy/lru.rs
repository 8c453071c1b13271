//! Least recently used: one list, hottest in front.

use super::{Facts, Policy};
use crate::slab::{Links, List, NIL};

/// Exact LRU order.
#[derive(Debug, Default)]
pub struct Lru {
    links: Links,
    list: List,
}

impl Policy for Lru {
    #[inline]
    fn insert(&mut self, id: u32, _: Facts) {
        self.list.push_front(&mut self.links, id);
    }

    #[inline]
    fn access(&mut self, id: u32, _: Facts) {
        self.list.move_to_front(&mut self.links, id);
    }

    #[inline]
    fn access_all(&mut self, used: &[u32], _: impl Fn(u32) -> u32) {
        self.list.move_all_to_front(&mut self.links, used);
    }

    fn update(&mut self, _: u32, _: Facts) {}

    #[inline]
    fn remove(&mut self, id: u32) {
        self.list.unlink(&mut self.links, id);
    }

    #[inline]
    fn victim(&mut self) -> Option<u32> {
        Some(self.list.back()).filter(|&id| id != NIL)
    }

    fn order(&self) -> Vec<u32> {
        self.list.iter_back(&self.links).collect()
    }

    fn bytes(&self) -> usize {
        self.links.bytes()
    }

    fn validate(&self) {
        self.list.validate(&self.links);
    }
}
