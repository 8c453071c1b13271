//! Who waits for whom, as Python asks it: see `crate::flight::waits`.

use std::sync::{Arc, LazyLock};

use crate::sync::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::flight;
use crate::flight::waits::{Node, Refusal, Waits};

type Label = Arc<Py<PyAny>>;

/// One for the process: a circle may go through several caches.
static WAITS: LazyLock<Waits<Label>> = LazyLock::new(Waits::default);

/// A wait under way, until `end()` or until it is dropped.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Wait {
    edges: Mutex<Vec<(Node, u64)>>,
}

impl Wait {
    fn new(edges: Vec<(Node, u64)>) -> Self {
        Self {
            edges: Mutex::new(edges),
        }
    }
}

#[pymethods]
impl Wait {
    /// The wait is over.
    fn end(&self) {
        let edges = std::mem::take(&mut *self.edges.lock());
        for (from, serial) in edges {
            drop(WAITS.remove(from, serial));
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.end();
    }
}

/// Begins a wait for the flight `to`, by a loader of the flight `inside` (0 for none) that `label` names in errors,
/// which blocks `thread` (0 for a task, which blocks none).
///
/// A `Wait`; or None if the flight needs the thread that would be blocked; or, if the loader would wait for itself,
/// the labels of the flights that lead from `to` back to it, its own left out.
#[pyfunction]
#[pyo3(signature = (to, inside, label, thread, /))]
fn try_wait(
    py: Python<'_>,
    to: u64,
    inside: u64,
    label: Py<PyAny>,
    thread: u64,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    let label = Arc::new(label);
    let nodes = [
        (inside, Node::Flight(inside)),
        (thread, Node::Thread(thread)),
    ];
    let from: Vec<_> = nodes
        .into_iter()
        .filter(|(id, _)| *id != 0)
        .map(|(_, node)| (node, label.clone()))
        .collect();
    match WAITS.try_add(&from, to) {
        Ok(serials) => {
            let edges = from.iter().map(|(node, _)| *node).zip(serials).collect();
            Ok(Some(Wait::new(edges).into_pyobject(py)?.into_any()))
        }
        Err(Refusal::OwnThread) => Ok(None),
        Err(Refusal::Circle(labels)) => {
            let labels = labels.iter().map(|label| label.clone_ref(py));
            Ok(Some(
                PyList::new(py, labels.collect::<Vec<_>>())?.into_any(),
            ))
        }
    }
}

/// Records that the flight `inside` waits for `to`, a flight that it has just started itself.
#[pyfunction]
#[pyo3(signature = (to, inside, label, /))]
fn add_wait(to: u64, inside: u64, label: Py<PyAny>) -> Wait {
    let from = Node::Flight(inside);
    Wait::new(vec![(
        from,
        WAITS.add(from, Arc::new(label), Node::Flight(to)),
    )])
}

/// Records that the flight `inside`, which `label` names in errors, needs the running thread `thread`.
#[pyfunction]
#[pyo3(signature = (inside, label, thread, /))]
fn add_need(inside: u64, label: Py<PyAny>, thread: u64) -> Wait {
    let from = Node::Flight(inside);
    Wait::new(vec![(
        from,
        WAITS.add(from, Arc::new(label), Node::Thread(thread)),
    )])
}

/// How many flights and threads wait for something.
#[pyfunction]
fn waits_len() -> usize {
    WAITS.len()
}

/// A number that no flight of this process has: for a load without a flight.
#[pyfunction]
fn new_flight_id() -> u64 {
    flight::new_id()
}

/// Adds the functions of this file to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Wait>()?;
    module.add_function(wrap_pyfunction!(try_wait, module)?)?;
    module.add_function(wrap_pyfunction!(add_wait, module)?)?;
    module.add_function(wrap_pyfunction!(add_need, module)?)?;
    module.add_function(wrap_pyfunction!(waits_len, module)?)?;
    module.add_function(wrap_pyfunction!(new_flight_id, module)?)
}
