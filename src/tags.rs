//! Tags by generation: invalidating a tag is one addition, however many entries carry it.
//!
//! An entry remembers the generation each of its tags had when it was written. A generation is drawn from one counter
//! that only grows, so a tag that was forgotten and comes back can never revive an old entry.

use crate::entry::TagRef;
use crate::slab::NIL;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
struct Tag {
    name: Arc<str>,
    /// Entries of an older generation are gone.
    hard: u64,
    /// Entries of an older generation are stale since `soft_at`.
    soft: u64,
    soft_at: u64,
    /// Entries that carry it, valid or not.
    users: u32,
}

/// What the tags of an entry say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No tag was invalidated since it was written.
    Valid,
    /// A tag was softly invalidated at this moment.
    Stale(u64),
    /// A tag was invalidated.
    Gone,
}

/// The tags that entries of one shard carry.
#[derive(Debug, Default)]
pub struct Tags {
    by_name: HashMap<Arc<str>, u32, foldhash::fast::RandomState>,
    known: Vec<Tag>,
    free: Vec<u32>,
    generation: u64,
}

impl Tags {
    /// A reference to `name` at its present generation, counted as one more user.
    pub fn acquire(&mut self, name: &str) -> TagRef {
        let tag = if let Some(&tag) = self.by_name.get(name) {
            tag
        } else {
            let name: Arc<str> = name.into();
            let fresh = Tag {
                name: Arc::clone(&name),
                hard: self.generation,
                soft: self.generation,
                soft_at: 0,
                users: 0,
            };
            let tag = match self.free.pop() {
                Some(tag) => {
                    self.known[tag as usize] = fresh;
                    tag
                }
                None => {
                    self.known.push(fresh);
                    self.known.len() as u32 - 1
                }
            };
            self.by_name.insert(name, tag);
            tag
        };
        self.known[tag as usize].users += 1;
        TagRef {
            tag,
            generation: self.generation,
        }
    }

    /// One user less; a tag without users is forgotten.
    pub fn release(&mut self, tag: u32) {
        let known = &mut self.known[tag as usize];
        known.users -= 1;
        if known.users == 0 {
            self.by_name.remove(&known.name);
            self.free.push(tag);
        }
    }

    /// Invalidates `name` as of `now`; whether any entry carries it.
    pub fn invalidate(&mut self, name: &str, hard: bool, now: u64) -> bool {
        self.generation += 1;
        let Some(&tag) = self.by_name.get(name) else {
            return false;
        };
        let tag = &mut self.known[tag as usize];
        if hard {
            tag.hard = self.generation;
        }
        tag.soft = self.generation;
        tag.soft_at = now;
        true
    }

    /// What `refs` say of the entry that carries them.
    pub fn verdict(&self, refs: &[TagRef]) -> Verdict {
        let mut verdict = Verdict::Valid;
        for r in refs {
            let tag = &self.known[r.tag as usize];
            if r.generation < tag.hard {
                return Verdict::Gone;
            }
            if r.generation < tag.soft {
                let at = match verdict {
                    Verdict::Stale(at) => at.min(tag.soft_at),
                    _ => tag.soft_at,
                };
                verdict = Verdict::Stale(at);
            }
        }
        verdict
    }

    /// The number of a tag that some entry carries.
    pub fn find(&self, name: &str) -> u32 {
        self.by_name.get(name).copied().unwrap_or(NIL)
    }

    /// The name of tag `tag`.
    pub fn name(&self, tag: u32) -> Arc<str> {
        Arc::clone(&self.known[tag as usize].name)
    }

    /// The generation since which entries with tag `tag` hold.
    pub fn since(&self, tag: u32) -> u64 {
        self.known[tag as usize].soft
    }

    /// How many tags are known.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether no tag is known.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_decide() {
        let mut tags = Tags::default();
        let old = tags.acquire("a");
        assert_eq!(tags.verdict(&[old]), Verdict::Valid);
        assert!(tags.invalidate("a", false, 7));
        assert_eq!(tags.verdict(&[old]), Verdict::Stale(7));
        let new = tags.acquire("a");
        assert_eq!(tags.verdict(&[new]), Verdict::Valid);
        assert!(tags.invalidate("a", true, 9));
        assert_eq!(tags.verdict(&[new, old]), Verdict::Gone);
    }

    #[test]
    fn a_tag_that_comes_back_revives_nothing() {
        let mut tags = Tags::default();
        let old = tags.acquire("a");
        tags.release(old.tag);
        assert!(tags.is_empty());
        assert!(!tags.invalidate("a", true, 1), "nobody carries it");
        let new = tags.acquire("a");
        assert!(new.generation > old.generation);
    }
}
