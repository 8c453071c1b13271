//! The store of files against a naive reference: every operation, two handles, restarts, compaction, time moved by hand.
#![cfg(unix)]

use omnicache::far::Stored;
use omnicache::far::fs::{Durability, FileStore, Mode, Options, Set, Written};
use omnicache::far::record::Terms;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NEVER: u64 = u64::MAX;
const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    GetMany,
    Set {
        key: u8,
        size: u16,
        fresh: Option<u8>,
        expires: Option<u8>,
        tag: Option<u8>,
        priority: u8,
        mode: u8,
    },
    SetMany(u8, u8),
    Delete(u8),
    Take(u8),
    Touch(u8, Option<u8>),
    Invalidate(u8, bool),
    Tag(u8, bool),
    Scan(u8, u8),
    Clear,
    Purge(u8),
    Len,
    Wait(u8),
    Reopen,
    Compact,
    Switch,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0u8..16;
    let end = || prop::option::weighted(0.3, 1u8..20);
    prop_oneof![
        12 => key.clone().prop_map(Op::Get),
        2 => Just(Op::GetMany),
        14 => (key.clone(), prop_oneof![4 => 0u16..50, 1 => 1500u16..2500, 1 => 0u16..20_000], end(), end(),
            prop::option::weighted(0.4, 0u8..3), prop_oneof![2 => Just(128u8), 1 => any::<u8>()],
            prop_oneof![4 => Just(0u8), 1 => 1u8..4])
            .prop_map(|(key, size, fresh, expires, tag, priority, mode)|
                Op::Set { key, size, fresh, expires, tag, priority, mode }),
        2 => (key.clone(), key.clone()).prop_map(|(a, b)| Op::SetMany(a, b)),
        3 => key.clone().prop_map(Op::Delete),
        2 => key.clone().prop_map(Op::Take),
        2 => (key.clone(), end()).prop_map(|(key, end)| Op::Touch(key, end)),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, hard)| Op::Invalidate(key, hard)),
        2 => (0u8..3, any::<bool>()).prop_map(|(tag, hard)| Op::Tag(tag, hard)),
        2 => (key, 1u8..6).prop_map(|(from, limit)| Op::Scan(from, limit)),
        1 => Just(Op::Clear),
        1 => (1u8..9).prop_map(Op::Purge),
        1 => Just(Op::Len),
        6 => (0u8..6).prop_map(Op::Wait),
        1 => Just(Op::Reopen),
        1 => Just(Op::Compact),
        2 => Just(Op::Switch),
    ]
}

/// What the reference knows of an entry.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    payload: Vec<u8>,
    fresh: u64,
    expires: u64,
    tags: Vec<String>,
    version: u64,
    /// When its tag was last softly invalidated since it was written.
    soft: Option<u64>,
}

/// The reference: an ordered map, and time.
#[derive(Default)]
struct Model {
    now: u64,
    entries: BTreeMap<Vec<u8>, Known>,
}

impl Model {
    fn get(&self, key: &[u8]) -> Option<&Known> {
        self.entries
            .get(key)
            .filter(|known| self.now < known.expires)
    }

    fn settle(&mut self) {
        let now = self.now;
        self.entries.retain(|_, known| now < known.expires);
    }

    fn agree(&self, key: &[u8], found: Option<&Stored>) -> Result<(), TestCaseError> {
        let expected = self.get(key);
        prop_assert_eq!(
            found.is_some(),
            expected.is_some(),
            "{:?}: {:?} {:?}",
            key,
            found,
            expected
        );
        if let (Some(found), Some(known)) = (found, expected) {
            prop_assert_eq!(&found.payload, &known.payload);
            prop_assert_eq!(
                found.terms.fresh_until,
                known.fresh.min(known.soft.unwrap_or(NEVER))
            );
            prop_assert_eq!(found.terms.expires, known.expires);
            prop_assert_eq!(&found.tags, &known.tags);
            prop_assert_eq!(found.version, known.version);
            prop_assert_eq!(found.stale, known.soft.is_some() || self.now >= known.fresh);
        }
        Ok(())
    }
}

