//! The seat of one caller on a flight that another runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Flight, Flights, Outcome, Owner, Wake};

/// One caller that waits. Dropping it is leaving.
#[derive(Debug)]
pub struct Waiter<K, T, W: Wake, O: Owner> {
    flights: Arc<Flights<K, T, W, O>>,
    flight: Arc<Flight<K, T, W, O>>,
    late: bool,
    uncounted: bool,
}

/// The outcome as it concerns one waiter.
#[derive(Debug, PartialEq, Eq)]
pub enum Landing<'a, T> {
    /// Here is the value.
    Done(&'a T),
    /// Here is the error.
    Failed(&'a T),
    /// Nothing for you: look into the store, then join again.
    Again,
}

impl<K, T, W: Wake, O: Owner> Waiter<K, T, W, O> {
    /// `late`: the key was invalidated before this caller came, so the value of this flight is too old for it.
    pub(super) fn new(
        flights: Arc<Flights<K, T, W, O>>,
        flight: Arc<Flight<K, T, W, O>>,
        late: bool,
        starter: bool,
    ) -> Self {
        if !late {
            flight.seats.lock().wanting += 1;
        }
        Self {
            flights,
            flight,
            late,
            uncounted: !late && !starter,
        }
    }

    /// The flight it waits for.
    pub fn flight(&self) -> &Arc<Flight<K, T, W, O>> {
        &self.flight
    }

    /// What the flight brought this caller; None while it runs. A caller served by the load of another is counted,
    /// once.
    pub fn landing(&mut self) -> Option<Landing<'_, T>> {
        let landing = match self.flight.outcome.get()? {
            Outcome::Done(value) if !self.late => Landing::Done(value),
            Outcome::Failed(error) if !self.late => Landing::Failed(error),
            _ => return Some(Landing::Again),
        };
        if std::mem::take(&mut self.uncounted) {
            self.flights.coalesced.fetch_add(1, Ordering::Relaxed);
        }
        Some(landing)
    }
}

impl<K, T, W: Wake, O: Owner> Drop for Waiter<K, T, W, O> {
    fn drop(&mut self) {
        if self.late {
            return;
        }
        let owner = {
            let mut seats = self.flight.seats.lock();
            seats.wanting -= 1;
            if seats.wanting == 0 {
                seats.owner.clone()
            } else {
                None
            }
        };
        if let Some(owner) = owner {
            owner.unwanted();
        }
    }
}
