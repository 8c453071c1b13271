//! Where servers are and who may ask them: sockets, users, sentinels; and servers that are slow, or full.

mod redis_server;

use omnicache::far::entry::Set;
use omnicache::far::redis::{Host, Options, RedisStore, Target};
use omnicache::far::{FarError, Problem};
use redis_server::{Server, now, until};
use std::time::{Duration, Instant};

fn run<T>(store: &RedisStore, work: impl Future<Output = Result<T, FarError>>) -> T {
    ask(store, work).unwrap()
}

fn ask<T>(
    store: &RedisStore,
    work: impl Future<Output = Result<T, FarError>>,
) -> Result<T, FarError> {
    store.block_on(work).unwrap()
}

fn set<'a>(key: &'a [u8], payload: &'a [u8]) -> Set<'a> {
    Set {
        key,
        payload,
        ..Set::default()
    }
}

fn works(store: &RedisStore) {
    run(store, store.connect());
    run(store, store.set(&set(b"sa", b"1"), now()));
    assert!(store.get_blocking(b"sa", now()).unwrap().is_some());
    store.set_blocking(&set(b"sa", b"2"), now()).unwrap();
    let found = run(store, store.get(b"sa", now())).unwrap();
    assert_eq!(found.payload, b"2");
    assert!(run(store, store.tracking(Duration::from_secs(20))));
    assert!(run(store, store.delete(b"sa", now())));
}

#[test]
#[cfg(unix)]
fn a_socket_of_this_machine() {
    let server = Server::start(&[]);
    let url = format!("redis+unix://{}?db=2", server.socket().display());
    let store = RedisStore::open(Options::parse(&url).unwrap(), "test", "cache").unwrap();
    works(&store);
}

#[test]
fn a_user_with_a_password_and_no_more_rights_than_needed() {
    let server = Server::start(&[]);
    server.ask(&[
        "ACL",
        "SETUSER",
        "me",
        "on",
        ">s3cret",
        "~omnicache:*",
        "resetchannels",
        "&omnicache:*",
        "+@all",
        "-@admin",
        "-@dangerous",
        "-time",
    ]);
    let url = |login: &str| format!("redis://{login}@127.0.0.1:{}/0", server.port);
    let open = |url: &str| RedisStore::open(Options::parse(url).unwrap(), "test", "cache").unwrap();
    let store = open(&url("me:s3cret"));
    works(&store);
    let tags = ["t".to_owned()];
    let tagged = Set {
        tags: &tags,
        ..set(b"sa", b"1")
    };
    run(&store, store.set(&tagged, now()));
    assert!(run(&store, store.get(b"sa", now())).is_some());
    run(&store, store.invalidate_tags(&tags, true, now()));
    assert!(run(&store, store.get(b"sa", now())).is_none());
    let store = open(&url("me:wr0ng"));
    for error in [
        ask(&store, store.get(b"sa", now())).unwrap_err(),
        store.get_blocking(b"sa", now()).unwrap_err(),
    ] {
        assert!(matches!(error.problem, Problem::Refused(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("wr0ng"));
    }
    server.ask(&["ACL", "SETUSER", "me", "-eval", "-evalsha", "-publish"]);
    let store = open(&url("me:s3cret"));
    let error = ask(&store, store.delete(b"sa", now())).unwrap_err();
    assert!(error.to_string().contains("NOPERM"), "{error}");
}

#[test]
fn the_master_that_sentinels_name_is_followed_through_a_failover() {
    let master = Server::start(&[]);
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
    let sentinel = Server::sentinel(&format!(
        "sentinel monitor main 127.0.0.1 {port} 1\nsentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 5000\n"
    ));
    until("the sentinel knows the replica", || {
        sentinel
            .ask(&["SENTINEL", "replicas", "main"])
            .contains(&replica.port.to_string())
    });
    until("the replica is in step", || {
        replica
            .ask(&["INFO", "replication"])
            .contains("master_link_status:up")
    });
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port);
    let store = RedisStore::open(Options::parse(&url).unwrap(), "test", "cache").unwrap();
    works(&store);
    run(&store, store.set(&set(b"skept", b"1"), now()));
    until("it is copied", || {
        replica
            .ask(&["EXISTS", "omnicache:test:cache:kept"])
            .contains('1')
    });
    drop(master);
    until("the replica is asked", || {
        ask(&store, store.get(b"skept", now())).is_ok_and(|found| found.is_some())
    });
    until("it can be written", || {
        ask(&store, store.set(&set(b"skept", b"2"), now())).is_ok()
    });
    until("changes are told of again", || store.tracked());
    let nobody = Options::parse(&url.replace("/main", "/nobody")).unwrap();
    let nobody = RedisStore::open(nobody, "test", "cache").unwrap();
    let error = ask(&nobody, nobody.get(b"sa", now()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("nobody") || error.contains("within"),
        "{error}"
    );
}

#[test]
fn a_server_that_hangs_is_waited_for_only_so_long() {
    let server = Server::start(&[]);
    let mut options = server.options();
    options.timeout = Duration::from_millis(200);
    options.connect_timeout = Duration::from_millis(200);
    let store = RedisStore::open(options, "test", "cache").unwrap();
    run(&store, store.set(&set(b"sa", b"1"), now()));
    assert!(store.get_blocking(b"sa", now()).unwrap().is_some());
    server.signal("STOP");
    for error in [
        ask(&store, store.get(b"sa", now())).unwrap_err(),
        store.get_blocking(b"sa", now()).unwrap_err(),
    ] {
        assert!(
            matches!(
                error.problem,
                Problem::TimedOut(_) | Problem::Unreachable(_)
            ),
            "{error}"
        );
    }
    server.signal("CONT");
    until("it answers again", || {
        ask(&store, store.get(b"sa", now())).is_ok_and(|found| found.is_some())
            && store.get_blocking(b"sa", now()).is_ok()
    });
}

#[test]
fn a_full_server_says_so() {
    let server = Server::start(&["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"]);
    let store = server.store();
    let large = vec![0; 100_000];
    let failed = (0..100)
        .map(|number| format!("s{number}"))
        .find_map(|key| ask(&store, store.set(&set(key.as_bytes(), &large), now())).err());
    let error = failed.unwrap();
    assert!(error.to_string().contains("maxmemory-policy"), "{error}");
    assert!(store.set_blocking(&set(b"sb", &large), now()).is_err());
    assert!(run(&store, store.get(b"s0", now())).is_some());
}

#[test]
fn nobody_there_is_told_at_once() {
    let server = Server::start(&[]);
    let options = server.options();
    drop(server);
    let store = RedisStore::open(options.clone(), "test", "cache").unwrap();
    let start = Instant::now();
    let error = ask(&store, store.get(b"sa", now())).unwrap_err();
    assert!(matches!(error.problem, Problem::Unreachable(_)), "{error}");
    assert!(store.get_blocking(b"sa", now()).is_err());
    assert!(start.elapsed() < options.timeout);
    assert!(!store.tracked());
    store.close().unwrap();
    let closed = ask(&store, store.get(b"sa", now())).unwrap_err();
    assert!(matches!(closed.problem, Problem::Closed));
    let Target::Single(Host { port, .. }) = options.target else {
        panic!("it is one server");
    };
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}
