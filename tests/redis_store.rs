//! The store on a real server: what an entry, a tag, a lease means, alone and between two processes.

mod redis_server;

use omnicache::far::entry::{Leased, Mode, Set, Written};
use omnicache::far::record::Terms;
use omnicache::far::redis::RedisStore;
use redis_server::{Server, now, until};
use std::time::Duration;

const NEVER: u64 = u64::MAX;
const SECOND: u64 = 1_000_000_000;

fn set<'a>(key: &'a [u8], payload: &'a [u8]) -> Set<'a> {
    Set {
        key,
        payload,
        ..Set::default()
    }
}

/// Runs the future of a store.
fn run<T>(
    store: &RedisStore,
    work: impl Future<Output = Result<T, omnicache::far::FarError>>,
) -> T {
    store.block_on(work).unwrap().unwrap()
}

fn payload(store: &RedisStore, key: &[u8]) -> Option<Vec<u8>> {
    run(store, store.get(key, now())).map(|found| found.payload)
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let server = Server::start(&[]);
    let store = server.store();
    assert_eq!(payload(&store, b"sa"), None);
    let tags = ["x".to_owned(), "y".to_owned()];
    let written = Set {
        terms: Terms {
            serializer: 3,
            priority: 9,
            created: 5,
            fresh_until: now() + 60 * SECOND,
            expires: now() + 90 * SECOND,
            schema: Some([7; 8]),
            ..Terms::default()
        },
        tags: &tags,
        ..set(b"sa", b"value")
    };
    let Written::Stored(version) = run(&store, store.set(&written, now())) else {
        panic!("not stored");
    };
    let found = run(&store, store.get(b"sa", now())).unwrap();
    assert_eq!(found.terms, written.terms);
    assert_eq!(found.tags, tags);
    assert_eq!((found.version, found.stale), (version, false));
    assert_eq!(found.payload, b"value");
    assert_eq!(store.get_blocking(b"sa", now()).unwrap().unwrap(), found);
    assert!(
        server
            .ask(&["EXISTS", "omnicache:test:cache:a"])
            .contains('1')
    );
    assert!(run(&store, store.delete(b"sa", now())));
    assert!(!run(&store, store.delete(b"sa", now())));
}

#[test]
fn a_moved_clock_decides_what_is_over() {
    let server = Server::start(&[]);
    let store = server.store();
    let start = 1000 * SECOND;
    let lives = Set {
        terms: Terms {
            fresh_until: start + SECOND,
            expires: start + 2 * SECOND,
            ..Terms::default()
        },
        ..set(b"sa", b"1")
    };
    run(&store, store.set(&lives, start));
    let stale = |at| run(&store, store.get(b"sa", at)).map(|found| found.stale);
    let seen = [start, start + SECOND, start + 2 * SECOND].map(stale);
    assert_eq!(seen, [Some(false), Some(true), None]);
    let add = Set {
        mode: Mode::Add,
        ..set(b"sa", b"2")
    };
    assert_eq!(run(&store, store.set(&add, start)), Written::Refused);
    assert!(matches!(
        run(&store, store.set(&add, start + 2 * SECOND)),
        Written::Stored(_)
    ));
}

#[test]
fn conditions_hold_between_processes() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    let with = |mode, payload| Set {
        mode,
        ..set(b"sa", payload)
    };
    assert_eq!(
        run(&store, store.set(&with(Mode::Replace, b"0"), now())),
        Written::Refused
    );
    let Written::Stored(first) = run(&store, store.set(&with(Mode::Add, b"1"), now())) else {
        panic!("not added");
    };
    assert_eq!(
        run(&other, other.set(&with(Mode::Add, b"2"), now())),
        Written::Refused
    );
    let Written::Stored(second) = run(&other, other.set(&with(Mode::Version(first), b"2"), now()))
    else {
        panic!("not swapped");
    };
    assert_eq!(
        run(&store, store.set(&with(Mode::Version(first), b"3"), now())),
        Written::Refused
    );
    assert_ne!(first, second);
    assert!(matches!(
        run(&store, store.set(&with(Mode::Replace, b"4"), now())),
        Written::Stored(_)
    ));
    assert_eq!(payload(&other, b"sa").as_deref(), Some(&b"4"[..]));
}

