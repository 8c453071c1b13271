//! The right and the duty to run the loader of one flight.

use std::sync::Arc;

use super::{Flight, Flights, Outcome, Owner, Waiter, Wake};

/// Held by whoever runs the loader. Dropped without an end, it abandons the flight and the waiters start over.
#[derive(Debug)]
pub struct Leader<K, T, W: Wake, O: Owner> {
    flights: Arc<Flights<K, T, W, O>>,
    flight: Arc<Flight<K, T, W, O>>,
}

impl<K, T, W: Wake, O: Owner> Leader<K, T, W, O> {
    pub(super) fn new(flights: Arc<Flights<K, T, W, O>>, flight: Arc<Flight<K, T, W, O>>) -> Self {
        Self { flights, flight }
    }

    /// The flight it leads.
    pub fn flight(&self) -> &Arc<Flight<K, T, W, O>> {
        &self.flight
    }

    /// A seat for the caller that started the flight, when the loader runs apart from it.
    pub fn waiter(&self) -> Waiter<K, T, W, O> {
        Waiter::new(self.flights.clone(), self.flight.clone(), false, true)
    }

    /// Hands the value to every waiter. The answer says whether it may be in the store: false if the key was
    /// invalidated meanwhile, and then a leader that stored it takes it out again.
    pub fn finish(self, value: T) -> bool {
        let late = self.flights.end(&self.flight, Outcome::Done(value));
        let valid = self.flight.is_valid();
        drop(late);
        valid
    }

    /// Hands the error to every waiter that is there now.
    pub fn fail(self, error: T) {
        let late = self.flights.end(&self.flight, Outcome::Failed(error));
        drop(late);
    }

    /// Sends the waiters away to start over; the same as dropping the leader.
    pub fn abandon(self) {}
}

impl<K, T, W: Wake, O: Owner> Drop for Leader<K, T, W, O> {
    fn drop(&mut self) {
        if self.flight.is_running() {
            let ended = self.flights.end(&self.flight, Outcome::Abandoned);
            drop(ended);
        }
    }
}