/// Keys of every kind: none, short ones, ones that are stored by their hash and differ at their very ends.
fn key(number: u8) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1..=9 => vec![b'k', number],
        _ => {
            let mut key = vec![b'k'; 490 + usize::from(number) * 7];
            key.push(number);
            key
        }
    }
}

fn value(number: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u8) ^ number).collect()
}

fn look(store: &FileStore, key: &[u8], now: u64) -> Option<Stored> {
    store
        .get_with(key, now, true, |found| Stored::from(found))
        .unwrap()
}

#[allow(clippy::too_many_lines)] // one arm per operation
fn run(ops: Vec<Op>, options: Options) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let open = || FileStore::open(dir.path(), options).unwrap();
    let (mut store, mut other) = (open(), open());
    let mut model = Model {
        now: 1000 * SECOND,
        ..Model::default()
    };
    for op in ops {
        let now = model.now;
        match op {
            Op::Get(number) => {
                let key = key(number);
                model.agree(&key, look(&store, &key, now).as_ref())?;
            }
            Op::GetMany => {
                let keys: Vec<_> = (0..16).map(key).collect();
                let borrowed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let found = store
                    .get_many_with(&borrowed, now, |found| Stored::from(found))
                    .unwrap();
                for (key, found) in keys.iter().zip(&found) {
                    model.agree(key, found.as_ref())?;
                }
            }
            Op::Set {
                key: number,
                size,
                fresh,
                expires,
                tag,
                priority,
                mode,
            } => {
                let key = key(number);
                let payload = value(number, usize::from(size));
                let at = |end: Option<u8>| end.map_or(NEVER, |end| now + u64::from(end) * SECOND);
                let tags: Vec<String> = tag.map(|tag| format!("t{tag}")).into_iter().collect();
                let there = model.get(&key).cloned();
                let (mode, allowed) = match mode {
                    0 => (Mode::Always, true),
                    1 => (Mode::Add, there.is_none()),
                    2 => (Mode::Replace, there.is_some()),
                    _ => (
                        Mode::Version(there.as_ref().map_or(7, |known| known.version)),
                        there.is_some(),
                    ),
                };
                let terms = Terms {
                    fresh_until: at(fresh),
                    expires: at(expires),
                    priority,
                    created: now,
                    ..Terms::default()
                };
                let set = Set {
                    key: &key,
                    payload: &payload,
                    terms,
                    tags: &tags,
                    mode,
                    ..Set::default()
                };
                match store.set(&set, now).unwrap() {
                    Written::Stored(version) => {
                        prop_assert!(allowed);
                        let known = Known {
                            payload,
                            fresh: terms.fresh_until,
                            expires: terms.expires,
                            tags,
                            version,
                            soft: None,
                        };
                        model.entries.insert(key, known);
                    }
                    Written::Refused => prop_assert!(!allowed),
                    Written::TooHeavy => prop_assert!(false, "nothing is too heavy here"),
                }
            }
            Op::SetMany(a, b) => {
                let pairs = [(key(a), value(a, 10)), (key(b), value(b, 3000))];
                let terms = Terms {
                    created: now,
                    ..Terms::default()
                };
                let sets = pairs.each_ref().map(|(key, payload)| Set {
                    key,
                    payload,
                    terms,
                    ..Set::default()
                });
                let written = store.set_many(&sets, now).unwrap();
                for ((key, payload), written) in pairs.into_iter().zip(written) {
                    let Written::Stored(version) = written else {
                        return Err(TestCaseError::fail("it was to be written"));
                    };
                    let known = Known {
                        payload,
                        fresh: NEVER,
                        expires: NEVER,
                        tags: Vec::new(),
                        version,
                        soft: None,
                    };
                    model.entries.insert(key, known);
                }
            }
            Op::Delete(number) => {
                let key = key(number);
                prop_assert_eq!(store.delete(&key, now).unwrap(), model.get(&key).is_some());
                model.entries.remove(&key);
            }
            Op::Take(number) => {
                let key = key(number);
                model.agree(&key, store.take(&key, now).unwrap().as_ref())?;
                model.entries.remove(&key);
            }
            Op::Touch(number, end) => {
                let key = key(number);
                let end = end.map_or(NEVER, |end| now + u64::from(end) * SECOND);
                prop_assert_eq!(
                    store.touch(&key, end, end, now).unwrap(),
                    model.get(&key).is_some()
                );
                model.settle();
                if let Some(known) = model.entries.get_mut(&key) {
                    (known.fresh, known.expires, known.soft) = (end, end, None);
                }
            }
            Op::Invalidate(number, hard) => {
                let key = key(number);
                let count = store.invalidate(&[&key], hard, now).unwrap();
                prop_assert_eq!(count, u64::from(model.get(&key).is_some()));
                model.settle();
                let ends = |known: &Known| known.expires <= known.fresh;
                if hard || model.entries.get(&key).is_some_and(ends) {
                    model.entries.remove(&key);
                } else if let Some(known) = model.entries.get_mut(&key) {
                    known.fresh = known.fresh.min(now);
                }
            }
            Op::Tag(tag, hard) => {
                let tag = format!("t{tag}");
                store
                    .invalidate_tags(std::slice::from_ref(&tag), hard, now)
                    .unwrap();
                model.entries.retain(|_, known| {
                    !known.tags.contains(&tag) || (!hard && known.expires > known.fresh)
                });
                for known in model
                    .entries
                    .values_mut()
                    .filter(|known| known.tags.contains(&tag))
                {
                    known.soft = Some(now);
                }
            }
            Op::Scan(from, limit) => {
                let prefix = key(from);
                let (mut found, mut cursor) = (Vec::new(), None);
                loop {
                    let page = store
                        .scan(&prefix, None, cursor.as_deref(), usize::from(limit), now)
                        .unwrap();
                    found.extend(
                        page.items
                            .into_iter()
                            .map(|item| (item.key, item.size, item.version)),
                    );
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                found.sort();
                let expected: Vec<_> = model
                    .entries
                    .iter()
                    .filter(|(key, known)| key.starts_with(&prefix) && now < known.expires)
                    .map(|(key, known)| (key.clone(), known.payload.len() as u64, known.version))
                    .collect();
                prop_assert_eq!(found, expected);
            }
            Op::Clear => {
                store.clear(now).unwrap();
                model.entries.clear();
            }
            Op::Purge(limit) => {
                store.purge(usize::from(limit), now).unwrap();
            }
            Op::Len => {
                model.settle();
                prop_assert_eq!(store.len(now).unwrap(), model.entries.len() as u64);
            }
            Op::Wait(seconds) => model.now += u64::from(seconds) * SECOND,
            Op::Reopen => {
                store.close().unwrap();
                other.close().unwrap();
                (store, other) = (open(), open());
                prop_assert!(store.set_aside().is_none());
            }
            Op::Compact => {
                store.compact().unwrap();
            }
            Op::Switch => std::mem::swap(&mut store, &mut other),
        }
        // What is over and was not removed yet may come back to nobody, whatever the time.
        model.settle();
        let report = store.check(model.now).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
    }
    for number in 0..16 {
        let key = key(number);
        model.agree(&key, look(&store, &key, model.now).as_ref())?;
    }
    prop_assert_eq!(store.len(model.now).unwrap(), model.entries.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn agrees_with_the_reference(ops in prop::collection::vec(op(), 1..120)) {
        run(ops, Options::default())?;
    }

    #[test]
    fn agrees_when_it_is_bounded_but_not_full(ops in prop::collection::vec(op(), 1..120)) {
        run(ops, Options { max_bytes: Some(10 << 20), ..Options::default() })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn agrees_when_every_write_is_on_the_disk(ops in prop::collection::vec(op(), 1..60)) {
        run(ops, Options { durability: Durability::System, ..Options::default() })?;
    }
}
