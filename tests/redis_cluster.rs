//! A cluster: keys on all its servers, slots that move, servers that die.

mod redis_server;

use omnicache::far::FarError;
use omnicache::far::entry::{Leased, Set, Written};
use omnicache::far::redis::RedisStore;
use redis_server::cluster::Cluster;
use redis_server::{now, until};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn run<T>(store: &RedisStore, work: impl Future<Output = Result<T, FarError>>) -> T {
    store.block_on(work).unwrap().unwrap()
}

fn set<'a>(key: &'a [u8], payload: &'a [u8]) -> Set<'a> {
    Set {
        key,
        payload,
        ..Set::default()
    }
}

#[test]
fn keys_lie_on_all_servers_and_one_trip_fetches_them() {
    let cluster = Cluster::start();
    let store = cluster.store();
    let keys: Vec<_> = (0..100).map(|number| format!("s{number}")).collect();
    let sets: Vec<_> = keys
        .iter()
        .map(|key| set(key.as_bytes(), key.as_bytes()))
        .collect();
    run(&store, store.set_many(&sets, now()));
    for server in &cluster.servers {
        assert_ne!(server.ask(&["DBSIZE"]), "int(0)");
    }
    let borrowed: Vec<_> = keys.iter().map(String::as_bytes).collect();
    let before = run(&store, store.stats(now())).trips;
    let found = run(&store, store.get_many(&borrowed, now()));
    let after = run(&store, store.stats(now())).trips;
    let counting = run(&store, store.stats(now())).trips - after;
    assert_eq!(after - before - counting, 3, "one to each server");
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(found.unwrap().payload, key.as_bytes());
    }
    assert_eq!(run(&store, store.count(now())), 100);
    assert_eq!(run(&store, store.delete_many(&borrowed[..50], now())), 50);
    assert_eq!(run(&store, store.clear()), 50);
}

#[test]
fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start();
    let (store, other) = (cluster.store(), cluster.stranger());
    assert!(run(&other, other.tracking(Duration::from_secs(20))));
    run(&store, store.set(&set(b"sa", b"1"), now()));
    let slot = cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", "omnicache:test:cache:a"]);
    let slot: usize = slot.replace("int(", "").replace(')', "").parse().unwrap();
    let owner = (slot * 3 + 2) / 16384;
    let owner = (0..3)
        .find(|at| (16384 * at / 3..16384 * (at + 1) / 3).contains(&slot))
        .unwrap_or(owner);
    let heir = (owner + 1) % 3;
    let (ids, slot) = (cluster.ids(), slot.to_string());
    let setslot = |at: usize, what: &str, id: &str| {
        cluster.servers[at].ask(&["CLUSTER", "SETSLOT", &slot, what, id]);
    };
    setslot(heir, "IMPORTING", &ids[owner]);
    setslot(owner, "MIGRATING", &ids[heir]);
    // Half-way: what is there is answered by the old owner, what is not by the new one, for who asks in the right way.
    assert!(run(&store, store.get(b"sa", now())).is_some());
    let port = cluster.servers[heir].port.to_string();
    cluster.servers[owner].ask(&[
        "MIGRATE",
        "127.0.0.1",
        &port,
        "omnicache:test:cache:a",
        "0",
        "5000",
    ]);
    assert!(run(&store, store.get(b"sa", now())).is_some(), "by ASK");
    run(&store, store.set(&set(b"sa", b"2"), now()));
    for at in [heir, owner, 3 - heir - owner] {
        setslot(at, "NODE", &ids[heir]);
    }
    let found = run(&store, store.get(b"sa", now())).unwrap();
    assert_eq!(found.payload, b"2", "by MOVED");
    assert!(store.get_blocking(b"sa", now()).unwrap().is_some());
    assert!(run(&store, store.delete(b"sa", now())));

    let start = other.changes(0).unwrap().at;
    run(&store, store.set(&set(b"sa", b"3"), now()));
    until("the new owner tells of it", || {
        let changed = other.changes(start).unwrap();
        changed.everything || changed.keys.contains(&b"sa".to_vec())
    });
}

#[test]
fn all_servers_tell_of_changes_and_of_leases() {
    let cluster = Cluster::start();
    let (store, other) = (cluster.store(), cluster.stranger());
    assert!(run(&store, store.tracking(Duration::from_secs(20))));
    let start = store.position().unwrap();
    let keys: Vec<_> = (0..30).map(|number| format!("s{number}")).collect();
    for key in &keys {
        run(&other, other.set(&set(key.as_bytes(), b"1"), now()));
    }
    let tags = ["t".to_owned()];
    run(&other, other.invalidate_tags(&tags, true, now()));
    until("all are told", || {
        let changed = store.changes(start).unwrap();
        changed.keys.len() >= keys.len() && changed.tags.len() == 1
    });
    for key in &keys {
        let ends = now() + 60 * SECOND;
        let Leased::Acquired { token, .. } =
            run(&store, store.lease(key.as_bytes(), 1, ends, now()))
        else {
            panic!("nobody else asks");
        };
        std::thread::scope(|scope| {
            let waits =
                scope.spawn(|| run(&other, other.wait(key.as_bytes(), Duration::from_secs(20))));
            run(&store, store.release(key.as_bytes(), token));
            assert!(waits.join().unwrap());
        });
    }
}

#[test]
fn a_server_that_dies_takes_only_its_keys() {
    let mut cluster = Cluster::start();
    let mut options = cluster.options();
    options.timeout = Duration::from_millis(400);
    let store = RedisStore::open(options, "test", "cache").unwrap();
    assert!(run(&store, store.tracking(Duration::from_secs(20))));
    let settings = &cluster.servers[0];
    settings.ask(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.servers[1].ask(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    cluster.servers[2].kill();
    until("it is noticed", || !store.tracked());
    let outcomes: Vec<_> = (0..30)
        .map(|number| {
            let key = format!("s{number}");
            let written = store.set_blocking(&set(key.as_bytes(), b"1"), now());
            written.map(|written| matches!(written, Written::Stored(_)))
        })
        .collect();
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Ok(true))));
    assert!(outcomes.iter().any(Result::is_err));
}
