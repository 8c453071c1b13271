//! One entry and many: what is written is read, until its end, under every condition.

use super::*;
use crate::far::fs::row;
use crate::glob::Glob;

#[test]
fn what_was_set_is_there_until_it_is_deleted() {
    let store = plain();
    assert_eq!(get(&store, b"a"), None);
    put(&store, b"a", b"1");
    put(&store, b"a", b"2");
    assert_eq!(get(&store, b"a").as_deref(), Some(&b"2"[..]));
    assert!(store.delete(b"a", NOW).unwrap());
    assert!(!store.delete(b"a", NOW).unwrap());
    assert_eq!(get(&store, b"a"), None);
    store.validate();
}

#[test]
fn keys_and_values_of_any_size() {
    let store = plain();
    let keys: Vec<Vec<u8>> = [0, 1, 493, 494, 510, 511, 512, 10_000]
        .map(|len| vec![b'k'; len])
        .into();
    let sizes = [0, 1, 1000, 1_899, 1_950, 2_000, 4_096, 1_000_000];
    for (key, size) in keys.iter().zip(sizes) {
        put(&store, key, &vec![7; size]);
    }
    for (key, size) in keys.iter().zip(sizes) {
        assert_eq!(
            get(&store, key),
            Some(vec![7; size]),
            "a key of {} bytes",
            key.len()
        );
    }
    store.validate();
    let found = store.scan(b"kk", None, None, 100, NOW).unwrap();
    assert_eq!(found.items.len(), keys.len() - 2);
    for key in &keys {
        assert!(store.delete(key, NOW).unwrap());
    }
    assert_eq!(store.stats(NOW).unwrap().bytes, 0);
    store.validate();
}

#[test]
fn another_key_with_the_same_hash_is_another_key() {
    let store = plain();
    let (a, b) = (vec![1; 600], vec![1; 601]);
    put(&store, &a, b"of a");
    // As if both had the same hash: what is stored for the one lies where the other is looked for.
    let handle = store.handle("test").unwrap();
    handle
        .with_mapped("test", |mapped| {
            let mut txn = mapped.env.write_txn()?;
            let entries = mapped.trees.entries;
            let bytes = entries.get(&txn, &row::stored(&a))?.unwrap().to_vec();
            entries.put(&mut txn, &row::stored(&b), &bytes)?;
            Ok(txn.commit()?)
        })
        .unwrap();
    assert_eq!(get(&store, &b), None);
    assert!(!store.touch(&b, NEVER, NEVER, NOW).unwrap());
    let add = Set {
        mode: Mode::Replace,
        ..entry(&b, b"of b")
    };
    assert_eq!(store.set(&add, NOW).unwrap(), Written::Refused);
    assert_eq!(store.take(&b, NOW).unwrap(), None);
    assert_eq!(get(&store, &a).as_deref(), Some(&b"of a"[..]));
}

#[test]
fn an_entry_is_fresh_then_stale_then_gone() {
    let store = plain();
    let terms = Terms {
        fresh_until: NOW + SECOND,
        expires: NOW + 3 * SECOND,
        ..Terms::default()
    };
    store
        .set(
            &Set {
                terms,
                ..entry(b"a", b"1")
            },
            NOW,
        )
        .unwrap();
    let look = |at| stored(&store, b"a", at).map(|found| found.stale);
    assert_eq!(look(NOW + SECOND - 1), Some(false));
    assert_eq!(look(NOW + SECOND), Some(true));
    assert_eq!(look(NOW + 3 * SECOND), None);
    // A clock that was moved backwards gives life back, as nothing was removed yet.
    assert_eq!(look(NOW), Some(false));
    assert!(
        store
            .touch(b"a", NOW + 9 * SECOND, NOW + 9 * SECOND, NOW)
            .unwrap()
    );
    assert_eq!(look(NOW + 3 * SECOND), Some(false));
    assert!(!store.touch(b"a", NEVER, NEVER, NOW + 9 * SECOND).unwrap());
    store.validate();
}

#[test]
fn what_is_over_is_removed_by_later_writes() {
    let store = plain();
    for number in 0..20_u8 {
        let terms = Terms {
            expires: NOW + SECOND,
            ..Terms::default()
        };
        store
            .set(
                &Set {
                    terms,
                    ..entry(&[number], &[0; 3000])
                },
                NOW,
            )
            .unwrap();
    }
    for number in 0..5_u8 {
        store
            .set(&entry(&[100 + number], b"x"), NOW + SECOND)
            .unwrap();
    }
    let stats = store.stats(NOW).unwrap();
    assert_eq!((stats.entries, stats.expirations), (5, 20));
    assert_eq!(store.len(NOW + SECOND).unwrap(), 5);
    store.validate();
}

#[test]
fn purge_removes_what_is_over_and_says_when_it_is_done() {
    let store = plain();
    for number in 0..10_u8 {
        let terms = Terms {
            expires: NOW + SECOND,
            ..Terms::default()
        };
        store
            .set(
                &Set {
                    terms,
                    ..entry(&[number], b"x")
                },
                NOW,
            )
            .unwrap();
    }
    assert_eq!(store.purge(4, NOW).unwrap(), (0, true));
    assert_eq!(store.purge(6, NOW + SECOND).unwrap(), (6, false));
    assert!(store.purge(100, NOW + SECOND).unwrap().1);
    assert_eq!(store.stats(NOW).unwrap().entries, 0);
    store.validate();
}

