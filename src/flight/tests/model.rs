//! Random steps on flights, held against a naive model after each.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::{Lead, Pilot, Seat, Table, join};
use crate::flight::{Joined, Landing};

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
                        assert_eq!(leader.finish(number), !round.invalid);
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
