//! From hash to slot: open addressing with Robin Hood probing, eight bytes a cell.
//!
//! A cell holds 32 bits of hash beside the slot number, so a lookup touches one line here and one of the slot, and
//! growing needs no key. Cells of one home stay together in order of their homes, so a miss ends early.

use crate::slab::NIL;

#[derive(Clone, Copy, Debug)]
struct Cell {
    hash: u32,
    id: u32,
}

const EMPTY: Cell = Cell { hash: 0, id: NIL };

/// A map from hashes to slot numbers; equality of keys is the caller's.
#[derive(Clone, Debug)]
pub struct Index {
    cells: Box<[Cell]>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            cells: vec![EMPTY; 8].into_boxed_slice(),
            len: 0,
        }
    }
}

impl Index {
    #[inline]
    fn mask(&self) -> usize {
        self.cells.len() - 1
    }

    /// How many slots are known.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no slot is known.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.cells.len() * size_of::<Cell>()
    }

    /// The slot under `hash` for which `same` is true.
    #[inline]
    pub fn find(&self, hash: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        // Nearly always the first of the same hash is the one. Apart from the loop `same` needs no registers kept for it.
        let first = self.first(hash)?;
        if same(first) {
            return Some(first);
        }
        self.search(hash, same)
    }

    /// The first slot under `hash`.
    #[inline]
    pub fn first(&self, hash: u32) -> Option<u32> {
        let mask = self.mask();
        let mut at = hash as usize & mask;
        let mut distance = 0;
        loop {
            let cell = self.cells[at & mask];
            if cell.id == NIL {
                return None;
            }
            if cell.hash == hash {
                return Some(cell.id);
            }
            if at.wrapping_sub(cell.hash as usize) & mask < distance {
                return None;
            }
            at = (at + 1) & mask;
            distance += 1;
        }
    }

    /// As [`Index::find`], where the first is known not to be the one.
    #[cold]
    #[inline(never)]
    pub fn search(&self, hash: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.mask();
        let mut at = hash as usize & mask;
        let mut distance = 0;
        loop {
            let cell = self.cells[at & mask];
            if cell.id == NIL {
                return None;
            }
            if cell.hash == hash {
                if same(cell.id) {
                    return Some(cell.id);
                }
            } else if at.wrapping_sub(cell.hash as usize) & mask < distance {
                return None;
            }
            at = (at + 1) & mask;
            distance += 1;
        }
    }

    /// Adds slot `id`, which is not known yet.
    pub fn insert(&mut self, hash: u32, id: u32) {
        // At most seven eighths full: Robin Hood keeps probes short even then, and a small table stays in the cache.
        if (self.len + 1) * 8 > self.cells.len() * 7 {
            self.grow();
        }
        self.place(Cell { hash, id });
        self.len += 1;
    }

    fn place(&mut self, mut cell: Cell) {
        let mask = self.mask();
        let mut at = cell.hash as usize & mask;
        let mut distance = 0;
        loop {
            let here = self.cells[at];
            if here.id == NIL {
                self.cells[at] = cell;
                return;
            }
            let theirs = at.wrapping_sub(here.hash as usize) & mask;
            if theirs < distance {
                self.cells[at] = cell;
                cell = here;
                distance = theirs;
            }
            at = (at + 1) & mask;
            distance += 1;
        }
    }

    fn grow(&mut self) {
        let bigger = vec![EMPTY; self.cells.len() * 2].into_boxed_slice();
        let old = std::mem::replace(&mut self.cells, bigger);
        for cell in old {
            if cell.id != NIL {
                self.place(cell);
            }
        }
    }

    /// Forgets slot `id`, which is known under `hash`.
    pub fn remove(&mut self, hash: u32, id: u32) {
        let mask = self.mask();
        let mut at = hash as usize & mask;
        while self.cells[at].id != id {
            debug_assert_ne!(self.cells[at].id, NIL, "slot {id} is not in the index");
            at = (at + 1) & mask;
        }
        loop {
            let next = (at + 1) & mask;
            let follower = self.cells[next];
            if follower.id == NIL || next.wrapping_sub(follower.hash as usize) & mask == 0 {
                break;
            }
            self.cells[at] = follower;
            at = next;
        }
        self.cells[at] = EMPTY;
        self.len -= 1;
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Panics unless every cell can be reached from its home and the count is right.
    pub fn validate(&self) {
        let mut count = 0;
        for cell in &self.cells {
            if cell.id != NIL {
                count += 1;
                assert_eq!(self.find(cell.hash, |id| id == cell.id), Some(cell.id));
            }
        }
        assert_eq!(count, self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Few distinct hashes make long runs and full collisions; the index must agree with a map all the same.
        #[test]
        fn agrees_with_a_map(ops in prop::collection::vec((0u32..200, any::<bool>()), 1..400), shift in 0u32..28) {
            let mut index = Index::default();
            let mut map = HashMap::new();
            for (id, add) in ops {
                let hash = (id % 13) << shift;
                if add && !map.contains_key(&id) {
                    index.insert(hash, id);
                    map.insert(id, hash);
                } else if !add && map.remove(&id).is_some() {
                    index.remove(hash, id);
                }
                index.validate();
                prop_assert_eq!(index.len(), map.len());
            }
            for id in 0..200 {
                let hash = (id % 13) << shift;
                prop_assert_eq!(index.find(hash, |at| at == id).is_some(), map.contains_key(&id));
            }
        }
    }
}
