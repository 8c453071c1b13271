//! Entries whose priority sets them apart: those that go before the others, and those that go last.

use crate::entry::Place;
use crate::slab::{Links, List, NIL};

/// Two lists, hottest in front. A slot is here or in the policy, never in both.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    links: Links,
    low: List,
    pinned: List,
}

impl Ranks {
    fn list(&mut self, place: Place) -> (&mut List, &mut Links) {
        debug_assert_ne!(place, Place::Policy);
        let list = if place == Place::Low {
            &mut self.low
        } else {
            &mut self.pinned
        };
        (list, &mut self.links)
    }

    pub(super) fn insert(&mut self, place: Place, id: u32) {
        let (list, links) = self.list(place);
        list.push_front(links, id);
    }

    pub(super) fn remove(&mut self, place: Place, id: u32) {
        let (list, links) = self.list(place);
        list.unlink(links, id);
    }

    pub(super) fn touch(&mut self, place: Place, id: u32) {
        let (list, links) = self.list(place);
        list.move_to_front(links, id);
    }

    /// The coldest of the low ones.
    pub(super) fn low(&self) -> Option<u32> {
        Some(self.low.back()).filter(|&id| id != NIL)
    }

    /// The coldest of the pinned ones.
    pub(super) fn pinned(&self) -> Option<u32> {
        Some(self.pinned.back()).filter(|&id| id != NIL)
    }

    /// Low ones, then pinned ones, each coldest first.
    pub(super) fn order(&self) -> (Vec<u32>, Vec<u32>) {
        (
            self.low.iter_back(&self.links).collect(),
            self.pinned.iter_back(&self.links).collect(),
        )
    }

    pub(super) fn bytes(&self) -> usize {
        self.links.bytes()
    }

    pub(super) fn validate(&self) {
        self.low.validate(&self.links);
        self.pinned.validate(&self.links);
    }
}
