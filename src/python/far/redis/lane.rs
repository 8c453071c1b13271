//! One connection of one event loop, which watches it.

use super::super::raise;
use super::replies::{Here, all};
use super::reply::Reply;
use super::request::Waiting;
use crate::far::redis;
use crate::sync::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// A connection.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct Lane {
    /// None once it has ended.
    open: Mutex<Option<redis::Lane<Waiting>>>,
    descriptor: RawFd,
    /// Whether somebody has asked since it was last written.
    is_asked: AtomicBool,
    /// Whether the loop tells when there is room to write.
    is_full: AtomicBool,
    /// Whether the loop looks after a while whether somebody waits too long.
    is_timed: AtomicBool,
}

impl Lane {
    /// Has the loop watch it.
    pub(super) fn new(here: &Here<'_>, lane: redis::Lane<Waiting>) -> PyResult<Py<Self>> {
        let py = here.running.py();
        let descriptor = lane.descriptor();
        let lane = Self {
            open: Mutex::new(Some(lane)),
            descriptor,
            is_asked: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            is_timed: AtomicBool::new(false),
        };
        let lane = Py::new(py, lane)?;
        let call = (descriptor, lane.clone_ref(py));
        here.running.call_method1(intern!(py, "add_reader"), call)?;
        Ok(lane)
    }

    /// Whether somebody has asked since it was last written.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Relaxed)
    }

    /// Asks, and has it written at the end of the round at the latest.
    pub(super) fn ask(&self, slf: &Py<Self>, here: &Here<'_>, waiting: Waiting) -> PyResult<()> {
        let (is_due, until) = {
            let mut lane = self.open.lock();
            let Some(lane) = lane.as_mut() else {
                return waiting.begin(here, None);
            };
            lane.ask(waiting, |waiting| &waiting.errand);
            (lane.is_due(), lane.until())
        };
        self.time(slf, here, until)?;
        if is_due && !self.is_full.load(Relaxed) {
            return self.flush(slf, here);
        }
        self.is_asked.store(true, Relaxed);
        here.send_soon()
    }

    /// Writes what was asked for.
    pub(super) fn flush(&self, slf: &Py<Self>, here: &Here<'_>) -> PyResult<()> {
        let py = here.running.py();
        self.is_asked.store(false, Relaxed);
        let written = py.detach(|| {
            let mut lane = self.open.lock();
            let lane = lane.as_mut()?;
            let written = lane.write();
            if written.is_err() {
                lane.end(); // its reader hears of that
            }
            written.ok()
        });
        let is_full = written == Some(false);
        if self.is_full.swap(is_full, Relaxed) == is_full {
            return Ok(());
        }
        if is_full {
            let write = slf.bind(py).getattr(intern!(py, "write"))?;
            let call = (self.descriptor, write);
            here.running.call_method1(intern!(py, "add_writer"), call)?;
        } else {
            let call = (self.descriptor,);
            here.running
                .call_method1(intern!(py, "remove_writer"), call)?;
        }
        Ok(())
    }

    /// Has the loop look at `until`, if somebody waits.
    fn time(&self, slf: &Py<Self>, here: &Here<'_>, until: Option<Instant>) -> PyResult<()> {
        let Some(until) = until else {
            return Ok(());
        };
        if !self.is_timed.swap(true, Relaxed) {
            let py = here.running.py();
            let look = slf.bind(py).getattr(intern!(py, "look"))?;
            let left = until.saturating_duration_since(Instant::now());
            let call = (left.as_secs_f64(), look);
            here.running.call_method1(intern!(py, "call_later"), call)?;
        }
        Ok(())
    }

    /// Reads what there is, and has those go on who were answered.
    fn read(&self, here: &Here<'_>) -> PyResult<()> {
        let py = here.running.py();
        let mut answered = Vec::new();
        let read = py.detach(|| match self.open.lock().as_mut() {
            Some(lane) => lane.read(&mut answered),
            None => Ok(()),
        });
        let heard = all(answered, |(waiting, until, answers)| {
            waiting.hear(here, until, answers)
        });
        let ended = read.map_or_else(|_: io::Error| self.end(here), Ok);
        here.replies.get().go_on(here)?;
        heard.and(ended)
    }

    /// Ends it; those who wait are told so if their time is over, and ask the common connection if not.
    fn end(&self, here: &Here<'_>) -> PyResult<()> {
        let Some(lane) = self.open.lock().take() else {
            return Ok(());
        };
        let py = here.running.py();
        for stop in [intern!(py, "remove_reader"), intern!(py, "remove_writer")] {
            here.running.call_method1(stop, (self.descriptor,))?;
        }
        here.replies.get().lanes.close(self);
        let way = lane.way().clone();
        let now = Instant::now();
        let told = all(lane.leave(), |(waiting, until)| {
            if until > now {
                return waiting.begin(here, Some(until));
            }
            let error = raise(waiting.store.late(&way, waiting.request.operation()));
            Reply::end_with(&waiting.reply, py, |_| Err(error))
        });
        here.replies.get().go_on(here)?;
        told
    }
}

#[pymethods]
impl Lane {
    /// There is something to read.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        self.read(&Here::new(py)?)
    }

    /// There is room to write.
    fn write(slf: &Bound<'_, Self>) -> PyResult<()> {
        let here = Here::new(slf.py())?;
        slf.get().flush(slf.as_unbound(), &here)
    }

    /// Some time has gone.
    fn look(slf: &Bound<'_, Self>) -> PyResult<()> {
        let here = Here::new(slf.py())?;
        let of = slf.get();
        of.is_timed.store(false, Relaxed);
        // What kept the loop from reading for so long may have been one of its tasks.
        let read = of.read(&here);
        let until = of.open.lock().as_ref().and_then(redis::Lane::until);
        read.and(match until {
            Some(until) if until <= Instant::now() => of.end(&here),
            until => of.time(slf.as_unbound(), &here, until),
        })
    }
}
