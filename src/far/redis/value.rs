//! What lies under a name on the server: a nonce, then the record.

use super::random;
use crate::clock::NEVER;
use crate::far::entry::Set;
use crate::far::error::Problem;
use crate::far::record::{MAX_TAG, MAX_TAGS, Sealed};

/// What a server takes for a key and for a value: its `proto-max-bulk-len`.
const MAX_KEY: usize = 1 << 20;
const MAX_VALUE: usize = 512 << 20;
/// The nonce before the record.
pub(super) const NONCE: usize = 8;
/// Longer lives, in milliseconds, are for ever: a thousand years.
const LONGEST: u64 = 31_536_000_000_000;

/// A value as it goes to the server.
pub(super) struct Packed {
    pub(super) nonce: u64,
    pub(super) bytes: Vec<u8>,
}

/// What `set` writes, with its tags at this generation.
pub(super) fn pack(set: &Set<'_>, generation: u64) -> Packed {
    let tags = set.tags.iter().map(|tag| (tag.as_str(), generation));
    let header = Sealed::new(set.payload).header(&set.terms, tags, set.key, 0);
    let nonce = random::number();
    let mut bytes = Vec::with_capacity(NONCE + header.len() + set.payload.len());
    bytes.extend_from_slice(&nonce.to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(set.payload);
    Packed { nonce, bytes }
}

/// The version and the record in a value; `None` if it is too short for any.
pub(super) fn split(value: &[u8]) -> Option<(u64, &[u8])> {
    let (nonce, record) = value.split_first_chunk()?;
    Some((u64::from_le_bytes(*nonce), record))
}

/// How long the server keeps it, in milliseconds from `now` on; empty for ever.
///
/// The server's clock and the caller's are two, so the server is told a time to live, and rounds up: that an entry is over
/// is for its header to say.
pub(super) fn lifetime(expires: u64, now: u64) -> String {
    let left = expires.saturating_sub(now).div_ceil(1_000_000).max(1);
    if expires == NEVER || left > LONGEST {
        String::new()
    } else {
        left.to_string()
    }
}

/// Whether there is room for it.
pub(super) fn accept(set: &Set<'_>) -> Result<(), Problem> {
    for (what, size, limit) in [
        ("a key", set.key.len(), MAX_KEY),
        (
            "a value",
            set.payload.len(),
            MAX_VALUE - (MAX_TAGS * (MAX_TAG + 10)) - 100,
        ),
    ] {
        if size > limit {
            return Err(Problem::TooLarge {
                what,
                size: size as u64,
                limit: limit as u64,
            });
        }
    }
    accept_tags(set.tags)
}

/// Whether these can be tags.
pub(super) fn accept_tags(tags: &[String]) -> Result<(), Problem> {
    if tags.len() > MAX_TAGS {
        return Err(Problem::Unsupported(format!(
            "{} tags; at most {MAX_TAGS} are possible",
            tags.len()
        )));
    }
    match tags.iter().find(|tag| tag.len() > MAX_TAG) {
        Some(tag) => Err(Problem::TooLarge {
            what: "a tag",
            size: tag.len() as u64,
            limit: MAX_TAG as u64,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_never_ends_an_entry_before_its_time() {
        assert_eq!(lifetime(NEVER, 0), "");
        assert_eq!(lifetime(1_000_001, 0), "2");
        assert_eq!(lifetime(5, 7), "1");
        assert_eq!(lifetime(NEVER - 1, 0), "18446744073710".to_owned());
        assert_eq!(lifetime(3_000_000_000, 1_000_000_000), "2000");
    }
}
