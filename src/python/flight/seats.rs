//! The two who are on board of a flight: the one that runs the loader, and any number that wait.

use std::sync::Arc;
use std::time::Duration;

use crate::sync::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::{CoreFlight, CoreLeader, CoreWaiter, Flight, Flights};
use crate::flight::Landing;

/// How long a blocked thread sleeps before it looks for signals.
const SLICE: Duration = Duration::from_millis(100);

/// Of the states that `Waiter.take()` reports: nothing for this caller.
pub(super) const AGAIN: u8 = 0;
/// The loader's value.
pub(super) const DONE: u8 = 1;
/// The loader's error.
pub(super) const FAILED: u8 = 2;

const ENDED: &str = "this leader has ended its flight";
const LEFT: &str = "this seat has been given up";

/// The right and the duty to run the loader; dropped, it gives the flight up.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct Leader {
    id: u64,
    table: Py<Flights>,
    core: Mutex<Option<CoreLeader>>,
}

impl Leader {
    pub(super) fn new(table: Py<Flights>, core: CoreLeader) -> Self {
        Self {
            id: core.flight().id(),
            table,
            core: Mutex::new(Some(core)),
        }
    }

    fn take(&self) -> Option<CoreLeader> {
        self.core.lock().take()
    }

    /// What `read` takes from the leader, if it has not ended the flight.
    fn with<R>(&self, read: impl FnOnce(&CoreLeader) -> R) -> PyResult<R> {
        self.core
            .lock()
            .as_ref()
            .map(read)
            .ok_or_else(|| PyRuntimeError::new_err(ENDED))
    }
}

#[pymethods]
impl Leader {
    /// The flight's number.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Whether the value may be stored; False once the leader has ended the flight.
    #[getter]
    fn valid(&self) -> bool {
        self.core
            .lock()
            .as_ref()
            .is_some_and(|leader| leader.flight().is_valid())
    }

    /// Whether the flight was taken from the leader: its value comes late.
    #[getter]
    fn retired(&self) -> bool {
        self.core
            .lock()
            .as_ref()
            .is_some_and(|leader| leader.flight().is_retired())
    }

    /// The flight.
    fn flight(&self, py: Python<'_>) -> PyResult<Flight> {
        self.with(|leader| Flight::new(self.table.clone_ref(py), leader.flight()))
    }

    /// A seat for the caller that started the flight.
    fn waiter(&self, py: Python<'_>) -> PyResult<Waiter> {
        let seat = self.with(CoreLeader::waiter)?;
        Ok(Waiter::new(self.table.clone_ref(py), seat))
    }

    /// Hands `value` to all waiters. False if it must not be in the store: take it out again.
    #[pyo3(signature = (value, /))]
    fn finish(&self, value: Py<PyAny>) -> bool {
        self.take().is_some_and(|leader| leader.finish(value))
    }

    /// Hands `error`, in whatever form the waiters expect it, to all waiters.
    #[pyo3(signature = (error, /))]
    fn fail(&self, error: Py<PyAny>) {
        if let Some(leader) = self.take() {
            leader.fail(error);
        }
    }

    /// Gives the flight up; a waiter takes over. Nothing happens if it has ended.
    fn abandon(&self) {
        drop(self.take());
    }

    #[expect(clippy::needless_pass_by_value)] // the protocol's own signature
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.table)
    }
}

/// A seat on a flight; dropped, its caller has left. An empty seat keeps nothing of the flight alive.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct Waiter {
    id: u64,
    table: Py<Flights>,
    core: Mutex<Option<CoreWaiter>>,
}

impl Waiter {
    pub(super) fn new(table: Py<Flights>, core: CoreWaiter) -> Self {
        Self {
            id: core.flight().id(),
            table,
            core: Mutex::new(Some(core)),
        }
    }

    fn core_flight(&self) -> PyResult<Arc<CoreFlight>> {
        let flight = self.core.lock().as_ref().map(|seat| seat.flight().clone());
        flight.ok_or_else(|| PyRuntimeError::new_err(LEFT))
    }
}

#[pymethods]
impl Waiter {
    /// The flight's number.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The flight.
    fn flight(&self, py: Python<'_>) -> PyResult<Flight> {
        Ok(Flight::new(self.table.clone_ref(py), &self.core_flight()?))
    }

    /// Blocks this thread for at most `seconds`, without the GIL; True if the flight has ended.
    #[pyo3(signature = (seconds, /))]
    fn wait(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let flight = self.core_flight()?;
        let mut left = Duration::try_from_secs_f64(seconds).unwrap_or(SLICE);
        loop {
            let slice = left.min(SLICE);
            if py.detach(|| flight.wait(slice)) {
                return Ok(true);
            }
            py.check_signals()?;
            left -= slice;
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// What the flight brought, once, and gives up the seat: `(DONE, value)`, `(FAILED, error)`, or `(AGAIN, None)` if
    /// it is still under way or brought nothing for this caller.
    fn take(&self, py: Python<'_>) -> (u8, Option<Py<PyAny>>) {
        let Some(mut seat) = self.core.lock().take() else {
            return (AGAIN, None);
        };
        match seat.landing() {
            Some(Landing::Done(value)) => (DONE, Some(value.clone_ref(py))),
            Some(Landing::Failed(error)) => (FAILED, Some(error.clone_ref(py))),
            Some(Landing::Again) | None => (AGAIN, None),
        }
    }

    /// Gives up the seat. The last who leaves a flight under way has its pilot told so.
    fn leave(&self) {
        let seat = self.core.lock().take();
        drop(seat);
    }

    #[expect(clippy::needless_pass_by_value)] // the protocol's own signature
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.table)
    }
}
