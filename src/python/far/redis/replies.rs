//! Replies on their way to one event loop: all that came since it last looked are handed over at once.
//!
//! The loop watches a pipe. Who brings a reply writes to it if nobody has since the loop last looked, so that a crowd of
//! replies wakes it once, and no thread but the loop's own needs the GIL:
//!
//! 1. A reply is put among those that wait; *then* `told` is set, and the one who set it writes a byte.
//! 2. The loop empties the pipe, *then* clears `told`, *then* takes what waits. Who came before it was cleared is taken;
//!    who comes after it writes again.
//!
//! The other way, too, what a round of the loop asks for goes out together, at its end.

use super::super::CacheBackendError;
use super::lanes::Lanes;
use super::reply::Reply;
use crate::far::redis;
use crate::sync::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyWeakrefReference;
use std::cell::RefCell;
use std::future::Future;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{AcqRel, Relaxed},
};

/// Makes what a task is given, in the thread of its loop.
pub(super) type Made = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Something to be done on the threads that drive connections.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The replies of one loop, which calls this when there are some.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Replies {
    /// What the tasks of this round have asked for. It is handed over together at its end, for waking the thread that does
    /// it takes longer than asking.
    asked: Mutex<Vec<Work>>,
    /// Whether the end of this round has something to send.
    sends: AtomicBool,
    pub(super) lanes: Lanes,
    waiting: Mutex<Vec<(Py<Reply>, Made)>>,
    told: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

thread_local! {
    /// The loop that this thread ran last, and its replies.
    static HERE: RefCell<Option<(Py<PyWeakrefReference>, Py<Replies>)>> = const { RefCell::new(None) };
}

/// The running loop.
pub(super) struct Here<'py> {
    pub(super) running: Bound<'py, PyAny>,
    pub(super) replies: Py<Replies>,
}

impl<'py> Here<'py> {
    /// That of this thread.
    pub(super) fn new(py: Python<'py>) -> PyResult<Self> {
        static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let running = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
        let known = HERE.with_borrow(|here| {
            let (of, replies) = here.as_ref()?;
            let same = of.bind(py).upgrade().is_some_and(|of| of.is(&running));
            same.then(|| replies.clone_ref(py))
        });
        let replies = known.map_or_else(|| Replies::make(&running), Ok)?;
        Ok(Self { running, replies })
    }

    /// Has `work` begin at the end of this round.
    pub(super) fn begin(&self, work: Work) -> PyResult<()> {
        self.replies.get().asked.lock().push(work);
        self.send_soon()
    }

    /// Has what is asked for be sent at the end of this round.
    pub(super) fn send_soon(&self) -> PyResult<()> {
        if !self.replies.get().sends.swap(true, Relaxed) {
            let py = self.running.py();
            let send = self.replies.bind(py).getattr(intern!(py, "send"))?;
            let call_soon = intern!(py, "call_soon");
            self.running.call_method1(call_soon, (send,))?;
        }
        Ok(())
    }
}

impl Replies {
    #[cold]
    fn make(running: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = running.py();
        let (reader, writer) = pipe()?;
        let watched = reader.as_raw_fd();
        let replies = Py::new(
            py,
            Self {
                asked: Mutex::default(),
                sends: AtomicBool::new(false),
                lanes: Lanes::default(),
                waiting: Mutex::default(),
                told: AtomicBool::new(false),
                reader,
                writer,
            },
        )?;
        let call = (watched, replies.clone_ref(py));
        running.call_method1(intern!(py, "add_reader"), call)?;
        let here = (
            PyWeakrefReference::new(running)?.unbind(),
            replies.clone_ref(py),
        );
        let old = HERE.replace(Some(here));
        drop(old);
        Ok(replies)
    }

    /// Has be sent what had to wait for what was left on a lane.
    pub(super) fn go_on(&self, here: &Here<'_>) -> PyResult<()> {
        if self.asked.lock().is_empty() {
            return Ok(());
        }
        here.send_soon()
    }

    pub(super) fn push(&self, reply: Py<Reply>, made: Made) {
        self.waiting.lock().push((reply, made));
        if !self.told.swap(true, AcqRel) {
            // The other end lives as long as this one, and one byte has room.
            let _ = (&self.writer).write(&[1]);
        }
    }
}

#[pymethods]
impl Replies {
    /// Sends what was asked for in this round.
    fn send(&self, py: Python<'_>) -> PyResult<()> {
        self.sends.store(false, Relaxed);
        self.lanes.write(py)?;
        // What was left there may be done late, but not later than what was asked for then.
        if self.lanes.have_left() {
            return Ok(());
        }
        let asked = std::mem::take(&mut *self.asked.lock());
        if asked.is_empty() {
            return Ok(());
        }
        py.detach(|| redis::spawn_all(asked)).map_err(|problem| {
            CacheBackendError::new_err(format!("what a task asked for cannot be done: {problem}"))
        })
    }

    /// Gives the tasks their replies.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        // There is one byte: the pipe is readable, and nobody else reads it.
        let _ = (&self.reader).read(&mut [0])?;
        self.told.swap(false, AcqRel);
        let replies = std::mem::take(&mut *self.waiting.lock());
        all(replies, |(reply, made)| Reply::give(&reply, py, made))
    }
}

/// Does it with each: whatever one task raises (a signal's handler may), the others get their replies.
pub(super) fn all<T>(
    given: impl IntoIterator<Item = T>,
    mut each: impl FnMut(T) -> PyResult<()>,
) -> PyResult<()> {
    let mut failed = None;
    for one in given {
        if let Err(error) = each(one) {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}
