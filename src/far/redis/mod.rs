//! A far store on a Redis server, or Valkey: one, one that sentinels name, or a cluster.
//!
//! Requests of all threads and tasks share one connection per server and pipeline by themselves. What this module offers,
//! and keeps stable for what is built on it:
//!
//! ```text
//! Options::parse(url)  Options::new(Target)  options.address()
//! RedisStore::open(options, namespace, name)               connects nothing yet
//! store.connect()                                          async, as everything that asks the server; all are Send
//!   get(key, now) get_many(keys, now) generation()
//!   set(&Set, now) -> Written   set_many(&[Set], now) -> Vec<Written>
//!   delete(key, now) delete_many(keys, now) take(key, now) touch(key, fresh_until, expires, now)
//!   invalidate(keys, hard, now) invalidate_tags(tags, hard, now)
//!   scan(prefix, glob, cursor, limit, now) -> Page   count(now) clear() purge(now) stats(now)
//!   lease(key, number, until, now) -> Leased   release(key, token)   leased()
//!   wait(key, timeout)                                     until the lease of another may have ended
//!   tracking(timeout)                                      asks to be told of changes, and waits for that
//! store.get_blocking(key, now) get_many_blocking(keys, now) set_blocking(&Set, now)
//!                                                             for threads that wait; block_on(future) for the rest
//! errand_get(key) errand_get_many(keys) errand_set(&Set, now) -> Errand
//!                                                          for event loops, which have lanes of their own:
//!   way(&errand) goes(&errand, &way)   way.connect() -> Coming -> Lane   lane.ask(&errand, who) write() read()
//!   got(&errand, ..) got_many(..) errand.written(..) late(&way, ..)
//! store.track() tracked() position() changes(since)        changes by others; at once, they ask nobody
//! store.spawn(future) close()                            spawn_all(futures)
//! before_fork() after_fork()
//! ```
//!
//! ```text
//! far store blocking            the face, the same as any far store has it, and for callers that wait
//! read write change scan lease  what it does
//! home tags value               what a process keeps of a store; what is known of tags; what lies under a name
//! keeper watch news             being told of changes
//! route server topology request scripts   requests, and who gets them
//! errand answer stream          the simplest requests, which need not go over the common connection
//! link wire lane                connections: the common one, those of callers that wait, and those of event loops
//! options url name slots process random   what the others are made of
//! ```

mod answer;
mod blocking;
mod change;
mod errand;
mod far;
mod home;
mod keeper;
mod lane;
mod lease;
mod link;
mod name;
mod news;
mod options;
mod process;
mod random;
mod read;
mod request;
mod route;
mod scan;
mod scripts;
mod server;
mod slots;
mod store;
mod stream;
mod tags;
mod topology;
mod url;
mod value;
mod watch;
mod wire;
mod write;

pub use answer::Answer;
pub use errand::Errand;
pub use lane::{Coming, Lane, Way};
pub use options::{Host, Login, Options, PORT, SENTINEL_PORT, Secret, Target, Tls};
pub use process::{after_fork, before_fork, spawn_all};
pub use scan::Stats;
pub use store::RedisStore;
