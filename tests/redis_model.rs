//! The store on a server, and on a cluster, against a naive reference: every operation, two processes, time moved by hand.

mod redis_server;

use omnicache::far::entry::{Mode, Set, Written};
use omnicache::far::record::Terms;
use omnicache::far::redis::RedisStore;
use omnicache::far::{FarError, Stored};
use proptest::prelude::*;
use redis_server::Server;
use redis_server::cluster::Cluster;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

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
        tags: Vec<u8>,
        mode: u8,
    },
    SetMany(u8, u8, Option<u8>),
    Delete(u8),
    Take(u8),
    Touch(u8, Option<u8>),
    Invalidate(u8, bool),
    Tag(u8, bool),
    Scan(u8, u8),
    Clear,
    Purge,
    Count,
    Wait(u8),
    Switch,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0u8..12;
    let end = || prop::option::weighted(0.3, 1u8..20);
    let tags = prop::collection::vec(0u8..3, 0..3).prop_map(|mut tags| {
        tags.sort_unstable();
        tags.dedup();
        tags
    });
    let size = prop_oneof![4 => 0u16..50, 1 => 400u16..2500];
    prop_oneof![
        12 => key.clone().prop_map(Op::Get),
        2 => Just(Op::GetMany),
        14 => (key.clone(), size, end(), end(), tags, prop_oneof![4 => Just(0u8), 3 => 1u8..4])
            .prop_map(|(key, size, fresh, expires, tags, mode)| Op::Set { key, size, fresh, expires, tags, mode }),
        2 => (key.clone(), key.clone(), prop::option::of(0u8..3)).prop_map(|(a, b, tag)| Op::SetMany(a, b, tag)),
        3 => key.clone().prop_map(Op::Delete),
        2 => key.clone().prop_map(Op::Take),
        3 => (key.clone(), end()).prop_map(|(key, end)| Op::Touch(key, end)),
        3 => (key.clone(), any::<bool>()).prop_map(|(key, hard)| Op::Invalidate(key, hard)),
        4 => (0u8..3, any::<bool>()).prop_map(|(tag, hard)| Op::Tag(tag, hard)),
        1 => (key, 1u8..6).prop_map(|(from, limit)| Op::Scan(from, limit)),
        1 => Just(Op::Clear),
        1 => Just(Op::Purge),
        1 => Just(Op::Count),
        6 => (0u8..6).prop_map(Op::Wait),
        4 => Just(Op::Switch),
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
    /// When one of its tags was last softly invalidated since it was written or touched: the first of these for each tag.
    soft: BTreeMap<String, u64>,
}

impl Known {
    fn soft_since(&self) -> Option<u64> {
        self.soft.values().min().copied()
    }
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
            let since = known.soft_since();
            prop_assert_eq!(
                found.terms.fresh_until,
                known.fresh.min(since.unwrap_or(NEVER))
            );
            prop_assert_eq!(found.terms.expires, known.expires);
            prop_assert_eq!(&found.tags, &known.tags);
            prop_assert_eq!(found.version, known.version);
            prop_assert_eq!(found.stale, since.is_some() || self.now >= known.fresh);
        }
        Ok(())
    }
}

/// Keys of every kind: none at all, text, text that must be escaped, other types, one with braces.
fn key(number: u8) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1 => b"s".to_vec(),
        2..=5 => format!("stext{number}").into_bytes(),
        6 => b"s%i4\n".to_vec(),
        7 => b"sa{b}".to_vec(),
        8 => "szo\u{eb}*?".as_bytes().to_vec(),
        _ => format!("i{number}").into_bytes(),
    }
}

fn value(number: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u8) ^ number).collect()
}

fn ask<T>(store: &RedisStore, work: impl Future<Output = Result<T, FarError>>) -> T {
    store.block_on(work).unwrap().unwrap()
}

