//! Flights alone and in threads; `model` holds them against a naive model.

mod model;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use super::waits::{Node, Refusal, Waits};
use super::{Flights, Joined, Landing, Leader, Owner, Waiter, Wake};

#[derive(Debug)]
struct Bell(Arc<AtomicUsize>);
impl Wake for Bell {
    fn wake(self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone, Default)]
struct Pilot(Arc<AtomicUsize>);
impl Owner for Pilot {
    fn unwanted(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Table = Arc<Flights<u8, u32, Bell, Pilot>>;
type Lead = Leader<u8, u32, Bell, Pilot>;
type Seat = Waiter<u8, u32, Bell, Pilot>;

const LONG: Duration = Duration::from_mins(1);

fn join(flights: &Table, key: u8) -> Joined<u8, u32, Bell, Pilot> {
    // Two keys to a hash, so that buckets hold more than one flight.
    flights.join(u32::from(key / 2), |k| *k == key, key, Pilot::default())
}

fn lead(flights: &Table, key: u8) -> Lead {
    match join(flights, key) {
        Joined::Lead(leader) => leader,
        Joined::Follow(_) => panic!("somebody leads {key}"),
    }
}

fn follow(flights: &Table, key: u8) -> Seat {
    match join(flights, key) {
        Joined::Follow(waiter) => waiter,
        Joined::Lead(_) => panic!("nobody leads {key}"),
    }
}

#[test]
fn a_value_goes_to_those_who_wait_and_the_flight_is_gone() {
    let flights = Table::default();
    let leader = lead(&flights, 1);
    let mut waiter = follow(&flights, 1);
    let mut starter = leader.waiter();
    assert_eq!(waiter.landing(), None);
    assert!(!waiter.flight().wait(Duration::ZERO));
    assert!(leader.finish(7));
    assert!(waiter.flight().wait(Duration::ZERO));
    assert_eq!(waiter.landing(), Some(Landing::Done(&7)));
    assert_eq!(waiter.landing(), Some(Landing::Done(&7)));
    assert_eq!(starter.landing(), Some(Landing::Done(&7)));
    assert_eq!((flights.coalesced(), flights.len()), (1, 0));
    drop(lead(&flights, 1));
}

#[test]
fn an_error_goes_to_those_who_wait_and_to_no_one_later() {
    let flights = Table::default();
    let leader = lead(&flights, 1);
    let mut waiter = follow(&flights, 1);
    leader.fail(9);
    assert_eq!(waiter.landing(), Some(Landing::Failed(&9)));
    drop(lead(&flights, 1));
}

#[test]
fn a_dropped_leader_sends_everyone_to_start_over() {
    let flights = Table::default();
    let rung = Arc::new(AtomicUsize::new(0));
    let leader = lead(&flights, 1);
    let mut waiter = follow(&flights, 1);
    waiter.flight().attach(Bell(rung.clone())).unwrap();
    drop(leader);
    assert_eq!(rung.load(Ordering::SeqCst), 1);
    assert_eq!(waiter.landing(), Some(Landing::Again));
    assert!(waiter.flight().attach(Bell(rung)).is_err());
    lead(&flights, 1).abandon();
    assert!(flights.is_empty());
    assert_eq!(flights.coalesced(), 0);
}

#[test]
fn keys_of_one_hash_have_flights_of_their_own() {
    let flights = Table::default();
    let (two, three) = (lead(&flights, 2), lead(&flights, 3));
    let mut waiter = follow(&flights, 3);
    assert_ne!(two.flight().id(), three.flight().id());
    two.finish(2);
    assert_eq!(waiter.landing(), None);
    three.finish(3);
    assert_eq!(waiter.landing(), Some(Landing::Done(&3)));
}

#[test]
fn an_invalidated_load_serves_those_who_came_before_and_is_not_stored() {
    let flights = Table::default();
    let leader = lead(&flights, 1);
    let mut before = follow(&flights, 1);
    assert!(flights.invalidate(0, |k| *k == 1));
    assert!(!flights.invalidate(0, |k| *k == 0));
    let mut after = follow(&flights, 1);
    assert!(!leader.flight().is_valid());
    assert_eq!(leader.flight().wanting(), 1);
    assert!(!leader.finish(5));
    assert_eq!(before.landing(), Some(Landing::Done(&5)));
    assert_eq!(after.landing(), Some(Landing::Again));
    assert_eq!(flights.coalesced(), 1);
}

#[test]
fn the_owner_hears_when_the_last_who_wants_the_value_leaves() {
    let flights = Table::default();
    let leader = lead(&flights, 1);
    let owner = leader.flight().owner().unwrap();
    let (first, second) = (leader.waiter(), follow(&flights, 1));
    leader.flight().invalidate();
    let late = follow(&flights, 1);
    drop(first);
    drop(late);
    assert_eq!(owner.0.load(Ordering::SeqCst), 0);
    drop(second);
    assert_eq!(owner.0.load(Ordering::SeqCst), 1);
    // It still flies: who comes now does not start a second load beside it.
    drop(follow(&flights, 1));
    let last = leader.waiter();
    leader.finish(1);
    drop(last);
    assert_eq!(
        owner.0.load(Ordering::SeqCst),
        1,
        "an ended flight bothers nobody"
    );
}

#[test]
fn a_retired_leader_comes_too_late() {
    let flights = Table::default();
    let leader = lead(&flights, 1);
    let mut waiter = follow(&flights, 1);
    let flight = waiter.flight().clone();
    assert!(flights.retire(&flight));
    assert!(!flights.retire(&flight));
    assert_eq!(waiter.landing(), Some(Landing::Again));
    let next = lead(&flights, 1);
    assert!(leader.flight().is_retired() && leader.flight().is_valid());
    assert!(flights.invalidate(0, |k| *k == 1));
    assert!(!leader.flight().is_valid(), "an invalidation reaches it");
    assert!(!next.flight().is_valid());
    assert!(!leader.finish(1));
    assert_eq!(
        flights.len(),
        1,
        "the late leader leaves the next flight alone"
    );
    assert!(!next.finish(2));
    drop((waiter, flight));
    assert!(flights.late().is_empty());
}

#[test]
fn sixteen_threads_share_each_load() {
    let flights = Table::default();
    let (inside, loads) = (AtomicBool::new(false), AtomicUsize::new(0));
    let barrier = Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for round in 0..200_u32 {
                    barrier.wait();
                    match join(&flights, 1) {
                        Joined::Lead(leader) => {
                            assert!(!inside.swap(true, Ordering::SeqCst), "loads overlap");
                            loads.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.store(false, Ordering::SeqCst);
                            assert!(leader.finish(round));
                        }
                        Joined::Follow(mut waiter) => {
                            assert!(waiter.flight().wait(LONG));
                            assert_eq!(waiter.landing(), Some(Landing::Done(&round)));
                        }
                    }
                    barrier.wait();
                }
            });
        }
    });
    let total = loads.load(Ordering::SeqCst) as u64 + flights.coalesced();
    assert_eq!((total, flights.len()), (16 * 200, 0));
}

