//! Leases and their tokens.

use super::*;
use crate::far::fs::{Leased, Owner};

fn acquired(leased: Leased) -> u64 {
    match leased {
        Leased::Acquired { token, .. } => token,
        Leased::Held { .. } => panic!("{leased:?}"),
    }
}

#[test]
fn one_at_a_time_until_it_is_released() {
    let store = plain();
    let (one, two) = (Owner::this(1), Owner::this(2));
    let until = NOW + SECOND;
    let token = acquired(store.lease(b"a", one, until, NOW).unwrap());
    assert_eq!(
        store.lease(b"a", two, until, NOW).unwrap(),
        Leased::Held { owner: one, until }
    );
    assert_eq!(
        acquired(store.lease(b"a", one, until + 5, NOW).unwrap()),
        token,
        "the same one, for longer"
    );
    assert!(acquired(store.lease(b"b", two, until, NOW).unwrap()) > token);
    assert!(store.release(b"a", token, NOW).unwrap());
    assert!(!store.release(b"a", token, NOW).unwrap());
    assert!(acquired(store.lease(b"a", two, until, NOW).unwrap()) > token);
}

#[test]
fn its_deadline_ends_it() {
    let store = plain();
    let first = acquired(
        store
            .lease(b"a", Owner::this(1), NOW + SECOND, NOW)
            .unwrap(),
    );
    let second = store
        .lease(b"a", Owner::this(2), NOW + 9 * SECOND, NOW + SECOND)
        .unwrap();
    assert!(acquired(second) > first);
    assert!(!store.release(b"a", first, NOW).unwrap());
    let late = Set {
        token: Some(first),
        ..entry(b"a", b"late")
    };
    assert_eq!(store.set(&late, NOW).unwrap(), Written::Refused);
}

#[test]
fn a_write_with_the_token_ends_it() {
    let store = plain();
    let token = acquired(
        store
            .lease(b"a", Owner::this(1), NOW + SECOND, NOW)
            .unwrap(),
    );
    let loaded = Set {
        token: Some(token),
        ..entry(b"a", b"1")
    };
    assert!(matches!(
        store.set(&loaded, NOW).unwrap(),
        Written::Stored(_)
    ));
    acquired(
        store
            .lease(b"a", Owner::this(2), NOW + SECOND, NOW)
            .unwrap(),
    );
}

#[test]
fn what_was_invalidated_or_written_while_it_was_loaded_is_not_overwritten() {
    let store = plain();
    let changes: [&dyn Fn(); 4] = [
        &|| {
            store.delete(b"a", NOW).unwrap();
        },
        &|| {
            store.invalidate(&[b"a"], false, NOW).unwrap();
        },
        &|| {
            store.clear(NOW).unwrap();
        },
        &|| {
            put(&store, b"a", b"written");
        },
    ];
    for change in changes {
        let token = acquired(
            store
                .lease(b"a", Owner::this(1), NOW + SECOND, NOW)
                .unwrap(),
        );
        change();
        let late = Set {
            token: Some(token),
            ..entry(b"a", b"late")
        };
        assert_eq!(store.set(&late, NOW).unwrap(), Written::Refused);
    }
    assert_eq!(get(&store, b"a").as_deref(), Some(&b"written"[..]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_dead_owner_has_none() {
    let store = plain();
    let dead = Owner {
        start: 1,
        ..Owner::this(1)
    };
    let token = acquired(store.lease(b"a", dead, NEVER, NOW).unwrap());
    assert!(
        acquired(
            store
                .lease(b"a", Owner::this(1), NOW + SECOND, NOW)
                .unwrap()
        ) > token
    );
}
