//! The envelope that a value wears outside the process: who wrote it how, until when it holds, its tags, its checksums.
//!
//! A record is a header and the payload right behind it, all numbers little-endian:
//!
//! ```text
//!  0  magic "OC"            8  created             32  length of the tags (4)
//!  2  version, 1           16  fresh until         36  length of the payload (8)
//!  3  serializer           24  expires             44  checksum of the payload (8)
//!  4  flags                                        52  schema fingerprint (8), if the flag says so
//!  5  priority                                         tags: length of the name (2), generation (8), name
//!  6  number of tags (2)                               checksum of all that is before it (8)
//! ```
//!
//! The header's checksum covers the key too, so that a record found under another's key is known for what it is. The
//! payload has a checksum of its own: a header can be read, and written anew, without touching what may be a gigabyte.

use crate::clock::NEVER;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const MAGIC: [u8; 2] = *b"OC";
const VERSION: u8 = 1;
/// The header without schema, tags and its checksum.
const FIXED: usize = 52;
const SCHEMA: u8 = 0x80;
/// The priority of an entry that was given none.
pub const NORMAL: u8 = 128;
/// How long the name of a tag may be, in bytes.
pub const MAX_TAG: usize = 1024;
/// How many tags an entry may have.
pub const MAX_TAGS: usize = 1024;

/// How the payload was made, as bits that the layer above gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// The payload is compressed.
    pub const COMPRESSED: Self = Self(1);
    /// The payload begins with a signature.
    pub const SIGNED: Self = Self(2);
    /// It was made stale on request, before its time.
    pub const SOFT: Self = Self(4);
    /// What this version knows.
    const KNOWN: u8 = Self::COMPRESSED.0 | Self::SIGNED.0 | Self::SOFT.0;

    /// The flags in `bits`; `None` if one of them means nothing.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::KNOWN == 0).then_some(Self(bits))
    }

    /// The bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// These and those.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These but for those.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of those are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Why bytes are no record that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It ends before it should.
    #[error("it ends after {0} bytes, in the middle of what it should hold")]
    Truncated(usize),
    /// It does not begin as a record does.
    #[error("it does not begin as a record does")]
    Foreign,
    /// A version of the envelope that is not known here.
    #[error("version {0} of the envelope is not known")]
    Version(u8),
    /// Flags that are not known here.
    #[error("flags {0:#x} are not known")]
    Flags(u8),
    /// The checksum of the header, or of the key it belongs to, is another.
    #[error("the header is damaged, or belongs to another key")]
    Header,
    /// The checksum of the payload is another.
    #[error("the payload is damaged")]
    Payload,
    /// A tag is no text.
    #[error("a tag is damaged")]
    Tag,
    /// Bytes behind its end.
    #[error("{0} bytes follow its end")]
    Trailing(usize),
}

/// What a record says of its payload, apart from the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which serializer made the payload.
    pub serializer: u8,
    /// How.
    pub flags: Flags,
    /// 0 to 255, for 0.0 to 1.0.
    pub priority: u8,
    /// When it was made, in nanoseconds since 1970, as all times here.
    pub created: u64,
    /// Fresh before this moment; [`NEVER`] for ever.
    pub fresh_until: u64,
    /// Gone at this moment; [`NEVER`] for ever.
    pub expires: u64,
    /// The fingerprint of the type of the value.
    pub schema: Option<[u8; 8]>,
}

impl Terms {
    /// Whether it is kept past its time, so that it can be served stale; else what makes it stale ends it.
    pub fn has_window(&self) -> bool {
        self.expires > self.fresh_until
    }

    /// The terms of what was made stale on request at this moment, before its time or after it.
    #[must_use]
    pub fn softened(self, since: u64) -> Self {
        Self {
            fresh_until: self.fresh_until.min(since),
            flags: self.flags.with(Flags::SOFT),
            ..self
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            serializer: 0,
            flags: Flags::default(),
            priority: NORMAL,
            created: 0,
            fresh_until: NEVER,
            expires: NEVER,
            schema: None,
        }
    }
}

/// A header that was read and found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// All but the tags.
    pub terms: Terms,
    /// How many bytes the payload has.
    pub payload_len: u64,
    payload_sum: u64,
    tags: &'a [u8],
    tag_count: u16,
}

impl<'a> Header<'a> {
    /// Reads the header that `bytes` begin with, written for `key`; also what follows it.
    pub fn parse(bytes: &'a [u8], key: &[u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let cut = RecordError::Truncated(bytes.len());
        let fixed: &[u8; FIXED] = bytes.first_chunk().ok_or(cut)?;
        if fixed[..2] != MAGIC {
            return Err(RecordError::Foreign);
        }
        if fixed[2] != VERSION {
            return Err(RecordError::Version(fixed[2]));
        }
        let has_schema = fixed[4] & SCHEMA != 0;
        let flags = fixed[4] & !SCHEMA;
        let flags = Flags::from_bits(flags).ok_or(RecordError::Flags(flags))?;
        let tags_at = FIXED + if has_schema { 8 } else { 0 };
        let tags_len = u32::from_le_bytes(array(fixed, 32)) as usize;
        let sum_at = tags_at.checked_add(tags_len).ok_or(cut)?;
        let sum: &[u8; 8] = bytes
            .get(sum_at..)
            .and_then(<[u8]>::first_chunk)
            .ok_or(cut)?;
        if u64::from_le_bytes(*sum) != header_sum(&bytes[..sum_at], key) {
            return Err(RecordError::Header);
        }
        let header = Self {
            terms: Terms {
                serializer: fixed[3],
                flags,
                priority: fixed[5],
                created: u64::from_le_bytes(array(fixed, 8)),
                fresh_until: u64::from_le_bytes(array(fixed, 16)),
                expires: u64::from_le_bytes(array(fixed, 24)),
                schema: has_schema.then(|| array(bytes, FIXED)),
            },
            payload_len: u64::from_le_bytes(array(fixed, 36)),
            payload_sum: u64::from_le_bytes(array(fixed, 44)),
            tags: &bytes[tags_at..sum_at],
            tag_count: u16::from_le_bytes(array(fixed, 6)),
        };
        // Walked once here, so that the iterator meets nothing that is not well formed.
        let mut rest = header.tags;
        for _ in 0..header.tag_count {
            rest = split_tag(rest).ok_or(RecordError::Tag)?.2;
        }
        if rest.is_empty() {
            Ok((header, &bytes[sum_at + 8..]))
        } else {
            Err(RecordError::Tag)
        }
    }

