//! What a task gets when it asks a server: something to await, which it may leave.

use super::replies::{Promise, Work};
use crate::sync::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use std::sync::Arc;

/// Who is to know that something was done after all, if its task did not wait.
enum Waiting {
    Yes,
    No(Py<PyAny>),
    Over,
}

/// A reply to come.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Reply {
    future: Py<PyAny>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who brings it.
pub(super) struct Bringer {
    promise: Promise,
    waiting: Arc<Mutex<Waiting>>,
}

impl Reply {
    /// One for a task of the running loop.
    pub(super) fn new(py: Python<'_>) -> PyResult<(Self, Bringer)> {
        let (promise, future) = Promise::new(py)?;
        let waiting = Arc::new(Mutex::new(Waiting::Yes));
        let bringer = Bringer {
            promise,
            waiting: Arc::clone(&waiting),
        };
        Ok((Self { future, waiting }, bringer))
    }
}

impl Bringer {
    /// Has the work that `make` makes of this begin, with all that the tasks of this round of the loop ask for.
    pub(super) fn begin(
        self,
        py: Python<'_>,
        make: impl FnOnce(Self) -> Work,
    ) -> PyResult<()> {
        let replies = self.promise.replies(py);
        Promise::begin(py, &replies, make(self))
    }

    /// Hands over what `made` makes in the loop's thread.
    pub(super) fn bring(
        self,
        made: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        let before = std::mem::replace(&mut *self.waiting.lock(), Waiting::Over);
        match before {
            Waiting::No(late) => Python::attach(|py| {
                if let Err(error) = late.call0(py) {
                    error.write_unraisable(py, None);
                }
            }),
            Waiting::Yes | Waiting::Over => self.promise.keep(made),
        }
    }
}

#[pymethods]
impl Reply {
    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.future.bind(py).call_method0(intern!(py, "__await__"))
    }

    /// The task does not wait any more; `late` hears when what it asked for is done, which may be at once.
    fn leave(&self, py: Python<'_>, late: Py<PyAny>) -> PyResult<()> {
        let future = self.future.bind(py);
        let is = |what| future.call_method0(what)?.is_truthy();
        if is(intern!(py, "done"))? && !is(intern!(py, "cancelled"))? {
            return Ok(()); // it came, if only as an error
        }
        let mut waiting = self.waiting.lock();
        if matches!(*waiting, Waiting::Yes) {
            *waiting = Waiting::No(late);
            return Ok(());
        }
        drop(waiting);
        late.call0(py).map(drop)
    }
}
