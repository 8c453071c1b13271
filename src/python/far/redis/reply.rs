//! What a task gets when it asks a server: something to await, which it may leave.
//!
//! To asyncio it is a future (see `asyncio.isfuture`), without what futures do for each result: one that comes in the
//! round of its loop that reads the server's answers has its task go on in that round, and not in another one.

use super::super::CacheBackendError;
use super::replies::{Here, Made, Replies};
use crate::sync::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::exceptions::asyncio::{CancelledError, InvalidStateError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Whether a method waits for the server, or gives its caller what a task may await; and who then hears that something
/// was done after all, if nobody waits for it any more.
pub(super) enum Later {
    No,
    Yes(Option<Py<PyAny>>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Later {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if given.is_callable() {
            Ok(Self::Yes(Some(given.to_owned().unbind())))
        } else if given.extract::<bool>()? {
            Ok(Self::Yes(None))
        } else {
            Ok(Self::No)
        }
    }
}

/// How many were left by their tasks, and may still be done.
pub(super) type Left = Arc<AtomicUsize>;

/// A reply to come.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Reply {
    running: Py<PyAny>,
    late: Option<Py<PyAny>>,
    /// As asyncio has it: whether a task is about to wait.
    blocking: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Outcome,
    /// Who is called, and in which context.
    waiting: Vec<(Py<PyAny>, Py<PyAny>)>,
    /// What was asked for is done, or will not be.
    is_over: bool,
    /// Nobody waits any more.
    is_left: bool,
    /// Where it counts then, until it is over.
    left: Option<Left>,
}

#[derive(Default)]
enum Outcome {
    #[default]
    Open,
    Brought(Py<PyAny>),
    Failed(PyErr),
    Cancelled(Option<Py<PyAny>>),
}

impl Reply {
    /// One for a task of the running loop. What is done late `late` hears, and counts as `left` until then.
    pub(super) fn new(
        here: &Here<'_>,
        late: Option<Py<PyAny>>,
        left: Option<Left>,
    ) -> PyResult<Py<Self>> {
        let reply = Self {
            running: here.running.clone().unbind(),
            late,
            blocking: AtomicBool::new(false),
            state: Mutex::new(State {
                left,
                ..State::default()
            }),
        };
        Py::new(here.running.py(), reply)
    }

    /// What was asked for is over; whether somebody waits to hear how. If not, whoever is to hear of it has.
    pub(super) fn end(&self) -> bool {
        let mut state = self.state.lock();
        if mem::replace(&mut state.is_over, true) || !state.is_left {
            return true;
        }
        if let Some(left) = state.left.take() {
            left.fetch_sub(1, Relaxed);
        }
        drop(state);
        Python::attach(|py| {
            if let Err(error) = self.tell_late(py) {
                error.write_unraisable(py, None);
            }
        });
        false
    }

    /// What was asked for will be asked for elsewhere, if somebody waits; if nobody does, it is over.
    pub(super) fn move_on(&self) -> bool {
        let mut state = self.state.lock();
        if state.is_left {
            drop(state);
            return self.end();
        }
        state.left = None;
        true
    }

    /// What was asked for is over, and this is how.
    pub(super) fn end_with(
        slf: &Py<Self>,
        py: Python<'_>,
        made: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<()> {
        if slf.get().end() {
            return Self::give(slf, py, made);
        }
        Ok(())
    }

    /// Hands over what `made` makes, to be called in the loop's thread outside its tasks.
    pub(super) fn give(
        slf: &Py<Self>,
        py: Python<'_>,
        made: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<()> {
        let of = slf.get();
        if !of.is_open() {
            return Ok(()); // its task was cancelled
        }
        let outcome = match made(py) {
            Ok(value) => Outcome::Brought(value),
            Err(error) => Outcome::Failed(error),
        };
        let waiting = {
            let mut state = of.state.lock();
            state.outcome = outcome;
            mem::take(&mut state.waiting)
        };
        let mut failed = None;
        for (waiter, context) in waiting {
            let run = context.call_method1(py, intern!(py, "run"), (waiter, slf));
            if let Err(error) = run {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn is_open(&self) -> bool {
        matches!(self.state.lock().outcome, Outcome::Open)
    }

    /// The task does not wait any more.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let mut state = self.state.lock();
        if mem::replace(&mut state.is_left, true) {
            return Ok(());
        }
        if state.is_over {
            drop(state);
            return self.tell_late(py);
        }
        if let Some(left) = &state.left {
            left.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn tell_late(&self, py: Python<'_>) -> PyResult<()> {
        let late = self.late.as_ref();
        late.map_or(Ok(()), |late| late.call0(py).map(drop))
    }

    /// Has `waiter` be called soon.
    fn call_soon(slf: &Bound<'_, Self>, waiter: Py<PyAny>, context: Py<PyAny>) -> PyResult<()> {
        let py = slf.py();
        let named = [(intern!(py, "context"), context)];
        let named = pyo3::types::IntoPyDict::into_py_dict(named, py)?;
        let running = slf.get().running.bind(py);
        running.call_method(intern!(py, "call_soon"), (waiter, slf), Some(&named))?;
        Ok(())
    }
}

#[pymethods]
impl Reply {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        let of = slf.get();
        if of.is_open() {
            of.blocking.store(true, Relaxed);
            return Ok(slf);
        }
        // In a tuple of its own: one that is brought is no arguments.
        Err(PyStopIteration::new_err((of.result(py)?,)))
    }

    /// The exception that its task gets at this place.
    #[pyo3(signature = (kind, value = None, _traceback = None, /))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        self.leave(py)?;
        let error = match value {
            Some(value) if value.is_instance(&kind)? => value,
            Some(value) => kind.call1((value,))?,
            None if kind.is_instance_of::<pyo3::types::PyType>() => kind.call0()?,
            None => kind,
        };
        Err(PyErr::from_value(error))
    }

    /// Its task ends at this place.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.leave(py)
    }

    #[getter(_asyncio_future_blocking)]
    fn blocking(&self) -> bool {
        self.blocking.load(Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.blocking.store(blocking, Relaxed);
    }

    /// As `asyncio.Future.get_loop`.
    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.running.clone_ref(py)
    }

    /// As `asyncio.Future.done`.
    fn done(&self) -> bool {
        !self.is_open()
    }

    /// As `asyncio.Future.cancelled`.
    fn cancelled(&self) -> bool {
        matches!(self.state.lock().outcome, Outcome::Cancelled(_))
    }

    /// As `asyncio.Future.result`.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.state.lock().outcome {
            Outcome::Brought(value) => Ok(value.clone_ref(py)),
            Outcome::Failed(error) => Err(error.clone_ref(py)),
            Outcome::Cancelled(None) => Err(CancelledError::new_err(())),
            Outcome::Cancelled(Some(why)) => Err(CancelledError::new_err((why.clone_ref(py),))),
            Outcome::Open => Err(InvalidStateError::new_err("the reply has not come yet")),
        }
    }

    /// As `asyncio.Future.cancel`.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let waiting = {
            let mut state = slf.get().state.lock();
            if !matches!(state.outcome, Outcome::Open) {
                return Ok(false);
            }
            state.outcome = Outcome::Cancelled(msg);
            mem::take(&mut state.waiting)
        };
        for (waiter, context) in waiting {
            Self::call_soon(slf, waiter, context)?;
        }
        Ok(true)
    }

    /// As `asyncio.Future.add_done_callback`.
    #[pyo3(signature = (callback, *, context = None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        let context = match context {
            Some(context) => context,
            None => COPY
                .import(py, "contextvars", "copy_context")?
                .call0()?
                .unbind(),
        };
        let mut state = slf.get().state.lock();
        if matches!(state.outcome, Outcome::Open) {
            state.waiting.push((callback, context));
            return Ok(());
        }
        drop(state);
        Self::call_soon(slf, callback, context)
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 hands it over by value
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.running)?;
        visit.call(&self.late)?;
        // Nobody has it: whoever does needs the GIL for what could run this.
        if let Some(state) = self.state.try_lock() {
            for (waiter, context) in &state.waiting {
                visit.call(waiter)?;
                visit.call(context)?;
            }
            if let Outcome::Brought(value) = &state.outcome {
                visit.call(value)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let waiting = mem::take(&mut self.state.lock().waiting);
        drop(waiting);
    }
}

/// Who brings a reply from the threads that drive connections. One that is dropped without having done so brings an
/// error: nobody waits for ever.
pub(super) struct Bringer(Option<(Py<Reply>, Py<Replies>)>);

impl Bringer {
    /// Who brings `reply`, among `replies`.
    pub(super) fn new(reply: Py<Reply>, replies: Py<Replies>) -> Self {
        Self(Some((reply, replies)))
    }

    /// Hands over what `made` makes in the loop's thread. Needs no GIL.
    pub(super) fn bring(
        mut self,
        made: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        self.hand_over(Box::new(made));
    }

    fn hand_over(&mut self, made: Made) {
        if let Some((reply, replies)) = self.0.take()
            && reply.get().end()
        {
            replies.get().push(reply, made);
        }
    }
}

impl Drop for Bringer {
    fn drop(&mut self) {
        self.hand_over(Box::new(|_| {
            Err(CacheBackendError::new_err(
                "the request was given up: see what the threads named omnicache-redis have reported",
            ))
        }));
    }
}