#[test]
fn tags_are_invalidated_everywhere_at_once() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    let tags = ["t".to_owned()];
    let kept = Terms {
        fresh_until: now() + 50 * SECOND,
        ..Terms::default()
    };
    let tagged = |key, terms| Set {
        tags: &tags,
        terms,
        ..set(key, b"1")
    };
    let write = |store: &RedisStore| {
        run(store, store.set(&tagged(b"skept", kept), now()));
        run(store, store.set(&tagged(b"sgone", Terms::default()), now()));
    };
    write(&store);
    assert!(payload(&other, b"skept").is_some());
    assert!(payload(&other, b"sgone").is_some());
    run(&other, other.invalidate_tags(&tags, false, now()));
    for reader in [&store, &other] {
        assert!(run(reader, reader.get(b"skept", now())).unwrap().stale);
        assert_eq!(payload(reader, b"sgone"), None);
    }
    assert!(run(&store, store.touch(b"skept", NEVER, NEVER, now())));
    assert!(!run(&other, other.get(b"skept", now())).unwrap().stale);
    run(&store, store.invalidate_tags(&tags, true, now()));
    assert_eq!(payload(&other, b"skept"), None);
    assert!(!run(&other, other.delete(b"skept", now())));
    // The other does not know yet that the generation has moved.
    write(&other);
    run(
        &store,
        store.invalidate_tags(&["u".to_owned()], true, now()),
    );
    write(&other);
    assert!(payload(&store, b"skept").is_some());
    assert!(payload(&other, b"sgone").is_some());
}

#[test]
fn a_load_that_raced_an_invalidation_is_not_stored() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    let lease = || match run(&store, store.lease(b"sa", 1, now() + 60 * SECOND, now())) {
        Leased::Acquired { token, generation } => (token, generation),
        Leased::Held { .. } => panic!("nobody else asks"),
    };
    let held = |token, generation, tags| Set {
        token: Some(token),
        generation: Some(generation),
        tags,
        ..set(b"sa", b"loaded")
    };
    let (token, generation) = lease();
    assert!(matches!(
        run(&other, other.lease(b"sa", 1, now() + 60 * SECOND, now())),
        Leased::Held { owner, .. } if owner.pid == std::process::id()
    ));
    run(&other, other.delete(b"sa", now()));
    let stored = run(&store, store.set(&held(token, generation, &[]), now()));
    assert_eq!(stored, Written::Refused, "deleted meanwhile");

    let (token, generation) = lease();
    run(&other, other.set(&set(b"sa", b"written"), now()));
    let stored = run(&store, store.set(&held(token, generation, &[]), now()));
    assert_eq!(stored, Written::Refused, "written meanwhile");
    assert!(run(&store, store.release(b"sa", token)));

    let tags = ["t".to_owned()];
    let (token, generation) = lease();
    run(&other, other.invalidate_tags(&tags, true, now()));
    run(&store, store.set(&held(token, generation, &tags), now()));
    assert_eq!(
        payload(&other, b"sa"),
        None,
        "its tag was invalidated meanwhile"
    );

    let (token, generation) = lease();
    run(&store, store.set(&held(token, generation, &tags), now()));
    assert!(payload(&other, b"sa").is_some());
    assert!(
        !run(&store, store.release(b"sa", token)),
        "it ended with the write"
    );
    assert!(run(&store, store.leased()).is_empty());
}

#[test]
fn who_waits_is_woken() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    let until_then = now() + 60 * SECOND;
    let Leased::Acquired { token, .. } = run(&store, store.lease(b"sa", 1, until_then, now()))
    else {
        panic!("nobody else asks");
    };
    assert_eq!(run(&other, other.leased()), [b"sa".to_vec()]);
    assert!(!run(&other, other.wait(b"sa", Duration::from_millis(30))));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| run(&other, other.wait(b"sa", Duration::from_secs(20))));
        // Long enough that the waiter is most likely asleep; if it is not, it finds no lease, which is the same.
        std::thread::sleep(Duration::from_millis(50));
        run(&store, store.release(b"sa", token));
        assert!(waits.join().unwrap());
    });
}

