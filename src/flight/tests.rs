//! Flights alone, in threads, and against a naive model.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use proptest::prelude::*;

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
    assert!(!leader.flight().is_valid());
    assert!(!leader.finish(1));
    assert_eq!(
        flights.len(),
        1,
        "the late leader leaves the next flight alone"
    );
    assert!(next.finish(2));
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

/// What the model knows of one waiter.
#[derive(Debug)]
struct Guest {
    seat: Seat,
    key: u8,
    round: usize,
    late: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Join(u8),
    Leave(usize),
    Finish(u8),
    Fail(u8),
    Abandon(u8),
    Retire(u8),
    Invalidate(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..3_u8;
    let step = prop_oneof![
        6 => key.clone().prop_map(Step::Join),
        2 => (0..8_usize).prop_map(Step::Leave),
        2 => key.clone().prop_map(Step::Finish),
        1 => key.clone().prop_map(Step::Fail),
        1 => key.clone().prop_map(Step::Abandon),
        1 => key.clone().prop_map(Step::Retire),
        2 => key.prop_map(Step::Invalidate),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Done(u32),
    Failed(u32),
    Again,
}

/// One flight as the model sees it.
#[derive(Debug)]
struct Round {
    key: u8,
    leader: Option<Lead>,
    pilot: Arc<Pilot>,
    invalid: bool,
    end: Option<End>,
}

#[derive(Debug, Default)]
struct Model {
    flights: Table,
    rounds: Vec<Round>,
    guests: Vec<Guest>,
    served: u64,
}

impl Model {
    fn running(&self, key: u8) -> Option<usize> {
        self.rounds
            .iter()
            .position(|round| round.key == key && round.end.is_none())
    }

    fn apply(&mut self, step: Step, number: u32) {
        match step {
            Step::Join(key) => match (join(&self.flights, key), self.running(key)) {
                (Joined::Lead(leader), None) => {
                    let pilot = leader.flight().owner().unwrap();
                    let round = Round {
                        key,
                        leader: Some(leader),
                        pilot,
                        invalid: false,
                        end: None,
                    };
                    self.rounds.push(round);
                }
                (Joined::Follow(seat), Some(round)) => {
                    let late = self.rounds[round].invalid;
                    self.guests.push(Guest {
                        seat,
                        key,
                        round,
                        late,
                    });
                }
                (joined, running) => panic!("{joined:?} but the model has {running:?}"),
            },
            Step::Leave(at) if at < self.guests.len() => {
                let guest = self.guests.swap_remove(at);
                let round = guest.round;
                let others = self.guests.iter().any(|g| g.round == round && !g.late);
                let last = !guest.late && !others && self.rounds[round].end.is_none();
                let before = self.rounds[round].pilot.0.load(Ordering::SeqCst);
                drop(guest);
                let told = self.rounds[round].pilot.0.load(Ordering::SeqCst) - before;
                assert_eq!(told, usize::from(last));
            }
            Step::Leave(_) => {}
            Step::Finish(key) | Step::Fail(key) | Step::Abandon(key) | Step::Retire(key) => {
                let Some(at) = self.running(key) else { return };
                let round = &mut self.rounds[at];
                let leader = round.leader.take().unwrap();
                round.end = Some(match step {
                    Step::Finish(_) => {
                        assert_eq!(leader.finish(number), !round.invalid);
                        End::Done(number)
                    }
                    Step::Fail(_) => {
                        leader.fail(number);
                        End::Failed(number)
                    }
                    Step::Retire(_) => {
                        assert!(self.flights.retire(&leader.flight().clone()));
                        assert!(!leader.finish(number));
                        End::Again
                    }
                    _ => {
                        leader.abandon();
                        End::Again
                    }
                });
            }
            Step::Invalidate(key) => {
                let hit = self.flights.invalidate(u32::from(key / 2), |k| *k == key);
                let at = self.running(key);
                assert_eq!(hit, at.is_some());
                if let Some(at) = at {
                    self.rounds[at].invalid = true;
                }
            }
        }
    }

    /// Every waiter sees the end of its own flight, and those who are done get off.
    fn validate(&mut self) {
        assert_eq!(
            self.flights.len(),
            self.rounds.iter().filter(|r| r.end.is_none()).count()
        );
        for guest in &mut self.guests {
            assert_eq!(*guest.seat.flight().key(), guest.key);
            let expected = match self.rounds[guest.round].end {
                Some(End::Done(_) | End::Failed(_)) if guest.late => Some(End::Again),
                end => end,
            };
            let seen = guest.seat.landing().map(|landing| match landing {
                Landing::Done(value) => End::Done(*value),
                Landing::Failed(error) => End::Failed(*error),
                Landing::Again => End::Again,
            });
            assert_eq!(seen, expected);
            self.served += u64::from(matches!(seen, Some(End::Done(_) | End::Failed(_))));
        }
        let rounds = &self.rounds;
        self.guests
            .retain(|guest| rounds[guest.round].end.is_none());
        assert_eq!(self.flights.coalesced(), self.served);
    }
}

proptest! {
    #[test]
    fn flights_equal_the_model(steps in steps()) {
        let mut model = Model::default();
        for (number, step) in (0..).zip(steps) {
            model.apply(step, number);
            model.validate();
        }
    }
}
