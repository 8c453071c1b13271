//! Tags by generation: invalidating a tag is one row, however many entries carry it.
//!
//! An entry remembers the generation at which it was written. A tag has one that makes older entries gone, and one that
//! makes them stale, or gone where they have no time in which they could be served stale. Generations come from one
//! counter of the file that only grows, so a tag that is forgotten and comes back revives nothing.

use super::fault::Fault;
use super::open::Trees;
use super::row::{number, stored};
use super::write::Write;
use crate::far::record::Header;
pub(super) use crate::far::verdict::Verdict;
use heed::RoTxn;

/// So many tags are remembered; then the older half is forgotten, and the entries that could carry them with it.
const REMEMBERED: u64 = 65_536;
/// Where the generation of what was forgotten lies. No stored tag ends like that.
const FLOOR: &[u8] = &[0xff];

/// What is known of a tag.
#[derive(Clone, Copy, Debug, Default)]
struct Generations {
    /// Entries of an older generation are gone.
    hard: u64,
    /// Entries of an older generation are stale.
    soft: u64,
    /// Since when: the last time that was said.
    soft_at: u64,
}

impl Generations {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != 24 {
            return Err(Fault::Corrupt("what is known of a tag".to_owned()));
        }
        Ok(Self {
            hard: number(bytes),
            soft: number(&bytes[8..]),
            soft_at: number(&bytes[16..]),
        })
    }

    fn write(self) -> [u8; 24] {
        let mut out = [0; 24];
        for (bytes, field) in out
            .chunks_exact_mut(8)
            .zip([self.hard, self.soft, self.soft_at])
        {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        out
    }
}

/// What there is at `now` of the entry with this `header`.
pub(super) fn verdict(
    trees: &Trees,
    txn: &RoTxn<'_>,
    header: &Header<'_>,
    now: u64,
) -> Result<Verdict, Fault> {
    if now >= header.terms.expires {
        return Ok(Verdict::Gone);
    }
    let mut softened = None;
    if header.has_tags() {
        let floor = trees.tags.get(txn, FLOOR)?.map_or(0, number);
        for (name, generation) in header.tags() {
            if generation < floor {
                return Ok(Verdict::Gone);
            }
            let Some(known) = trees.tags.get(txn, &stored(name.as_bytes()))? else {
                continue;
            };
            let known = Generations::read(known)?;
            if generation < known.hard {
                return Ok(Verdict::Gone);
            }
            if generation < known.soft {
                if !header.terms.has_window() {
                    return Ok(Verdict::Gone);
                }
                softened = Some(known.soft_at.min(softened.unwrap_or(u64::MAX)));
            }
        }
    }
    Ok(Verdict::at(now, &header.terms, softened))
}

impl Write<'_, '_> {
    /// Invalidates the tag `name`: entries that carry it are gone from now on, or stale.
    pub(super) fn invalidate_tag(&mut self, name: &str, hard: bool) -> Result<(), Fault> {
        self.head.generation += 1;
        let (generation, now) = (self.head.generation, self.writer.now);
        let key = stored(name.as_bytes());
        let known = self.trees.tags.get(self.txn, &key)?;
        if known.is_none() {
            self.head.tags += 1;
        }
        let mut known = known.map_or(Ok(Generations::default()), Generations::read)?;
        if hard {
            known.hard = generation;
        }
        known.soft = generation;
        known.soft_at = now;
        self.trees.tags.put(self.txn, &key, &known.write())?;
        self.log.tag(name, hard);
        self.changed = true;
        if self.head.tags > REMEMBERED {
            self.forget_tags()?;
        }
        self.begin_sweep()
    }

    /// Forgets the half of the tags that was not invalidated for longest.
    fn forget_tags(&mut self) -> Result<(), Fault> {
        let mut known = Vec::new();
        for row in self.trees.tags.iter(self.txn)? {
            let (key, bytes) = row?;
            if key != FLOOR {
                let generations = Generations::read(bytes)?;
                known.push((generations.hard.max(generations.soft), key.to_vec()));
            }
        }
        let half = known.len() / 2;
        known.select_nth_unstable(half);
        let mut floor = 0;
        for (generation, key) in &known[..half] {
            floor = floor.max(*generation);
            self.trees.tags.delete(self.txn, key)?;
        }
        self.head.tags = (known.len() - half) as u64;
        self.trees.tags.put(self.txn, FLOOR, &floor.to_le_bytes())?;
        self.begin_sweep()
    }

    /// Forgets all tags: whatever is written with tags of before this moment is gone.
    pub(super) fn forget_all_tags(&mut self) -> Result<(), Fault> {
        self.trees.tags.clear(self.txn)?;
        self.head.tags = 0;
        self.head.generation += 1;
        let floor = self.head.generation;
        Ok(self.trees.tags.put(self.txn, FLOOR, &floor.to_le_bytes())?)
    }
}
