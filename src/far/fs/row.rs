//! How an entry lies in the tree: the key it is stored under, and the row of facts before its record.

use crate::far::record::{NORMAL, RecordError};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128;

/// The longest key that LMDB stores.
const LONGEST: usize = 511;
/// How much of a longer key stands before its hash.
const KEPT: usize = LONGEST - 17;
/// The mark behind a key that is stored as it is, and behind one that is stored by its hash.
const WHOLE: u8 = 0;
const HASHED: u8 = 1;
/// A row with its payload is at most so long, with its key; what is longer would have pages of its own anyway.
const INLINE: usize = 1950;
const FIXED: usize = 17;
const OUTSIDE: u8 = 4;
const CLASS: u8 = 3;

/// A key as it is stored.
pub(super) type Stored = SmallVec<[u8; 96]>;

/// What `key` is stored under: the key and a mark, or its beginning, a hash of it and another mark. Keys keep their order
/// that way, none is empty, and none is too long.
pub(super) fn stored(key: &[u8]) -> Stored {
    let mut out = Stored::with_capacity(key.len().min(LONGEST) + 1);
    if key.len() < LONGEST {
        out.extend_from_slice(key);
        out.push(WHOLE);
    } else {
        out.extend_from_slice(&key[..KEPT]);
        out.extend_from_slice(&xxh3_128(key).to_be_bytes());
        out.push(HASHED);
    }
    out
}

/// The key that is stored under `stored`, if it is stored as it is.
pub(super) fn whole(stored: &[u8]) -> Option<&[u8]> {
    match stored.split_last() {
        Some((&WHOLE, key)) => Some(key),
        _ => None,
    }
}

/// What the stored forms of all keys with this prefix begin with.
pub(super) fn stored_prefix(prefix: &[u8]) -> &[u8] {
    &prefix[..prefix.len().min(KEPT)]
}

/// A row of the tree of entries: the version, the stamp, what kind of row, the key if it is stored by its hash, the record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Another one after every write of this value; never the same for two.
    pub(super) version: u64,
    /// Its place in the order of eviction.
    pub(super) stamp: u64,
    /// Who of the order goes before whom: see [`class`].
    pub(super) class: u8,
    /// Whether the payload lies in the tree of blobs.
    pub(super) outside: bool,
    /// The key.
    pub(super) key: &'a [u8],
    /// The header, and the payload if it is not outside.
    pub(super) record: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads a row; the record itself is not looked at.
    pub(super) fn parse(stored: &'a [u8], bytes: &'a [u8]) -> Result<Self, RecordError> {
        let cut = RecordError::Truncated(bytes.len());
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or(cut)?;
        let (key, record) = match stored.split_last() {
            Some((&WHOLE, key)) => (key, rest),
            Some((&HASHED, _)) => {
                let (len, rest) = rest.split_first_chunk().ok_or(cut)?;
                let len = u32::from_le_bytes(*len) as usize;
                rest.split_at_checked(len).ok_or(cut)?
            }
            _ => return Err(RecordError::Foreign),
        };
        Ok(Self {
            version: number(&fixed[..8]),
            stamp: number(&fixed[8..16]),
            class: fixed[16] & CLASS,
            outside: fixed[16] & OUTSIDE != 0,
            key,
            record,
        })
    }

    /// Writes a row; `stored` is the stored form of the key.
    pub(super) fn write(&self, stored: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(FIXED + 4 + self.key.len() + self.record.len() + tail.len());
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.stamp.to_le_bytes());
        out.push(self.class | if self.outside { OUTSIDE } else { 0 });
        if stored.last() == Some(&HASHED) {
            out.extend_from_slice(&(self.key.len() as u32).to_le_bytes());
            out.extend_from_slice(self.key);
        }
        out.extend_from_slice(self.record);
        out.extend_from_slice(tail);
        out
    }
}

/// Whether a payload of `payload` bytes lies in the row with a header of `header` bytes.
pub(super) fn fits(stored: &[u8], key: &[u8], header: usize, payload: usize) -> bool {
    let key = if stored.last() == Some(&HASHED) {
        key.len() + 4
    } else {
        0
    };
    stored.len() + FIXED + key + header + payload <= INLINE
}

/// The class of eviction of a priority: 0 goes first, 2 goes when nothing else is left.
pub(super) fn class(priority: u8) -> u8 {
    match priority {
        u8::MAX => 2,
        NORMAL.. => 1,
        _ => 0,
    }
}

/// The key in the order of eviction.
pub(super) fn order_key(class: u8, stamp: u64) -> [u8; 9] {
    let mut key = [class; 9];
    key[1..].copy_from_slice(&stamp.to_be_bytes());
    key
}

/// The key in the order of expiry.
pub(super) fn expiry_key(deadline: u64, version: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&deadline.to_be_bytes());
    key[8..].copy_from_slice(&version.to_be_bytes());
    key
}

/// The number that eight bytes are.
pub(super) fn number(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(eight)
}

/// As [`number`], of bytes that sort as the numbers do.
pub(super) fn sorted_number(bytes: &[u8]) -> u64 {
    number(bytes).swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn different_keys_are_stored_under_different_ones(
            a in prop::collection::vec(0u8..3, 505..515), b in prop::collection::vec(0u8..3, 505..515),
        ) {
            prop_assert_eq!(stored(&a) == stored(&b), a == b);
            prop_assert!(stored(&a).len() <= LONGEST);
        }

        #[test]
        fn any_bytes_are_a_row_or_an_error(key in any::<Vec<u8>>(), bytes in any::<Vec<u8>>()) {
            let _ = Row::parse(&key, &bytes);
        }
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        for len in [0, 510, 511, 10_000] {
            let key = vec![7; len];
            let stored = stored(&key);
            let row = Row {
                version: 3,
                stamp: 4,
                class: 2,
                outside: true,
                key: &key,
                record: b"re",
            };
            let bytes = row.write(&stored, b"cord");
            let read = Row::parse(&stored, &bytes).unwrap();
            assert_eq!(
                (read.version, read.stamp, read.class, read.outside),
                (3, 4, 2, true)
            );
            assert_eq!((read.key, read.record), (&key[..], &b"record"[..]));
            assert!(stored.starts_with(stored_prefix(&key)));
        }
    }

    #[test]
    fn priorities_have_three_classes() {
        assert_eq!([0, 127, 128, 254, 255].map(class), [0, 0, 1, 1, 2]);
    }
}
