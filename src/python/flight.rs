//! Flights as Python sees them: who leads, who waits, and which wait would never end.
//!
//! `Flights` is the one that shows the garbage collector what its running flights hold; the other classes hold the
//! Python object `Flights` and show that, so a flight's objects are never counted twice, and never cleared while one
//! of the others is alive.

mod seats;

use std::sync::{Arc, Weak};

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::key::{Key, KeyRef};
use crate::flight::{self, Joined, Owner, Wake};
use seats::{Leader, Waiter};

/// A callable that tells one event loop to look.
#[derive(Debug)]
struct Bell(Py<PyAny>);

impl Wake for Bell {
    fn wake(self) {
        // Without an interpreter there is nobody to wake.
        Python::try_attach(|py| {
            if let Err(error) = self.0.call0(py) {
                error.write_unraisable(py, Some(self.0.bind(py)));
            }
        });
    }
}

/// The leader as the others see it: its thread, and the object that stands for its task if it is one.
#[derive(Debug)]
struct Pilot {
    thread: u64,
    object: Option<Py<PyAny>>,
}

impl Owner for Pilot {
    fn unwanted(&self) {
        let Some(object) = &self.object else { return };
        Python::try_attach(|py| {
            if let Err(error) = object.call_method0(py, "unwanted") {
                error.write_unraisable(py, Some(object.bind(py)));
            }
        });
    }
}

type Core = flight::Flights<Key, Py<PyAny>, Bell, Pilot>;
type CoreFlight = flight::Flight<Key, Py<PyAny>, Bell, Pilot>;
type CoreLeader = flight::Leader<Key, Py<PyAny>, Bell, Pilot>;
type CoreWaiter = flight::Waiter<Key, Py<PyAny>, Bell, Pilot>;

/// The loads of one cache that are under way, at most one per key.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Flights {
    core: Arc<Core>,
}

impl Flights {
    /// Keeps the value that is being loaded for a key out of the store; whether there is such a load.
    pub(super) fn forbid(&self, key: &KeyRef<'_>) -> bool {
        self.core.invalidate(key.hash(), |other| key.same(other))
    }

    /// Keeps the values of those running loads out of the store whose key `matches`. It is asked outside every lock.
    pub(super) fn forbid_some(
        &self,
        mut matches: impl FnMut(&Key) -> PyResult<bool>,
    ) -> PyResult<()> {
        for flight in self.core.running().into_iter().chain(self.core.late()) {
            if matches(flight.key())? {
                flight.invalidate();
            }
        }
        Ok(())
    }

    /// Keeps the values of all running loads out of the store; how many there are.
    pub(super) fn forbid_all(&self) -> usize {
        let running = self.core.running();
        for flight in running.iter().chain(&self.core.late()) {
            flight.invalidate();
        }
        running.len()
    }
}

#[pymethods]
impl Flights {
    #[new]
    pub(super) fn new() -> Self {
        Self {
            core: Arc::default(),
        }
    }

    /// Boards the flight of `key`, or starts it. `thread` is the caller's; `pilot` is None for a caller that would run
    /// the loader in its own thread, else an object with a method `unwanted()`.
    #[pyo3(signature = (key, thread, pilot=None, /))]
    fn join<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        thread: u64,
        pilot: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let wanted = KeyRef::of(key)?;
        let (hash, key) = (wanted.hash(), wanted.to_key()?);
        let owner = Pilot {
            thread,
            object: pilot,
        };
        let core = &slf.get().core;
        let table = slf.clone().unbind();
        Ok(
            match core.join(hash, |other| wanted.same(other), key, owner) {
                Joined::Lead(core) => Leader::new(table, core).into_pyobject(py)?.into_any(),
                Joined::Follow(core) => Waiter::new(table, core).into_pyobject(py)?.into_any(),
            },
        )
    }

    /// Keeps the value that is being loaded for `key` out of the store; True if there is such a load.
    #[pyo3(signature = (key, /))]
    fn invalidate(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.forbid(&KeyRef::of(key)?))
    }

    /// Keeps the values of all running loads out of the store; how many there are.
    fn invalidate_all(&self) -> usize {
        self.forbid_all()
    }

    /// The flights that are running, each with its `key` and `invalidate()`.
    fn running(slf: &Bound<'_, Self>) -> Vec<Flight> {
        slf.get()
            .core
            .running()
            .iter()
            .map(|core| Flight::new(slf.clone().unbind(), core))
            .collect()
    }

    /// How many callers were served by a load that another caller had started.
    #[getter]
    fn coalesced(&self) -> u64 {
        self.core.coalesced()
    }

    /// Sets `coalesced` to zero.
    fn reset_coalesced(&self) {
        self.core.reset_coalesced();
    }

    fn __len__(&self) -> usize {
        self.core.len()
    }

    // Skipping what another thread has locked makes the collector believe that it is in use, which it is.
    #[expect(clippy::needless_pass_by_value)] // the protocol's own signature
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let mut result = Ok(());
        self.core.try_inspect(|flight| {
            flight.try_inspect(|pilot, bells| {
                let pilot = pilot.and_then(|pilot| pilot.object.as_ref());
                let objects = std::iter::once(flight.key().object()).chain(pilot);
                for object in objects.chain(bells.iter().map(|bell| &bell.0)) {
                    if result.is_ok() {
                        result = visit.call(object);
                    }
                }
            });
        });
        result
    }

    fn __clear__(&self) {
        for flight in self.core.drain() {
            drop(flight.strip());
        }
    }
}