#[test]
fn conditions_are_kept() {
    let store = plain();
    let try_set = |mode| {
        store
            .set(
                &Set {
                    mode,
                    ..entry(b"a", b"1")
                },
                NOW,
            )
            .unwrap()
    };
    assert_eq!(try_set(Mode::Replace), Written::Refused);
    let Written::Stored(first) = try_set(Mode::Add) else {
        panic!("there was none")
    };
    assert_eq!(try_set(Mode::Add), Written::Refused);
    let Written::Stored(second) = try_set(Mode::Version(first)) else {
        panic!("it had this version")
    };
    assert_eq!(try_set(Mode::Version(first)), Written::Refused);
    assert_ne!(first, second);
    assert!(matches!(try_set(Mode::Replace), Written::Stored(_)));
}

#[test]
fn many_are_written_together_or_not_at_all() {
    let store = plain();
    let long = "t".repeat(2000);
    let tags = [long];
    let bad = Set {
        tags: &tags,
        ..entry(b"b", b"2")
    };
    assert!(store.set_many(&[entry(b"a", b"1"), bad], NOW).is_err());
    assert_eq!(get(&store, b"a"), None);
    store
        .set_many(
            &[entry(b"a", b"1"), entry(b"b", b"2"), entry(b"a", b"3")],
            NOW,
        )
        .unwrap();
    let keys: [&[u8]; 3] = [b"a", b"c", b"b"];
    let found = store
        .get_many_with(&keys, NOW, |found| found.payload.to_vec())
        .unwrap();
    assert_eq!(found, [Some(b"3".to_vec()), None, Some(b"2".to_vec())]);
    assert_eq!(store.delete_many(&keys, NOW).unwrap(), 2);
    store.validate();
}

#[test]
fn an_entry_is_taken_once() {
    let store = plain();
    put(&store, b"a", b"1");
    assert_eq!(store.take(b"a", NOW).unwrap().unwrap().payload, b"1");
    assert_eq!(store.take(b"a", NOW).unwrap(), None);
}

#[test]
fn soft_invalidation_of_keys_leaves_a_stale_copy() {
    let store = plain();
    let terms = Terms {
        fresh_until: NOW + 10,
        expires: NOW + 20,
        ..Terms::default()
    };
    let kept = Set {
        terms,
        ..entry(b"a", &[1; 5000])
    };
    store.set(&kept, NOW).unwrap();
    put(&store, b"c", b"not kept past its time");
    assert_eq!(
        store
            .invalidate(&[b"a", b"b", b"c"], false, NOW + 5)
            .unwrap(),
        2
    );
    assert_eq!(get(&store, b"c"), None);
    let found = stored(&store, b"a", NOW + 5).unwrap();
    assert!(found.stale);
    assert_eq!(found.payload, [1; 5000]);
    assert_eq!(store.invalidate(&[b"a"], true, NOW).unwrap(), 1);
    assert_eq!(get(&store, b"a"), None);
    store.validate();
}

#[test]
fn a_scan_goes_through_everything_once() {
    let store = plain();
    let mut keys: Vec<String> = (0..3000).map(|number| format!("user:{number}")).collect();
    for key in &keys {
        put(&store, key.as_bytes(), b"x");
    }
    put(&store, b"other", b"x");
    let glob = Glob::new("user:*7");
    let scan = |glob: Option<&Glob>, limit| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = store
                .scan(b"user:", glob, cursor.as_deref(), limit, NOW)
                .unwrap();
            assert!(page.items.len() <= limit);
            found.extend(
                page.items
                    .into_iter()
                    .map(|item| String::from_utf8(item.key).unwrap()),
            );
            cursor = page.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    keys.sort();
    assert_eq!(scan(None, 7), keys);
    keys.retain(|key| key.ends_with('7'));
    assert_eq!(scan(Some(&glob), 7), keys);
    assert_eq!(scan(Some(&glob), 10_000), keys);
}

#[test]
fn clear_leaves_nothing() {
    let store = plain();
    for number in 0..100_u8 {
        let terms = Terms {
            expires: NOW + SECOND,
            ..Terms::default()
        };
        store
            .set(
                &Set {
                    terms,
                    ..entry(&[number], &vec![0; usize::from(number) * 50])
                },
                NOW,
            )
            .unwrap();
    }
    assert_eq!(store.clear(NOW).unwrap(), 100);
    let stats = store.stats(NOW).unwrap();
    assert_eq!((stats.entries, stats.bytes), (0, 0));
    store.validate();
    put(&store, b"a", b"1");
    assert!(get(&store, b"a").is_some());
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let store = plain();
    let key = vec![0; (1 << 20) + 1];
    let error = store.set(&entry(&key, b""), NOW).unwrap_err().to_string();
    assert!(
        error.contains("a key of 1048577 bytes; at most 1048576"),
        "{error}"
    );
}

#[test]
fn reads_are_counted() {
    let mut store = plain();
    put(&store, b"a", b"1");
    get(&store, b"a");
    get(&store, b"b");
    store.get_with(b"a", NOW, false, |_| ()).unwrap();
    let count = |store: &FileStore| {
        let stats = store.stats(NOW).unwrap();
        (stats.hits, stats.misses)
    };
    assert_eq!(count(&store), (1, 1));
    assert_eq!(store.reopen(), None);
    assert_eq!(count(&store), (1, 1));
}
