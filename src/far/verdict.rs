//! What there is of an entry at a moment, in every store.

use super::record::Terms;

/// What time and tags say of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be served.
    Fresh,
    /// Its time is over; it may be served while a refresh runs.
    Stale,
    /// A tag of it was softly invalidated at this moment; it may be served if it cannot be loaded.
    Softened(u64),
    /// It is over.
    Gone,
}

impl Verdict {
    /// What time says of an entry that has not ended, and of which a tag may have been `softened`.
    pub(super) fn at(now: u64, terms: &Terms, softened: Option<u64>) -> Self {
        match softened {
            Some(since) => Self::Softened(since),
            None if now >= terms.fresh_until => Self::Stale,
            None => Self::Fresh,
        }
    }

    /// An entry of these terms as it is seen, and whether it is stale; `None` if it is over.
    pub(super) fn of(self, terms: Terms) -> Option<(Terms, bool)> {
        match self {
            Self::Fresh => Some((terms, false)),
            Self::Stale => Some((terms, true)),
            Self::Softened(since) => Some((terms.softened(since), true)),
            Self::Gone => None,
        }
    }
}