/// One load under way, seen without a seat on it. It keeps neither the flight nor what that brings alive: an error
/// holds the frames it passed, and those may hold this.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Flight {
    id: u64,
    table: Py<Flights>,
    core: Weak<CoreFlight>,
}

impl Flight {
    fn new(table: Py<Flights>, core: &Arc<CoreFlight>) -> Self {
        Self {
            id: core.id(),
            table,
            core: Arc::downgrade(core),
        }
    }

    fn owner(&self) -> Option<Arc<Pilot>> {
        self.core.upgrade()?.owner()
    }
}

#[pymethods]
impl Flight {
    /// The number that no other flight of this process has.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The key that is being loaded; None once nobody is on board.
    #[getter]
    fn key(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.core.upgrade()?.key().shown(py).ok()
    }

    /// The object given by the leader; None if a thread leads or the flight has ended.
    #[getter]
    fn pilot(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.owner()?
            .object
            .as_ref()
            .map(|object| object.clone_ref(py))
    }

    /// The thread in which the loader runs; None if the flight has ended.
    #[getter]
    fn thread(&self) -> Option<u64> {
        self.owner().map(|owner| owner.thread)
    }

    /// Whether the load is under way.
    #[getter]
    fn running(&self) -> bool {
        self.core.upgrade().is_some_and(|core| core.is_running())
    }

    /// Whether the value may be stored.
    #[getter]
    fn valid(&self) -> bool {
        self.core.upgrade().is_some_and(|core| core.is_valid())
    }

    /// How many callers want the value.
    #[getter]
    fn wanting(&self) -> usize {
        self.core.upgrade().map_or(0, |core| core.wanting())
    }

    /// Keeps the value of this load out of the store.
    fn invalidate(&self) {
        if let Some(core) = self.core.upgrade() {
            core.invalidate();
        }
    }

    /// Ends the flight without its leader, so that one of the waiters takes over; False if it has ended.
    fn retire(&self) -> bool {
        self.core
            .upgrade()
            .is_some_and(|core| self.table.get().core.retire(&core))
    }

    /// Has `bell` called once when the flight ends, from any thread; False if it has ended.
    #[pyo3(signature = (bell, /))]
    fn attach(&self, bell: Py<PyAny>) -> bool {
        self.core
            .upgrade()
            .is_some_and(|core| core.attach(Bell(bell)).is_ok())
    }

    #[expect(clippy::needless_pass_by_value)] // the protocol's own signature
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.table)
    }
}

/// Adds the classes of this file to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("AGAIN", seats::AGAIN)?;
    module.add("DONE", seats::DONE)?;
    module.add("FAILED", seats::FAILED)?;
    module.add_class::<Flights>()?;
    module.add_class::<Flight>()?;
    module.add_class::<Leader>()?;
    module.add_class::<Waiter>()?;
    module.add_function(wrap_pyfunction!(flights_forked, module)?)
}

/// Makes every flight that runs now a thing of the parent process: to be called in a child after a fork.
#[pyfunction]
fn flights_forked() {
    flight::forked();
}
