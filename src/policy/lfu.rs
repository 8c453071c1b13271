//! Least frequently used: a list of counts, each with the entries that have it; ties go to the one used longest ago.
//!
//! Every step is O(1) (Shah, Mitra & Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010).
//! With ageing, all counts are halved after ten uses per entry, so that what was popular yesterday can leave today; the
//! pass over the counts costs a tenth of a step per use.

use super::{Facts, Policy};
use crate::slab::{Links, List, NIL};

/// How many uses per entry pass between two halvings.
const AGE_AFTER: u64 = 10;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    count: u32,
    entries: List,
    /// The bucket of the next lower count, or `NIL`.
    lower: u32,
    /// The bucket of the next higher count, or `NIL`.
    higher: u32,
}

/// Exact LFU order, with counts that fade unless told otherwise.
#[derive(Debug)]
pub struct Lfu {
    links: Links,
    buckets: Vec<Bucket>,
    free: Vec<u32>,
    lowest: u32,
    /// The bucket of each slot.
    owner: Vec<u32>,
    len: u32,
    uses: u64,
    ageing: bool,
}

impl Lfu {
    /// An empty policy; `ageing` lets counts fade.
    pub fn new(ageing: bool) -> Self {
        Self {
            links: Links::default(),
            buckets: Vec::new(),
            free: Vec::new(),
            lowest: NIL,
            owner: Vec::new(),
            len: 0,
            uses: 0,
            ageing,
        }
    }

    /// The bucket for `count` right above `below` (`NIL`: as the lowest), found or made.
    fn bucket_above(&mut self, below: u32, count: u32) -> u32 {
        let above = if below == NIL {
            self.lowest
        } else {
            self.buckets[below as usize].higher
        };
        if above != NIL && self.buckets[above as usize].count == count {
            return above;
        }
        let bucket = Bucket {
            count,
            entries: List::default(),
            lower: below,
            higher: above,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.buckets[id as usize] = bucket;
                id
            }
            None => {
                self.buckets.push(bucket);
                self.buckets.len() as u32 - 1
            }
        };
        match below {
            NIL => self.lowest = id,
            below => self.buckets[below as usize].higher = id,
        }
        if above != NIL {
            self.buckets[above as usize].lower = id;
        }
        id
    }

    fn drop_if_empty(&mut self, id: u32) {
        let Bucket {
            entries,
            lower,
            higher,
            ..
        } = self.buckets[id as usize];
        if !entries.is_empty() {
            return;
        }
        match lower {
            NIL => self.lowest = higher,
            lower => self.buckets[lower as usize].higher = higher,
        }
        if higher != NIL {
            self.buckets[higher as usize].lower = lower;
        }
        self.free.push(id);
    }

    fn put(&mut self, id: u32, bucket: u32) {
        self.owner[id as usize] = bucket;
        self.buckets[bucket as usize]
            .entries
            .push_front(&mut self.links, id);
    }

    fn take(&mut self, id: u32) -> u32 {
        let bucket = self.owner[id as usize];
        self.buckets[bucket as usize]
            .entries
            .unlink(&mut self.links, id);
        bucket
    }

    /// Halves every count; entries whose counts become equal keep their order, the less used ones colder.
    fn age(&mut self) {
        self.uses = 0;
        let mut coldest_first = Vec::with_capacity(self.len as usize);
        let mut at = self.lowest;
        while at != NIL {
            let bucket = &self.buckets[at as usize];
            coldest_first.extend(
                bucket
                    .entries
                    .iter_back(&self.links)
                    .map(|id| (id, (bucket.count / 2).max(1))),
            );
            at = bucket.higher;
        }
        self.buckets.clear();
        self.free.clear();
        self.lowest = NIL;
        let mut top = NIL;
        for (id, count) in coldest_first {
            if top == NIL || self.buckets[top as usize].count != count {
                top = self.bucket_above(top, count);
            }
            self.put(id, top);
        }
    }
}

impl Policy for Lfu {
    fn insert(&mut self, id: u32, facts: Facts) {
        if self.owner.len() <= id as usize {
            self.owner.resize(id as usize + 1, NIL);
        }
        let count = facts.hits.saturating_add(1);
        // A new entry starts at the bottom; one that comes from another policy brings its count and looks for its place.
        let mut below = NIL;
        let mut at = self.lowest;
        while at != NIL && self.buckets[at as usize].count < count {
            (below, at) = (at, self.buckets[at as usize].higher);
        }
        let bucket = self.bucket_above(below, count);
        self.put(id, bucket);
        self.len += 1;
    }

    fn access(&mut self, id: u32, _: Facts) {
        let bucket = self.take(id);
        let count = self.buckets[bucket as usize].count.saturating_add(1);
        let above = self.bucket_above(bucket, count);
        self.put(id, above);
        self.drop_if_empty(bucket);
        self.uses += 1;
        if self.ageing && self.uses >= AGE_AFTER * u64::from(self.len) {
            self.age();
        }
    }

    fn update(&mut self, _: u32, _: Facts) {}

    fn remove(&mut self, id: u32) {
        let bucket = self.take(id);
        self.drop_if_empty(bucket);
        self.len -= 1;
    }

    fn victim(&mut self) -> Option<u32> {
        (self.lowest != NIL).then(|| self.buckets[self.lowest as usize].entries.back())
    }

    fn order(&self) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.len as usize);
        let mut at = self.lowest;
        while at != NIL {
            let bucket = &self.buckets[at as usize];
            ids.extend(bucket.entries.iter_back(&self.links));
            at = bucket.higher;
        }
        ids
    }

    fn bytes(&self) -> usize {
        self.links.bytes()
            + self.buckets.capacity() * size_of::<Bucket>()
            + self.owner.capacity() * 4
    }

    fn validate(&self) {
        let (mut at, mut below, mut seen) = (self.lowest, NIL, 0);
        while at != NIL {
            let bucket = &self.buckets[at as usize];
            assert_eq!(bucket.lower, below);
            assert!(
                below == NIL || self.buckets[below as usize].count < bucket.count,
                "counts rise"
            );
            assert!(!bucket.entries.is_empty(), "no empty bucket stays");
            bucket.entries.validate(&self.links);
            for id in bucket.entries.iter_back(&self.links) {
                assert_eq!(self.owner[id as usize], at);
            }
            seen += bucket.entries.len();
            (below, at) = (at, bucket.higher);
        }
        assert_eq!(seen, self.len);
    }
}
