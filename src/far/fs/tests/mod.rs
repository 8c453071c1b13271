//! The store from within one process. What several processes do to one another is tested from Python.

mod coherence;
mod entries;
mod files;
mod leases;
mod limits;
mod tags;

use super::{Durability, FileStore, Mode, Options, Set, Written};
use crate::clock::NEVER;
use crate::far::Stored;
use crate::far::record::Terms;
use std::path::Path;

/// A moment to start from, and a second.
const NOW: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// A store in a directory of its own.
struct Temporary {
    store: FileStore,
    dir: tempfile::TempDir,
}

impl std::ops::Deref for Temporary {
    type Target = FileStore;

    fn deref(&self) -> &FileStore {
        &self.store
    }
}

impl Temporary {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Closes it and opens it again; the reason if something was set aside.
    fn reopen(&mut self) -> Option<String> {
        self.store.close().unwrap();
        self.store = FileStore::open(self.dir.path(), *self.store.options()).unwrap();
        self.store.set_aside().map(|aside| aside.reason.clone())
    }

    fn validate(&self) {
        let report = self.store.check(NOW).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let stats = self.store.stats(NOW).unwrap();
        assert_eq!((stats.entries, stats.bytes), (report.entries, report.bytes));
    }
}

fn temporary(options: Options) -> Temporary {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path(), options).unwrap();
    Temporary { store, dir }
}

fn plain() -> Temporary {
    temporary(Options::default())
}

fn bounded(max_bytes: u64) -> Temporary {
    temporary(Options {
        max_bytes: Some(max_bytes),
        ..Options::default()
    })
}

/// An entry for ever, without tags.
fn entry<'a>(key: &'a [u8], payload: &'a [u8]) -> Set<'a> {
    Set {
        key,
        payload,
        terms: Terms {
            created: NOW,
            ..Terms::default()
        },
        ..Set::default()
    }
}

fn put(store: &FileStore, key: &[u8], payload: &[u8]) -> u64 {
    match store.set(&entry(key, payload), NOW).unwrap() {
        Written::Stored(version) => version,
        other => panic!("{other:?}"),
    }
}

fn stored(store: &FileStore, key: &[u8], now: u64) -> Option<Stored> {
    store
        .get_with(key, now, true, |found| Stored::from(found))
        .unwrap()
}

fn get(store: &FileStore, key: &[u8]) -> Option<Vec<u8>> {
    stored(store, key, NOW).map(|stored| stored.payload)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