#[test]
fn a_lease_lives_as_long_as_its_holder() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    let ask = |owner: &RedisStore| run(owner, owner.lease(b"sa", 1, now() + 60 * SECOND, now()));
    let Leased::Acquired { token, .. } = ask(&store) else {
        panic!("nobody else asks");
    };
    let again = ask(&store);
    assert!(matches!(again, Leased::Acquired { token: same, .. } if same == token));
    let lease = "omnicache:test:cache%lease:{omnicache:test:cache:a}";
    let left = || -> i64 {
        let answer = server.ask(&["PTTL", lease]);
        let digits = answer.trim_start_matches("int(").trim_end_matches(')');
        digits.parse().unwrap()
    };
    assert!(left() <= 4000, "a dead holder is survived within seconds");
    server.ask(&["PEXPIRE", lease, "3000"]);
    until("its holder keeps it", || left() > 3100);
    store.close().unwrap();
    // The holder is gone without a word, and nobody waits for the rest of its time here.
    server.ask(&["PEXPIRE", lease, "100"]);
    assert!(run(&other, other.wait(b"sa", Duration::from_secs(20))));
    until("it has ended", || {
        matches!(ask(&other), Leased::Acquired { .. })
    });
}

#[test]
fn changes_by_others_are_told_and_own_ones_are_not() {
    let server = Server::start(&[]);
    let (store, other) = (server.store(), server.stranger());
    assert_eq!(store.position(), None);
    assert!(run(&store, store.tracking(Duration::from_secs(20))));
    let start = store.position().unwrap();
    run(&store, store.set(&set(b"smine", b"1"), now()));
    let own = [set(b"smine", b"2"), set(b"smine2", b"3")];
    run(&store, store.set_many(&own, now()));
    run(&other, other.set(&set(b"sa", b"1"), now()));
    run(
        &other,
        other.invalidate_tags(&["t".to_owned()], false, now()),
    );
    until("both are told", || {
        let changed = store.changes(start).unwrap();
        !changed.keys.is_empty() && !changed.tags.is_empty()
    });
    let changed = store.changes(start).unwrap();
    assert!(!changed.everything);
    assert_eq!(changed.keys, [b"sa".to_vec()]);
    assert_eq!(changed.tags, [("t".to_owned(), false)]);
    server.ask(&["FLUSHALL"]);
    until("it was emptied", || {
        store.changes(start).unwrap().everything
    });
    assert!(store.tracked());
}

#[test]
fn a_lost_server_is_noticed_and_comes_back() {
    let mut server = Server::start(&[]);
    let store = server.store();
    assert!(run(&store, store.tracking(Duration::from_secs(20))));
    let at = store.changes(0).unwrap().at;
    server.kill();
    until("it is lost", || !store.tracked());
    assert!(store.changes(at).unwrap().everything);
    let error = store
        .block_on(store.get(b"sa", now()))
        .unwrap()
        .unwrap_err();
    assert!(
        error.to_string().contains(&server.port.to_string()),
        "{error}"
    );
    assert!(error.is_passing());
    server.restart();
    until("it is back", || store.tracked());
    run(&store, store.set(&set(b"sa", b"1"), now()));
    assert!(payload(&store, b"sa").is_some());
}

#[test]
fn only_what_is_ours_is_cleared() {
    let server = Server::start(&[]);
    let store = server.store();
    let near = RedisStore::open(server.options(), "test", "cache2").unwrap();
    run(&near, near.set(&set(b"sa", b"1"), now()));
    server.ask(&["SET", "omnicache:test:cachex", "1"]);
    let keys: Vec<_> = (0..2500).map(|number| format!("s{number}")).collect();
    let sets: Vec<_> = keys.iter().map(|key| set(key.as_bytes(), b"1")).collect();
    run(&store, store.set_many(&sets, now()));
    assert_eq!(run(&store, store.count(now())), 2500);
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = run(
            &store,
            store.scan(b"s1", None, cursor.as_deref(), 100, now()),
        );
        found.extend(page.items.into_iter().map(|item| item.key));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    found.sort();
    found.dedup();
    let expected = keys.iter().filter(|key| key.starts_with("s1")).count();
    assert_eq!(found.len(), expected);
    assert_eq!(run(&store, store.clear()), 2500);
    assert_eq!(run(&store, store.count(now())), 0);
    assert!(payload(&near, b"sa").is_some());
    assert!(
        server
            .ask(&["EXISTS", "omnicache:test:cachex"])
            .contains('1')
    );
}
