//! Heaviest and coldest first: one LRU list for each power of two of weight; among their tails goes the one whose
//! weight times age is the largest. Every step looks at no more than 64 tails.

use super::{Facts, Policy};
use crate::slab::{Links, List, NIL};

const CLASSES: usize = 64;

/// Order by weight times age.
#[derive(Debug)]
pub struct Size {
    links: Links,
    classes: Box<[List; CLASSES]>,
    /// Bit `c` is set while class `c` has entries.
    occupied: u64,
    /// When each slot was used, on the policy's own count of uses, and its class.
    used: Vec<(u64, u8)>,
    now: u64,
    len: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            links: Links::default(),
            classes: Box::new([List::default(); CLASSES]),
            occupied: 0,
            used: Vec::new(),
            now: 0,
            len: 0,
        }
    }
}

fn class(weight: u64) -> u8 {
    weight.max(1).ilog2() as u8
}

impl Size {
    fn put(&mut self, id: u32, weight: u64) {
        let class = class(weight);
        self.now += 1;
        self.used[id as usize] = (self.now, class);
        self.classes[class as usize].push_front(&mut self.links, id);
        self.occupied |= 1 << class;
    }

    fn take(&mut self, id: u32) {
        let class = self.used[id as usize].1;
        let list = &mut self.classes[class as usize];
        list.unlink(&mut self.links, id);
        if list.is_empty() {
            self.occupied &= !(1 << class);
        }
    }

    fn occupied(&self) -> impl Iterator<Item = usize> + '_ {
        let mut left = self.occupied;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let class = left.trailing_zeros() as usize;
                left &= left - 1;
                class
            })
        })
    }
}

impl Policy for Size {
    fn insert(&mut self, id: u32, facts: Facts) {
        if self.used.len() <= id as usize {
            self.used.resize(id as usize + 1, (0, 0));
        }
        self.put(id, facts.weight);
        self.len += 1;
    }

    fn access(&mut self, id: u32, _: Facts) {
        self.now += 1;
        let (used, class) = &mut self.used[id as usize];
        *used = self.now;
        self.classes[*class as usize].move_to_front(&mut self.links, id);
    }

    fn update(&mut self, id: u32, facts: Facts) {
        if self.used[id as usize].1 != class(facts.weight) {
            self.take(id);
            self.put(id, facts.weight);
        }
    }

    fn remove(&mut self, id: u32) {
        self.take(id);
        self.len -= 1;
    }

    fn victim(&mut self) -> Option<u32> {
        self.occupied()
            .map(|class| {
                let id = self.classes[class].back();
                let age = u128::from(self.now - self.used[id as usize].0 + 1);
                (age << class, id)
            })
            .max()
            .map(|(_, id)| id)
    }

    fn order(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self
            .occupied()
            .flat_map(|c| self.classes[c].iter_back(&self.links))
            .collect();
        ids.sort_by_key(|&id| {
            let (used, class) = self.used[id as usize];
            std::cmp::Reverse(u128::from(self.now - used + 1) << class)
        });
        ids
    }

    fn bytes(&self) -> usize {
        self.links.bytes() + self.used.capacity() * 16 + CLASSES * size_of::<List>()
    }

    fn validate(&self) {
        let mut seen = 0;
        for (class, list) in self.classes.iter().enumerate() {
            list.validate(&self.links);
            assert_eq!(list.front() != NIL, self.occupied & (1 << class) != 0);
            assert!(
                list.iter_back(&self.links)
                    .all(|id| usize::from(self.used[id as usize].1) == class)
            );
            seen += list.len();
        }
        assert_eq!(seen, self.len);
    }
}
