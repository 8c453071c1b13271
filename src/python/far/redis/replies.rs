//! Replies on their way to one event loop: all that came since it last looked are handed over at once.
//!
//! The loop watches a pipe. Who brings a reply writes to it if nobody has since the loop last looked, so that a crowd of
//! replies wakes it once, and no thread but the loop's own needs the GIL:
//!
//! 1. A reply is put among those that wait; *then* `told` is set, and the one who set it writes a byte.
//! 2. The loop empties the pipe, *then* clears `told`, *then* takes what waits. Who came before it was cleared is taken;
//!    who comes after it writes again.

use super::super::CacheBackendError;
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
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};

/// Makes what a future is given, in the thread of its loop.
type Made = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

struct Reply {
    future: Py<PyAny>,
    made: Made,
}

impl Reply {
    fn give(self, py: Python<'_>) -> PyResult<()> {
        let future = self.future.bind(py);
        if future.call_method0(intern!(py, "done"))?.is_truthy()? {
            return Ok(()); // its task was cancelled
        }
        match (self.made)(py) {
            Ok(value) => future.call_method1(intern!(py, "set_result"), (value,))?,
            Err(error) => future.call_method1(intern!(py, "set_exception"), (error,))?,
        };
        Ok(())
    }
}

/// Something to be done on the threads that drive connections.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The replies of one loop, which calls this when there are some.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Replies {
    /// What the tasks of this round have asked for. It is handed over together at its end, for waking the thread that does
    /// it takes longer than asking.
    asked: Mutex<Vec<Work>>,
    waiting: Mutex<Vec<Reply>>,
    told: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

thread_local! {
    /// The loop that this thread ran last, and its replies.
    static HERE: RefCell<Option<(Py<PyWeakrefReference>, Py<Replies>)>> = const { RefCell::new(None) };
}

/// A future of the running loop, and who brings it a result.
pub(super) struct Promise {
    future: Py<PyAny>,
    replies: Py<Replies>,
}

impl Promise {
    /// One of the running loop; also the future itself, to be handed to Python.
    pub(super) fn new(py: Python<'_>) -> PyResult<(Self, Py<PyAny>)> {
        static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let running = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
        let replies = Replies::of(&running)?;
        let future = running.call_method0(intern!(py, "create_future"))?.unbind();
        let given = future.clone_ref(py);
        Ok((Self { future, replies }, given))
    }

    /// Has `work`, which brings the result, begin at the end of this round of the loop.
    pub(super) fn begin(py: Python<'_>, replies: &Py<Replies>, work: Work) -> PyResult<()> {
        let of = replies.get();
        let first = {
            let mut asked = of.asked.lock();
            asked.push(work);
            asked.len() == 1
        };
        if first {
            static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let running = RUNNING
                .import(py, "asyncio", "get_running_loop")?
                .call0()?;
            let send = replies.bind(py).getattr(intern!(py, "send"))?;
            running.call_method1(intern!(py, "call_soon"), (send,))?;
        }
        Ok(())
    }

    /// Those that it will be among.
    pub(super) fn replies(&self, py: Python<'_>) -> Py<Replies> {
        self.replies.clone_ref(py)
    }

    /// Has the future get what `made` makes in the loop's thread. Needs no GIL.
    pub(super) fn keep(
        self,
        made: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        let Self { future, replies } = self;
        let made = Box::new(made);
        replies.get().push(Reply { future, made });
    }
}

impl Replies {
    /// Those of `running`, a loop that runs in this thread.
    fn of(running: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = running.py();
        let known = HERE.with_borrow(|here| {
            let (of, replies) = here.as_ref()?;
            let same = of.bind(py).upgrade().is_some_and(|of| of.is(running));
            same.then(|| replies.clone_ref(py))
        });
        known.map_or_else(|| Self::make(running), Ok)
    }

    #[cold]
    fn make(running: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        let py = running.py();
        let (reader, writer) = pipe()?;
        let watched = reader.as_raw_fd();
        let replies = Py::new(
            py,
            Self {
                asked: Mutex::new(Vec::new()),
                waiting: Mutex::new(Vec::new()),
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

    fn push(&self, reply: Reply) {
        self.waiting.lock().push(reply);
        if !self.told.swap(true, AcqRel) {
            // The other end lives as long as this one, and one byte has room.
            let _ = (&self.writer).write(&[1]);
        }
    }
}

#[pymethods]
impl Replies {
    /// Hands over what was asked for in this round.
    fn send(&self, py: Python<'_>) -> PyResult<()> {
        let asked = std::mem::take(&mut *self.asked.lock());
        py.detach(|| redis::spawn_all(asked)).map_err(|problem| {
            CacheBackendError::new_err(format!("what a task asked for cannot be done: {problem}"))
        })
    }

    /// Gives the futures their results.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        // There is one byte: the pipe is readable, and nobody else reads it.
        let _ = (&self.reader).read(&mut [0])?;
        self.told.swap(false, AcqRel);
        let replies = std::mem::take(&mut *self.waiting.lock());
        let mut failed = None;
        for reply in replies {
            // Whatever one future raises (a signal's handler may), the others get their results.
            if let Err(error) = reply.give(py) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
