//! Soonest to expire: an ordered set of deadlines. Entries without a deadline go last, oldest first.

use super::{Facts, Policy};
use std::collections::BTreeSet;

/// Order by deadline.
#[derive(Debug, Default)]
pub struct Ttl {
    /// (deadline, turn, slot): the turn keeps equal deadlines in the order they came.
    order: BTreeSet<(u64, u64, u32)>,
    /// The (deadline, turn) of each slot.
    rank: Vec<(u64, u64)>,
    turn: u64,
}

impl Ttl {
    fn file(&mut self, id: u32, deadline: u64) {
        self.turn += 1;
        if self.rank.len() <= id as usize {
            self.rank.resize(id as usize + 1, (0, 0));
        }
        self.rank[id as usize] = (deadline, self.turn);
        self.order.insert((deadline, self.turn, id));
    }
}

impl Policy for Ttl {
    fn insert(&mut self, id: u32, facts: Facts) {
        self.file(id, facts.deadline);
    }

    fn access(&mut self, _: u32, _: Facts) {}

    fn pardon(&mut self, id: u32, _: Facts) {
        let last = self.order.last().map_or(0, |entry| entry.0);
        self.remove(id);
        self.file(id, last);
    }

    fn update(&mut self, id: u32, facts: Facts) {
        if self.rank[id as usize].0 != facts.deadline {
            self.remove(id);
            self.file(id, facts.deadline);
        }
    }

    fn remove(&mut self, id: u32) {
        let (deadline, turn) = self.rank[id as usize];
        self.order.remove(&(deadline, turn, id));
    }

    fn victim(&mut self) -> Option<u32> {
        self.order.first().map(|entry| entry.2)
    }

    fn order(&self) -> Vec<u32> {
        self.order.iter().map(|entry| entry.2).collect()
    }

    fn bytes(&self) -> usize {
        self.order.len() * 32 + self.rank.capacity() * 16
    }

    fn validate(&self) {
        for &(deadline, turn, id) in &self.order {
            assert_eq!(self.rank[id as usize], (deadline, turn));
        }
    }
}