#[allow(clippy::too_many_lines)] // one arm per operation
fn run(
    ops: Vec<Op>,
    (mut store, mut other): (RedisStore, RedisStore),
) -> Result<(), TestCaseError> {
    let mut model = Model {
        now: 1000 * SECOND,
        ..Model::default()
    };
    for op in ops {
        let now = model.now;
        match op {
            Op::Get(number) => {
                let key = key(number);
                let found = if number % 2 == 0 {
                    store.get_blocking(&key, now).unwrap()
                } else {
                    ask(&store, store.get(&key, now))
                };
                model.agree(&key, found.as_ref())?;
            }
            Op::GetMany => {
                let keys: Vec<_> = (0..12).map(key).collect();
                let borrowed: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let found = ask(&store, store.get_many(&borrowed, now));
                for (key, found) in keys.iter().zip(&found) {
                    model.agree(key, found.as_ref())?;
                }
            }
            Op::Set {
                key: number,
                size,
                fresh,
                expires,
                tags,
                mode,
            } => {
                let key = key(number);
                let payload = value(number, usize::from(size));
                let at = |end: Option<u8>| end.map_or(NEVER, |end| now + u64::from(end) * SECOND);
                let tags: Vec<String> = tags.iter().map(|tag| format!("t{tag}")).collect();
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
                let written = if number % 2 == 0 {
                    store.set_blocking(&set, now).unwrap()
                } else {
                    ask(&store, store.set(&set, now))
                };
                match written {
                    Written::Stored(version) => {
                        prop_assert!(allowed);
                        let known = Known {
                            payload,
                            fresh: terms.fresh_until,
                            expires: terms.expires,
                            tags,
                            version,
                            soft: BTreeMap::new(),
                        };
                        model.entries.insert(key, known);
                    }
                    Written::Refused => prop_assert!(!allowed),
                    Written::TooHeavy => prop_assert!(false, "nothing is too heavy here"),
                }
            }
            Op::SetMany(a, b, tag) => {
                let pairs = [(key(a), value(a, 10)), (key(b), value(b, 3000))];
                let tags: Vec<String> = tag.map(|tag| format!("t{tag}")).into_iter().collect();
                let sets = pairs.each_ref().map(|(key, payload)| Set {
                    key,
                    payload,
                    tags: &tags,
                    ..Set::default()
                });
                let written = ask(&store, store.set_many(&sets, now));
                for ((key, payload), written) in pairs.into_iter().zip(written) {
                    let Written::Stored(version) = written else {
                        return Err(TestCaseError::fail("it was to be written"));
                    };
                    let known = Known {
                        payload,
                        fresh: NEVER,
                        expires: NEVER,
                        tags: tags.clone(),
                        version,
                        soft: BTreeMap::new(),
                    };
                    model.entries.insert(key, known);
                }
            }
            Op::Delete(number) => {
                let key = key(number);
                let deleted = ask(&store, store.delete(&key, now));
                prop_assert_eq!(deleted, model.get(&key).is_some());
                model.entries.remove(&key);
            }
            Op::Take(number) => {
                let key = key(number);
                model.agree(&key, ask(&store, store.take(&key, now)).as_ref())?;
                model.entries.remove(&key);
            }
            Op::Touch(number, end) => {
                let key = key(number);
                let end = end.map_or(NEVER, |end| now + u64::from(end) * SECOND);
                let touched = ask(&store, store.touch(&key, end, end, now));
                prop_assert_eq!(touched, model.get(&key).is_some());
                model.settle();
                if let Some(known) = model.entries.get_mut(&key) {
                    (known.fresh, known.expires) = (end, end);
                    known.soft.clear();
                }
            }
            Op::Invalidate(number, hard) => {
                let key = key(number);
                let count = ask(&store, store.invalidate(&[&key], hard, now));
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
                let tags = std::slice::from_ref(&tag);
                ask(&store, store.invalidate_tags(tags, hard, now));
                model.entries.retain(|_, known| {
                    !known.tags.contains(&tag) || (!hard && known.expires > known.fresh)
                });
                for known in model
                    .entries
                    .values_mut()
                    .filter(|known| known.tags.contains(&tag))
                {
                    known.soft.insert(tag.clone(), now);
                }
            }
            Op::Scan(from, limit) => {
                let prefix = key(from);
                let (mut found, mut cursor) = (Vec::new(), None);
                loop {
                    let work =
                        store.scan(&prefix, None, cursor.as_deref(), usize::from(limit), now);
                    let page = ask(&store, work);
                    let items = page.items.into_iter();
                    found.extend(items.map(|item| (item.key, item.size, item.version, item.stale)));
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                found.sort();
                found.dedup();
                let expected: Vec<_> = model
                    .entries
                    .iter()
                    .filter(|(key, known)| key.starts_with(&prefix) && now < known.expires)
                    .map(|(key, known)| {
                        let stale = known.soft_since().is_some() || now >= known.fresh;
                        (
                            key.clone(),
                            known.payload.len() as u64,
                            known.version,
                            stale,
                        )
                    })
                    .collect();
                prop_assert_eq!(found, expected);
            }
            Op::Clear => {
                ask(&store, store.clear());
                model.entries.clear();
            }
            Op::Purge => {
                ask(&store, store.purge(now));
            }
            Op::Count => {
                model.settle();
                let count = ask(&store, store.count(now));
                prop_assert_eq!(count, model.entries.len() as u64);
            }
            Op::Wait(seconds) => model.now += u64::from(seconds) * SECOND,
            Op::Switch => std::mem::swap(&mut store, &mut other),
        }
        model.settle();
    }
    for number in 0..12 {
        let key = key(number);
        for store in [&store, &other] {
            model.agree(&key, ask(store, store.get(&key, model.now)).as_ref())?;
        }
    }
    Ok(())
}

/// Two stores of one cache that nobody used before, each with connections of its own.
fn pair(options: &omnicache::far::redis::Options) -> (RedisStore, RedisStore) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("model{}", NUMBER.fetch_add(1, Relaxed));
    let other = omnicache::far::redis::Options {
        client_name: "other".to_owned(),
        ..options.clone()
    };
    let open = |options| RedisStore::open(options, "test", &name).unwrap();
    (open(options.clone()), open(other))
}

#[test]
fn agrees_with_the_reference() {
    let server = Server::start(&[]);
    proptest!(ProptestConfig::with_cases(100), |(ops in prop::collection::vec(op(), 1..120))| {
        run(ops, pair(&server.options()))?;
    });
}

#[test]
fn agrees_in_a_cluster() {
    let cluster = Cluster::start();
    proptest!(ProptestConfig::with_cases(40), |(ops in prop::collection::vec(op(), 1..80))| {
        run(ops, pair(&cluster.options()))?;
    });
}