#[test]
fn leadership_passes_on_until_somebody_finishes() {
    let flights = Table::default();
    let attempts = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    match join(&flights, 1) {
                        Joined::Lead(leader) => {
                            if attempts.fetch_add(1, Ordering::SeqCst) < 5 {
                                drop(leader);
                            } else {
                                leader.finish(1);
                                return;
                            }
                        }
                        Joined::Follow(mut waiter) => {
                            assert!(waiter.flight().wait(LONG), "nobody is stranded");
                            if matches!(waiter.landing(), Some(Landing::Done(_))) {
                                return;
                            }
                        }
                    }
                }
            });
        }
    });
    assert!(flights.is_empty());
}

#[test]
fn a_circle_of_waits_is_refused_where_it_would_close() {
    let waits = Waits::default();
    let (a, b, c) = (Node::Flight(1), Node::Flight(2), Node::Flight(3));
    let first = waits.try_add(&[(a, "a")], 2).unwrap();
    waits.try_add(&[(b, "b")], 3).unwrap();
    assert_eq!(
        waits.try_add(&[(c, "c")], 1),
        Err(Refusal::Circle(vec!["a", "b"]))
    );
    assert_eq!(waits.try_add(&[(a, "a")], 1), Err(Refusal::Circle(vec![])));
    assert_eq!(waits.remove(a, first[0]), Some("a"));
    assert_eq!(waits.remove(a, first[0]), None);
    assert!(waits.try_add(&[(c, "c")], 1).is_ok());
    assert_eq!(waits.len(), 2);
}

#[test]
fn a_thread_is_kept_from_blocking_what_it_waits_for() {
    let waits = Waits::default();
    let loop_thread = Node::Thread(9);
    waits.add(Node::Flight(1), "f", loop_thread);
    // The flight runs on this very thread.
    assert_eq!(
        waits.try_add(&[(loop_thread, "")], 1),
        Err(Refusal::OwnThread)
    );
    // Another thread's flight waits for it.
    waits
        .try_add(&[(Node::Flight(2), "g"), (Node::Thread(8), "")], 1)
        .unwrap();
    assert_eq!(
        waits.try_add(&[(loop_thread, "")], 2),
        Err(Refusal::OwnThread)
    );
    // The other order: the loop's thread is blocked first.
    let waits = Waits::default();
    waits.add(Node::Flight(1), "f", loop_thread);
    waits.try_add(&[(loop_thread, "")], 2).unwrap();
    assert_eq!(
        waits.try_add(&[(Node::Flight(2), "g")], 1),
        Err(Refusal::OwnThread)
    );
    assert!(!waits.is_empty());
}
