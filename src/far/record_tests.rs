//! Whatever is written is read back; whatever is not what was written is an error, never a panic.

use super::*;
use proptest::prelude::*;

type Tags = Vec<(String, u64)>;

fn parts() -> impl Strategy<Value = (Terms, Tags, Vec<u8>, Vec<u8>)> {
    let terms = (
        any::<u8>(),
        0u8..4,
        any::<u8>(),
        any::<[u64; 3]>(),
        any::<Option<[u8; 8]>>(),
    );
    let terms = terms.prop_map(|(serializer, flags, priority, times, schema)| Terms {
        serializer,
        flags: Flags::from_bits(flags).expect("known"),
        priority,
        created: times[0],
        fresh_until: times[1],
        expires: times[2],
        schema,
    });
    let tags = prop::collection::vec(("\\PC{0,9}", any::<u64>()), 0..4);
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    (terms, tags, bytes(), bytes())
}

fn sealed(terms: &Terms, tags: &Tags, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let tags = tags.iter().map(|(name, at)| (name.as_str(), *at));
    seal(terms, tags, key, payload)
}

fn read_tags(header: &Header<'_>) -> Tags {
    header
        .tags()
        .map(|(name, at)| (name.to_owned(), at))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_was_written_is_read((terms, tags, key, payload) in parts()) {
        let record = sealed(&terms, &tags, &key, &payload);
        let (header, found) = open(&record, &key).unwrap();
        prop_assert_eq!(header.terms, terms);
        prop_assert_eq!(read_tags(&header), tags);
        prop_assert_eq!(found, &payload[..]);
        prop_assert_eq!(header.payload_len, payload.len() as u64);
    }

    #[test]
    fn new_terms_keep_the_tags_and_the_payload((terms, tags, key, payload) in parts(), at in any::<u64>()) {
        let record = sealed(&terms, &tags, &key, &payload);
        let (header, found) = open(&record, &key).unwrap();
        let terms = Terms { fresh_until: at, ..terms };
        let mut rewritten = header.rewrite(&terms, None, &key);
        rewritten.extend_from_slice(found);
        prop_assert_eq!(rewritten, sealed(&terms, &tags, &key, &payload));
    }

    #[test]
    fn a_change_anywhere_is_noticed(
        (terms, tags, key, payload) in parts(), at in any::<prop::sample::Index>(), change in 1u8..=255,
    ) {
        let mut record = sealed(&terms, &tags, &key, &payload);
        let at = at.index(record.len());
        record[at] ^= change;
        prop_assert!(open(&record, &key).is_err());
    }

    #[test]
    fn a_record_that_is_cut_or_longer_is_refused(
        (terms, tags, key, payload) in parts(), at in any::<prop::sample::Index>(),
    ) {
        let mut record = sealed(&terms, &tags, &key, &payload);
        let cut = open(&record[..at.index(record.len())], &key);
        prop_assert!(matches!(cut, Err(RecordError::Truncated(_))), "{:?}", cut);
        record.push(0);
        prop_assert_eq!(open(&record, &key).unwrap_err(), RecordError::Trailing(1));
    }

    #[test]
    fn a_record_belongs_to_its_key((terms, tags, key, payload) in parts(), other in any::<Vec<u8>>()) {
        prop_assume!(other != key);
        let record = sealed(&terms, &tags, &key, &payload);
        prop_assert_eq!(open(&record, &other).unwrap_err(), RecordError::Header);
    }

    #[test]
    fn any_bytes_are_no_record(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes, b"k").is_err());
    }

    #[test]
    fn bytes_that_begin_well_are_no_record(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut record = b"OC\x01".to_vec();
        record.extend(bytes);
        prop_assert!(open(&record, b"k").is_err());
    }

    /// Damage that mends the checksum of the header again: only a mistake in the parser itself is left to be found.
    #[test]
    fn a_header_that_lies_with_a_good_checksum_never_panics(
        (terms, tags, key, payload) in parts(),
        changes in prop::collection::vec((0usize..FIXED + 40, any::<u8>()), 1..6),
    ) {
        let mut record = sealed(&terms, &tags, &key, &payload);
        let sum_at = record.len() - payload.len() - 8;
        for (at, byte) in changes {
            if at < sum_at {
                record[at] = byte;
            }
        }
        let tags_at = if record[4] & SCHEMA == 0 { FIXED } else { FIXED + 8 };
        let sum_at = tags_at.saturating_add(u32::from_le_bytes(array(&record, 32)) as usize);
        if sum_at + 8 <= record.len() {
            let sum = header_sum(&record[..sum_at], &key);
            record[sum_at..sum_at + 8].copy_from_slice(&sum.to_le_bytes());
        }
        if let Ok((header, rest)) = Header::parse(&record, &key) {
            prop_assert_eq!(header.tags().count(), usize::from(header.tag_count));
            let _ = header.check(rest);
        }
    }
}

#[test]
fn each_problem_has_its_name() {
    let good = seal(
        &Terms::default(),
        [("a", 1)].into_iter(),
        b"key",
        b"payload",
    );
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        open(&bytes, b"key").unwrap_err()
    };
    assert_eq!(with(0, b'X'), RecordError::Foreign);
    assert_eq!(with(2, 9), RecordError::Version(9));
    assert_eq!(with(4, 0x40), RecordError::Flags(0x40));
    assert_eq!(with(9, 1), RecordError::Header);
    assert_eq!(with(good.len() - 1, 0), RecordError::Payload);
    assert_eq!(open(b"", b"key").unwrap_err(), RecordError::Truncated(0));
}

#[test]
fn an_untagged_header_is_small() {
    let header = Sealed::new(b"").header(&Terms::default(), std::iter::empty(), b"key", 0);
    assert_eq!(header.len(), 60);
}
