//! The three lists of W-TinyLFU: an LRU window, and a main part of probation and protected.
//!
//! A new entry enters the window. What the window pushes out must be more popular than the next victim of the main
//! part to be admitted there; in the main part a second use moves an entry from probation to protected.

use crate::sketch::Sketch;
use crate::slab::{Links, List, NIL};

/// The window's share of the capacity is counted in parts of this.
pub(super) const WHOLE: u32 = 1 << 16;
/// The protected part of the main part, in percent.
const PROTECTED: u64 = 80;
/// Entries that one insertion may move from the window to the main part, so that no insertion is slow.
const SPILL: u32 = 4;
/// A candidate that is at least this popular may win against an equal at random.
const WARM: u8 = 6;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Seat {
    None,
    Window,
    Probation,
    Protected,
}

/// Entries in their lists, by slot number.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    links: Links,
    seats: Vec<Seat>,
    hashes: Vec<u32>,
    window: List,
    probation: List,
    protected: List,
    limit: Option<u32>,
    /// How many entries the cache held when it last had to evict, or since; 0 before.
    felt: u32,
    share: u32,
    random: u64,
}

impl Segments {
    pub(super) fn new(share: u32) -> Self {
        Self {
            links: Links::default(),
            seats: Vec::new(),
            hashes: Vec::new(),
            window: List::default(),
            probation: List::default(),
            protected: List::default(),
            limit: None,
            felt: 0,
            share,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.window.len() + self.main_len()
    }

    fn main_len(&self) -> u32 {
        self.probation.len() + self.protected.len()
    }

    pub(super) fn set_limit(&mut self, entries: Option<u32>) {
        self.limit = entries;
        self.felt = 0;
    }

    /// How many entries there is room for. A limit on bytes, or entries kept elsewhere for their priority, may leave
    /// less room than the limit on entries: what was felt at the last eviction counts.
    pub(super) fn capacity(&self) -> u32 {
        match (self.felt, self.limit) {
            (0, None) => self.len(),
            (0, Some(limit)) => limit,
            (felt, limit) => felt.min(limit.unwrap_or(felt)),
        }
    }

    pub(super) fn limit(&self) -> Option<u32> {
        self.limit
    }

    pub(super) fn share(&self) -> u32 {
        self.share
    }

    pub(super) fn set_share(&mut self, share: u32) {
        self.share = share.min(WHOLE);
    }

    fn window_room(&self) -> u32 {
        ((u64::from(self.capacity()) * u64::from(self.share)) >> 16).max(1) as u32
    }

    fn main_room(&self) -> u32 {
        self.capacity().saturating_sub(self.window_room())
    }

    pub(super) fn insert(&mut self, id: u32, hash: u32) {
        let at = id as usize;
        if self.seats.len() <= at {
            self.seats.resize(at + 1, Seat::None);
            self.hashes.resize(at + 1, 0);
        }
        debug_assert_eq!(self.seats[at], Seat::None, "slot {id} is inserted twice");
        self.hashes[at] = hash;
        self.seats[at] = Seat::Window;
        self.window.push_front(&mut self.links, id);
        if self.felt != 0 {
            self.felt = self.felt.max(self.len() - 1);
        }
        for _ in 0..SPILL {
            if self.window.len() <= self.window_room() || self.main_len() >= self.main_room() {
                break;
            }
            self.admit(self.window.back());
        }
    }

    /// Moves the window's entry `id` to the main part.
    fn admit(&mut self, id: u32) {
        self.window.unlink(&mut self.links, id);
        self.probation.push_front(&mut self.links, id);
        self.seats[id as usize] = Seat::Probation;
    }

    /// Notes a use.
    #[inline]
    pub(super) fn access(&mut self, id: u32) {
        match self.seats[id as usize] {
            Seat::None => {}
            Seat::Window => self.window.move_to_front(&mut self.links, id),
            Seat::Protected => self.protected.move_to_front(&mut self.links, id),
            Seat::Probation => {
                self.probation.unlink(&mut self.links, id);
                self.protected.push_front(&mut self.links, id);
                self.seats[id as usize] = Seat::Protected;
                let room = (u64::from(self.main_room()) * PROTECTED / 100) as u32;
                for _ in 0..2 {
                    if self.protected.len() > room {
                        self.demote();
                    }
                }
            }
        }
    }

    fn demote(&mut self) {
        let id = self.protected.back();
        self.protected.unlink(&mut self.links, id);
        self.probation.push_front(&mut self.links, id);
        self.seats[id as usize] = Seat::Probation;
    }

    /// Forgets an entry.
    pub(super) fn remove(&mut self, id: u32) {
        let seat = &mut self.seats[id as usize];
        let list = match seat {
            Seat::None => return,
            Seat::Window => &mut self.window,
            Seat::Probation => &mut self.probation,
            Seat::Protected => &mut self.protected,
        };
        *seat = Seat::None;
        list.unlink(&mut self.links, id);
    }

    /// Who goes next. A candidate that wins against a victim of the main part is moved there.
    pub(super) fn victim(&mut self, sketch: &Sketch) -> Option<u32> {
        self.felt = self.len().saturating_sub(1).max(1);
        let candidate = self.window.back();
        let weakest = match self.probation.back() {
            NIL => self.protected.back(),
            id => id,
        };
        if weakest == NIL {
            return (candidate != NIL).then_some(candidate);
        }
        if self.window.len() <= self.window_room() {
            return Some(weakest);
        }
        if self.wins(sketch, candidate, weakest) {
            self.admit(candidate);
            return Some(weakest);
        }
        Some(candidate)
    }

    fn wins(&mut self, sketch: &Sketch, candidate: u32, weakest: u32) -> bool {
        let challenger = sketch.estimate(self.hashes[candidate as usize]);
        let defender = sketch.estimate(self.hashes[weakest as usize]);
        // Counts are noisy, the more so the larger they are, and the challenger's last use is the younger one. Where all
        // keys are used equally often, as in a loop, a bare comparison would exchange entries for nothing.
        if challenger > defender + defender / 4 {
            return true;
        }
        // Keys made to collide in the sketch could hold a worthless victim in place for ever: chance lets it go.
        challenger >= WARM && self.one_in_128()
    }

    fn one_in_128(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 57 == 0
    }

    pub(super) fn hash(&self, id: u32) -> u32 {
        self.hashes[id as usize]
    }

    pub(super) fn order(&self) -> Vec<u32> {
        let lists = [&self.probation, &self.window, &self.protected];
        lists
            .into_iter()
            .flat_map(|list| list.iter_back(&self.links))
            .collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.links.bytes()
            + self.seats.capacity() * size_of::<Seat>()
            + self.hashes.capacity() * size_of::<u32>()
    }

    pub(super) fn validate(&self) {
        let lists = [
            (&self.window, Seat::Window),
            (&self.probation, Seat::Probation),
            (&self.protected, Seat::Protected),
        ];
        for (list, seat) in lists {
            list.validate(&self.links);
            for id in list.iter_back(&self.links) {
                assert_eq!(self.seats[id as usize], seat, "the seat of slot {id}");
            }
        }
        let seated = self
            .seats
            .iter()
            .filter(|&&seat| seat != Seat::None)
            .count();
        assert_eq!(
            seated,
            self.len() as usize,
            "slots with a seat, and slots in a list"
        );
        assert_eq!(self.seats.len(), self.hashes.len(), "seats and hashes");
    }
}
