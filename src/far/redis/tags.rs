//! Tags by generation, as this process knows them: which entries are gone or stale because a tag was invalidated.
//!
//! The server has one hash per cache: `g` is the generation, which only grows (it is a time in microseconds, so that it does
//! even if the server forgets it); `f` the floor, older than which everything that has tags is gone; `b` the first one; and
//! for each tag `t...` its generations, three numbers. What is remembered here was true at one generation, and is
//! used only as long as the server still has that one: each read asks for it in the same round trip as for the value.

use super::slots::text;
use crate::far::record::Header;
pub(super) use crate::far::verdict::Verdict;
use moka::sync::Cache;
use redis::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Tags that are remembered here, and for how long after the last use.
const REMEMBERED: u64 = 100_000;
const IDLE: Duration = Duration::from_secs(600);

/// What is known of a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generations {
    /// Entries of an older generation are gone.
    pub(super) hard: u64,
    /// Entries of an older generation are stale.
    pub(super) soft: u64,
    /// Since when: the last time that was said.
    pub(super) soft_at: u64,
}

impl Generations {
    fn read(value: &Value) -> Option<Self> {
        let mut numbers = text(value)?.split(' ').map(str::parse);
        Some(Self {
            hard: numbers.next()?.ok()?,
            soft: numbers.next()?.ok()?,
            soft_at: numbers.next()?.ok()?,
        })
    }
}

/// The generation as the server has it now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) generation: u64,
    pub(super) floor: u64,
    /// The first one; what was made before there was any belongs to it.
    pub(super) first: u64,
}

impl Present {
    /// Of `g f b` in an answer; zeros if there are none.
    pub(super) fn read(values: &[Value]) -> Self {
        let number = |at: usize| {
            let text = values.get(at).and_then(text)?;
            text.parse().ok()
        };
        Self {
            generation: number(0).unwrap_or(0),
            floor: number(1).unwrap_or(0),
            first: number(2).unwrap_or(0),
        }
    }
}

/// The generation in an answer to `HGET ... g`; 0 if there is none.
pub(super) fn generation(value: &Value) -> u64 {
    text(value).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The generation in the field of a tag.
pub(super) fn soft(value: &Value) -> Option<u64> {
    Generations::read(value).map(|known| known.soft)
}

/// The field of a tag.
pub(super) fn field(tag: &str) -> String {
    format!("t{tag}")
}

/// What this process knows of the tags of one cache.
pub(super) struct Tags {
    /// Each with the generation at which it was so.
    known: Cache<String, (u64, Generations)>,
    /// The last generation that was seen, for writers.
    last: AtomicU64,
    /// The floor, which only grows.
    floor: AtomicU64,
    /// The first generation; 0 if it is not known.
    first: AtomicU64,
    /// Whether any entry was seen that has tags.
    used: AtomicBool,
}

impl Default for Tags {
    fn default() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(IDLE)
                .build(),
            last: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            first: AtomicU64::new(0),
            used: AtomicBool::new(false),
        }
    }
}

impl Tags {
    /// Whether entries of this cache have tags, as far as is known. Those of a cache that has none cost it nothing.
    pub(super) fn used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// An entry with tags was seen.
    pub(super) fn note_use(&self) {
        if !self.used() {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// The last generation that was seen; 0 if none was.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The first generation; 0 if it is not known.
    pub(super) fn first(&self) -> u64 {
        self.first.load(Ordering::Acquire)
    }

    /// The server has these.
    pub(super) fn begin(&self, present: Present) {
        self.first.store(present.first, Ordering::Release);
        self.floor.fetch_max(present.floor, Ordering::AcqRel);
        self.saw(present.generation);
    }

    /// The server had this generation.
    pub(super) fn saw(&self, generation: u64) {
        if generation == 0 {
            // It has forgotten all, and will begin anew.
            self.first.store(0, Ordering::Release);
        }
        self.last.store(generation, Ordering::Release);
    }

    /// At this generation these tags were so.
    pub(super) fn learn(&self, tags: &[String], values: &[Value], present: Present) {
        // First, so that whoever finds the tags finds the floor too.
        self.begin(present);
        for (tag, value) in tags.iter().zip(values) {
            let known = Generations::read(value).unwrap_or_default();
            self.known.insert(tag.clone(), (present.generation, known));
        }
    }

    /// What there is at `now` of the entry with this header, where the server has this generation, or 0 if it has none;
    /// `None` if that depends on tags of which this process does not know enough.
    pub(super) fn judge(
        &self,
        header: &Header<'_>,
        generation: Option<u64>,
        now: u64,
    ) -> Option<Verdict> {
        if now >= header.terms.expires {
            return Some(Verdict::Gone);
        }
        if !header.has_tags() {
            return Some(Verdict::at(now, &header.terms, None));
        }
        let generation = generation?;
        if generation == 0 {
            return Some(Verdict::Gone); // nobody knows any more what was invalidated
        }
        if header.tags().all(|(_, made)| made >= generation) {
            // Nothing was invalidated since it was made.
            return Some(Verdict::at(now, &header.terms, None));
        }
        let mut all = Vec::new();
        for (tag, _) in header.tags() {
            let (at, known) = self.known.get(tag)?;
            if at != generation {
                return None;
            }
            all.push(known);
        }
        let floor = self.floor.load(Ordering::Acquire);
        if header.tags().any(|(_, made)| made < floor) {
            return Some(Verdict::Gone);
        }
        Some(verdict(header, now, all.into_iter()))
    }

    /// As [`Tags::judge`], where all is known.
    pub(super) fn judge_by(
        header: &Header<'_>,
        present: Present,
        values: &[Value],
        now: u64,
    ) -> Verdict {
        if now >= header.terms.expires {
            return Verdict::Gone;
        }
        if header.has_tags()
            && (present.generation == 0 || header.tags().any(|(_, made)| made < present.floor))
        {
            return Verdict::Gone;
        }
        let known = values
            .iter()
            .map(|value| Generations::read(value).unwrap_or_default());
        verdict(header, now, known)
    }
}

fn verdict(header: &Header<'_>, now: u64, known: impl Iterator<Item = Generations>) -> Verdict {
    let mut softened = None;
    for ((_, made), known) in header.tags().zip(known) {
        if made < known.hard {
            return Verdict::Gone;
        }
        if made < known.soft {
            if !header.terms.has_window() {
                return Verdict::Gone;
            }
            softened = Some(known.soft_at.min(softened.unwrap_or(u64::MAX)));
        }
    }
    Verdict::at(now, &header.terms, softened)
}