    /// Whether `payload` is what this header was written for.
    pub fn check(&self, payload: &[u8]) -> Result<(), RecordError> {
        let (has, wants) = (payload.len() as u64, self.payload_len);
        if has < wants {
            return Err(RecordError::Truncated(payload.len()));
        }
        if has > wants {
            return Err(RecordError::Trailing((has - wants) as usize));
        }
        if xxh3_64(payload) == self.payload_sum {
            Ok(())
        } else {
            Err(RecordError::Payload)
        }
    }

    /// The tags, each with the generation that it had when the entry was made.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let mut rest = self.tags;
        std::iter::from_fn(move || {
            let (name, generation, behind) = split_tag(rest)?;
            rest = behind;
            Some((name, generation))
        })
    }

    /// Whether it has tags.
    pub fn has_tags(&self) -> bool {
        self.tag_count > 0
    }

    /// This header with other terms, for the same payload and the same tags; they are of the generation `renewed` from now
    /// on, if there is one.
    pub fn rewrite(&self, terms: &Terms, renewed: Option<u64>, key: &[u8]) -> Vec<u8> {
        let tags = self
            .tags()
            .map(|(name, generation)| (name, renewed.unwrap_or(generation)));
        write(terms, tags, self.payload_len, self.payload_sum, key, 0)
    }
}

/// The sum of a payload, to be made before a lock is taken.
#[derive(Clone, Copy, Debug)]
pub struct Sealed {
    len: u64,
    sum: u64,
}

impl Sealed {
    /// Sums up `payload`.
    pub fn new(payload: &[u8]) -> Self {
        Self {
            len: payload.len() as u64,
            sum: xxh3_64(payload),
        }
    }

    /// The header of the payload, written for `key`; `room` bytes behind it cost no second allocation.
    pub fn header<'t>(
        self,
        terms: &Terms,
        tags: impl Iterator<Item = (&'t str, u64)>,
        key: &[u8],
        room: usize,
    ) -> Vec<u8> {
        write(terms, tags, self.len, self.sum, key, room)
    }
}

/// A whole record: the header, then the payload.
pub fn seal<'t>(
    terms: &Terms,
    tags: impl Iterator<Item = (&'t str, u64)>,
    key: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut record = Sealed::new(payload).header(terms, tags, key, payload.len());
    record.extend_from_slice(payload);
    record
}

/// Reads a whole record that was written for `key`.
pub fn open<'a>(bytes: &'a [u8], key: &[u8]) -> Result<(Header<'a>, &'a [u8]), RecordError> {
    let (header, payload) = Header::parse(bytes, key)?;
    header.check(payload)?;
    Ok((header, payload))
}

fn write<'t>(
    terms: &Terms,
    tags: impl Iterator<Item = (&'t str, u64)>,
    payload_len: u64,
    payload_sum: u64,
    key: &[u8],
    room: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED + 64 + room);
    out.extend_from_slice(&MAGIC);
    let schema = if terms.schema.is_some() { SCHEMA } else { 0 };
    let flags = terms.flags.bits() | schema;
    out.extend_from_slice(&[VERSION, terms.serializer, flags, terms.priority, 0, 0]);
    for time in [terms.created, terms.fresh_until, terms.expires] {
        out.extend_from_slice(&time.to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&payload_len.to_le_bytes());
    out.extend_from_slice(&payload_sum.to_le_bytes());
    if let Some(schema) = terms.schema {
        out.extend_from_slice(&schema);
    }
    let tags_at = out.len();
    let mut count: u16 = 0;
    for (name, generation) in tags {
        assert!(
            name.len() <= MAX_TAG && usize::from(count) < MAX_TAGS,
            "checked before"
        );
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(&generation.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        count += 1;
    }
    let tags_len = (out.len() - tags_at) as u32;
    out[6..8].copy_from_slice(&count.to_le_bytes());
    out[32..36].copy_from_slice(&tags_len.to_le_bytes());
    let sum = header_sum(&out, key);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn header_sum(header: &[u8], key: &[u8]) -> u64 {
    xxh3_64_with_seed(header, xxh3_64(key))
}

/// The first tag of `tags`: its name, its generation, and what follows.
fn split_tag(tags: &[u8]) -> Option<(&str, u64, &[u8])> {
    let (len, rest) = tags.split_first_chunk()?;
    let (generation, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let name = std::str::from_utf8(name).ok()?;
    Some((name, u64::from_le_bytes(*generation), rest))
}

/// The `N` bytes of `bytes` at `at`, which are known to be there.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
