//! Every far store behaves alike: one that has only what it must, and the one of files, through the same interface.
#![cfg(unix)]

use omnicache::far::fs::{FileStore, Options};
use omnicache::far::record::Terms;
use omnicache::far::{Answer, Condition, Entry, FarStore, Keys, Stored};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

const NEVER: u64 = u64::MAX;

/// The answer, which is to be there at once.
fn now<T>(mut answer: Answer<'_, T>) -> T {
    match answer
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("it takes its time"),
    }
}

/// A store that has the four things that it must have, and nothing else.
#[derive(Default)]
struct Least(Mutex<BTreeMap<Vec<u8>, Stored>>);

fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl FarStore for Least {
    fn place(&self) -> &Path {
        Path::new("memory")
    }

    fn get<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, Option<Stored>> {
        let found = self.0.lock().unwrap().get(key).cloned();
        let found = found.filter(|found| now < found.terms.expires);
        ready(found.map(|found| Stored {
            stale: now >= found.terms.fresh_until,
            ..found
        }))
    }

    fn set<'a>(&'a self, key: &'a [u8], entry: Entry<'a>, _: u64) -> Answer<'a, u64> {
        let mut all = self.0.lock().unwrap();
        let version = all.values().map(|found| found.version).max().unwrap_or(0) + 1;
        let stored = Stored {
            terms: entry.terms,
            tags: entry.tags.to_vec(),
            version,
            stale: false,
            payload: entry.payload.to_vec(),
        };
        all.insert(key.to_vec(), stored);
        ready(version)
    }

    fn delete<'a>(&'a self, key: &'a [u8], now: u64) -> Answer<'a, bool> {
        let removed = self.0.lock().unwrap().remove(key);
        ready(removed.is_some_and(|found| now < found.terms.expires))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        cursor: Option<&'a [u8]>,
        limit: usize,
        now: u64,
    ) -> Answer<'a, Keys> {
        let all = self.0.lock().unwrap();
        let after = all.iter().filter(|(key, found)| {
            key.starts_with(prefix)
                && cursor.is_none_or(|cursor| key.as_slice() > cursor)
                && now < found.terms.expires
        });
        let keys: Vec<_> = after.map(|(key, _)| key.clone()).take(limit).collect();
        let next = (keys.len() == limit)
            .then(|| keys.last().cloned())
            .flatten();
        ready((keys, next))
    }
}

fn entry(payload: &[u8]) -> Entry<'_> {
    Entry {
        payload,
        ..Entry::default()
    }
}

fn behaves(store: &dyn FarStore) {
    assert_eq!(now(store.get(b"a", 0)), None);
    let first = now(store.set(b"a", entry(b"1"), 0));
    assert_eq!(
        now(store.set_if(b"a", entry(b"2"), Condition::Absent, 0)),
        None
    );
    assert_eq!(
        now(store.set_if(b"x", entry(b"2"), Condition::Present, 0)),
        None
    );
    let second = now(store.set_if(b"a", entry(b"2"), Condition::Version(first), 0)).unwrap();
    assert_eq!(
        now(store.set_if(b"a", entry(b"3"), Condition::Version(first), 0)),
        None
    );
    assert!(now(store.set_if(b"b", entry(b"b"), Condition::Absent, 0)).is_some());
    let found = now(store.get_many(&[b"a", b"x"], 0));
    assert_eq!(
        found[0]
            .as_ref()
            .map(|found| (found.version, &found.payload[..])),
        Some((second, &b"2"[..]))
    );
    assert_eq!(found[1], None);

    assert!(now(store.touch(b"a", 10, 20, 0)));
    assert!(!now(store.touch(b"x", 10, 20, 0)));
    let stale = |at| now(store.get(b"a", at)).map(|found| found.stale);
    assert_eq!(
        [9, 10, 19, 20].map(stale),
        [Some(false), Some(true), Some(true), None]
    );
    assert!(now(store.touch(b"a", 100, NEVER, 0)));
    assert_eq!(now(store.invalidate(&[b"a", b"x"], false, 5)), 1);
    assert_eq!(stale(5), Some(true));
    assert_eq!(now(store.invalidate(&[b"a"], true, 5)), 1);
    assert_eq!(stale(5), None);

    let tags = ["t".to_owned()];
    let tagged = Entry {
        tags: &tags,
        terms: Terms {
            fresh_until: 100,
            ..Terms::default()
        },
        payload: b"t",
    };
    now(store.set_many(&[(b"t1", tagged), (b"t2", tagged), (b"u", entry(b"u"))], 0));
    assert_eq!(now(store.len(0)), 4);
    now(store.invalidate_tags(&tags, false, 5));
    assert!(now(store.get(b"t1", 5)).unwrap().stale);
    assert!(!now(store.get(b"u", 5)).unwrap().stale);
    now(store.invalidate_tags(&tags, true, 5));
    assert_eq!(now(store.get(b"t2", 5)), None);
    assert_eq!(now(store.take(b"u", 0)).unwrap().payload, b"u");
    assert_eq!(now(store.take(b"u", 0)), None);
    assert_eq!(now(store.delete_many(&[b"b", b"x"], 0)), 1);
    assert!(!now(store.delete(b"b", 0)));

    for number in 0..1200_u32 {
        let key = format!("{}:{number:04}", number % 2);
        now(store.set(key.as_bytes(), entry(b""), 0));
    }
    assert_eq!(now(store.clear(b"1:", 0)), 600);
    assert_eq!(now(store.len(0)), 600);
    let (keys, next) = now(store.scan(b"0:", None, 2, 0));
    assert_eq!(keys, [b"0:0000".to_vec(), b"0:0002".to_vec()]);
    let (keys, _) = now(store.scan(b"0:", next.as_deref(), 1, 0));
    assert_eq!(keys, [b"0:0004".to_vec()]);
    now(store.close());
}

#[test]
fn the_least_that_a_store_can_be() {
    behaves(&Least::default());
}

#[test]
fn files() {
    let dir = tempfile::tempdir().unwrap();
    behaves(&FileStore::open(dir.path(), Options::default()).unwrap());
}
