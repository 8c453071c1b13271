//! A frequency sketch: how often was this key used lately, in eight bytes per entry.
//!
//! A count-min sketch of 4-bit counters. All four counters of a key are in one 64-byte block, so an estimate touches
//! one line of memory. When ten times as many uses were counted as the sketch has entries, every counter is halved:
//! what was popular yesterday fades.

/// Words of a block: 64 bytes, one line of memory.
const WORDS: usize = 8;
/// The largest count.
const MAX: u64 = 15;
/// Uses between two halvings, for each entry.
const SAMPLE: u32 = 10;
/// The lowest bit of each counter of a word.
const ONES: u64 = 0x1111_1111_1111_1111;

/// Approximate use counts of hashes: never too low since the last halving, seldom too high.
#[derive(Clone, Debug)]
pub struct Sketch {
    blocks: Vec<[u64; WORDS]>,
    counted: u32,
    limit: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        let mut sketch = Self {
            blocks: vec![[0; WORDS]],
            counted: 0,
            limit: 0,
        };
        sketch.set_limit();
        sketch
    }
}

impl Sketch {
    /// Makes the sketch fit `entries`. Counts are kept: a hash may seem more popular than before, never less.
    pub fn resize(&mut self, entries: u32) {
        let (old, new) = (self.blocks.len(), (entries as usize).div_ceil(WORDS).max(1));
        if old == new {
            return;
        }
        // Block `j` of `n` holds the hashes from j/n to (j+1)/n of their range: it inherits from every block it meets.
        self.blocks = (0..new)
            .map(|j| {
                let (first, end) = (j * old / new, ((j + 1) * old).div_ceil(new));
                self.blocks[first..end].iter().fold([0; WORDS], larger)
            })
            .collect();
        self.set_limit();
        if self.counted >= self.limit {
            self.halve();
        }
    }

    /// How many entries the sketch is made for.
    pub fn entries(&self) -> u32 {
        (self.blocks.len() * WORDS) as u32
    }

    /// Counts one use of `hash`.
    pub fn count(&mut self, hash: u32) {
        let at = block_of(hash, self.blocks.len());
        let block = &mut self.blocks[at];
        let mut raised = false;
        for (word, shift) in places(hash) {
            if (block[word] >> shift) & MAX < MAX {
                block[word] += 1 << shift;
                raised = true;
            }
        }
        if raised {
            self.counted += 1;
            if self.counted >= self.limit {
                self.halve();
            }
        }
    }

    /// How often `hash` was used lately, at most 15.
    pub fn estimate(&self, hash: u32) -> u8 {
        let block = &self.blocks[block_of(hash, self.blocks.len())];
        let least = places(hash)
            .map(|(word, shift)| (block[word] >> shift) & MAX)
            .min();
        least.unwrap_or(0) as u8
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<[u64; WORDS]>()
    }

    fn set_limit(&mut self) {
        self.limit = self.entries().saturating_mul(SAMPLE);
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in self.blocks.iter_mut().flatten() {
            odd += (*word & ONES).count_ones();
            *word = (*word >> 1) & (ONES * 7);
        }
        // Each use raised four counters; the halves that were cut off are uses no counter holds any more.
        self.counted = self.counted.saturating_sub(odd / 4) / 2;
    }
}

fn block_of(hash: u32, blocks: usize) -> usize {
    ((u64::from(hash) * blocks as u64) >> 32) as usize
}

/// The four counters of a hash: the word in its block, and the bit in that word where the counter begins.
fn places(hash: u32) -> impl Iterator<Item = (usize, u32)> {
    let mixed = u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..4u32).map(move |i| {
        let bits = (mixed >> (24 + 8 * i)) as u32;
        (2 * i as usize + (bits & 1) as usize, ((bits >> 1) & 15) * 4)
    })
}

/// The larger of each pair of counters.
fn larger(mut left: [u64; WORDS], right: &[u64; WORDS]) -> [u64; WORDS] {
    for (a, b) in left.iter_mut().zip(right) {
        *a = (0..64)
            .step_by(4)
            .map(|at| ((*a >> at) & MAX).max((*b >> at) & MAX) << at)
            .sum();
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mix(n: u32) -> u32 {
        (u64::from(n + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32) as u32
    }

    #[test]
    fn counts_up_to_fifteen() {
        let mut sketch = Sketch::default();
        sketch.resize(512);
        for n in 1..=20 {
            sketch.count(mix(7));
            assert_eq!(sketch.estimate(mix(7)), n.min(15));
        }
        assert_eq!(sketch.estimate(mix(8)), 0);
    }

    #[test]
    fn old_uses_fade() {
        let mut sketch = Sketch::default();
        sketch.resize(64);
        for _ in 0..12 {
            sketch.count(mix(1));
        }
        for n in 0..2_000 {
            sketch.count(mix(100 + n));
        }
        assert!(sketch.estimate(mix(1)) <= 6, "{}", sketch.estimate(mix(1)));
    }

    #[test]
    fn is_seldom_too_high() {
        let mut sketch = Sketch::default();
        sketch.resize(1_000);
        for n in 0..1_000 {
            for _ in 0..=n % 3 {
                sketch.count(mix(n));
            }
        }
        let wrong = (0..1_000)
            .filter(|&n| u32::from(sketch.estimate(mix(n))) > n % 3 + 1)
            .count();
        assert!(wrong < 100, "{wrong} of 1000 estimates are too high");
    }

    #[test]
    fn takes_eight_bytes_per_entry() {
        let mut sketch = Sketch::default();
        sketch.resize(10_000);
        assert_eq!(sketch.bytes(), 80_000);
    }

    proptest! {
        #[test]
        fn is_never_too_low_before_ageing(
            keys in prop::collection::vec(0u32..40, 0..400),
            sizes in prop::collection::vec(50u32..300, 0..4),
        ) {
            let mut sketch = Sketch::default();
            sketch.resize(64);
            let mut truth = [0u8; 40];
            for &key in &keys {
                sketch.count(mix(key));
                truth[key as usize] = (truth[key as usize] + 1).min(15);
            }
            for size in sizes {
                if sketch.counted < size.div_ceil(8) * 8 * SAMPLE {
                    sketch.resize(size);
                }
                for key in 0..40 {
                    prop_assert!(sketch.estimate(mix(key)) >= truth[key as usize]);
                }
            }
        }
    }
}
