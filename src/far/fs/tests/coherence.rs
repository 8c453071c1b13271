//! The position, and the log of what others changed.

use super::*;
use crate::far::fs::Changed;

fn second(store: &Temporary) -> FileStore {
    FileStore::open(store.path(), *store.options()).unwrap()
}

#[test]
fn the_position_moves_with_every_change_and_with_nothing_else() {
    let store = plain();
    let other = second(&store);
    let position = store.position().unwrap();
    get(&store, b"a");
    assert!(!store.delete(b"a", NOW).unwrap());
    assert_eq!(other.position(), Some(position));
    put(&store, b"a", b"1");
    assert!(other.position().unwrap() > position);
    assert_eq!(other.position(), store.position());
}

#[test]
fn others_are_told_which_keys_changed() {
    let store = plain();
    let other = second(&store);
    let since = store.position().unwrap();
    put(&other, b"a", b"1");
    put(&store, b"mine", b"1");
    other.delete(b"a", NOW).unwrap();
    other
        .set_many(&[entry(b"b", b"1"), entry(b"c", b"1")], NOW)
        .unwrap();
    other.touch(b"b", NEVER, NEVER, NOW).unwrap();
    other.invalidate(&[b"c"], false, NOW).unwrap();
    other.invalidate_tags(&names(&["t"]), true, NOW).unwrap();
    let at = store.position().unwrap();
    let keys = [b"a", b"a", b"b", b"c", b"b", b"c"]
        .map(|key| key.to_vec())
        .to_vec();
    let tags = vec![("t".to_owned(), true)];
    let changed = Changed {
        at,
        everything: false,
        keys,
        tags,
    };
    assert_eq!(store.changes(since, NOW).unwrap(), changed);
    assert_eq!(
        store.changes(at, NOW).unwrap(),
        Changed {
            at,
            ..Changed::default()
        }
    );
    let theirs = other.changes(since, NOW).unwrap();
    assert_eq!(theirs.keys, [b"mine".to_vec()]);
}

#[test]
fn a_clear_is_everything() {
    let store = plain();
    let other = second(&store);
    put(&store, b"a", b"1");
    let since = store.position().unwrap();
    other.clear(NOW).unwrap();
    put(&other, b"b", b"1");
    assert!(store.changes(since, NOW).unwrap().everything);
    let at = store.position().unwrap();
    put(&other, b"c", b"1");
    assert_eq!(store.changes(at, NOW).unwrap().keys, [b"c".to_vec()]);
}

#[test]
fn who_has_not_looked_for_long_is_told_everything() {
    let store = plain();
    let other = second(&store);
    let since = store.position().unwrap();
    for number in 0..4000_u32 {
        put(&other, &number.to_be_bytes(), b"1");
    }
    assert_eq!(store.changes(since, NOW).unwrap().keys.len(), 4000);
    for number in 0..300_u32 {
        put(&other, &number.to_be_bytes(), b"1");
    }
    assert!(store.changes(since, NOW).unwrap().everything);
    assert!(
        store.changes(u64::MAX, NOW).unwrap().everything,
        "a position that never was"
    );
    store.validate();
}

#[test]
fn large_keys_do_not_make_a_large_log() {
    let store = plain();
    let other = second(&store);
    let since = store.position().unwrap();
    for number in 0..300_u32 {
        let mut key = number.to_be_bytes().to_vec();
        key.resize(10_000, 0);
        put(&other, &key, b"1");
    }
    assert!(store.changes(since, NOW).unwrap().everything);
    store.validate();
}

#[test]
fn compaction_loses_no_change() {
    let store = plain();
    let other = second(&store);
    put(&other, b"before", b"1");
    let since = store.position().unwrap();
    put(&other, b"a", b"1");
    let middle = store.position().unwrap();
    other.compact().unwrap();
    assert!(
        store.position().is_none_or(|at| at > middle),
        "the file is another"
    );
    put(&other, b"b", b"1");
    let changed = store.changes(since, NOW).unwrap();
    assert_eq!(changed.keys, [b"a".to_vec(), b"b".to_vec()]);
    assert!(changed.at > middle);
    assert_eq!(store.position(), Some(changed.at));
}
