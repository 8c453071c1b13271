//! The connections of one event loop to the servers of its caches, for the simplest requests of its tasks.
//!
//! The loop watches each of them, and no other thread has to do with it: see [`crate::far::redis::Lane`]. While there is
//! none, or when one ends, everything goes over the common connection.

use super::super::raise;
use super::read::{entries, entry_or_none, slices};
use super::replies::{Here, all};
use super::reply::{Bringer, Left, Reply};
use super::store::Shared;
use super::write::{Owned, written_for};
use crate::far::redis::{self, Answer, Coming, Errand, Way};
use crate::sync::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// So long after one ended, or could not be made, there is no other to the same server.
const PAUSE: Duration = Duration::from_secs(1);

/// What was asked for, to be asked for again where a lane ends.
pub(super) enum Request {
    Get { key: Vec<u8>, now: u64 },
    GetMany { keys: Vec<Vec<u8>>, now: u64 },
    Set(Box<Owned>),
}

/// Who waits for an answer on a lane.
struct Waiting {
    reply: Py<Reply>,
    store: Shared,
    errand: Errand,
    request: Request,
}

/// Those of one loop.
#[derive(Default)]
pub(super) struct Lanes {
    places: Mutex<Vec<Place>>,
    /// Writes that their tasks left, and that may still be done.
    left: Left,
}

/// What there is for one server.
enum Place {
    Coming(Coming),
    Open(Way, Py<Lane>),
    Closed(Way, Instant),
}

/// One of them.
#[pyclass(frozen, module = "omnicache._omnicache")]
struct Lane {
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

impl Request {
    /// What it asks a server.
    fn errand(&self, store: &Shared) -> Result<Option<Errand>, crate::far::FarError> {
        match self {
            Self::Get { key, .. } => store.errand_get(key).map(Some),
            Self::GetMany { keys, .. } => store.errand_get_many(&slices(keys)),
            Self::Set(set) => store.errand_set(&set.as_set(), set.now),
        }
    }

    /// Has the common connection do it.
    pub(super) fn begin(self, here: &Here<'_>, store: Shared, reply: Py<Reply>) -> PyResult<()> {
        let py = here.running.py();
        let bringer = Bringer::new(reply, here.replies.clone_ref(py));
        here.begin(match self {
            Self::Get { key, now } => Box::pin(async move {
                let found = store.get(&key, now).await;
                bringer.bring(move |py| entry_or_none(py, found.map_err(raise)?));
            }),
            Self::GetMany { keys, now } => Box::pin(async move {
                let found = store.get_many(&slices(&keys), now).await;
                bringer.bring(move |py| entries(py, found.map_err(raise)?));
            }),
            Self::Set(set) => Box::pin(async move {
                let written = store.set(&set.as_set(), set.now).await;
                bringer.bring(move |py| written_for(py, written.map_err(raise)?));
            }),
        })
    }
}

/// What a task may await that asks `store` for `request`.
pub(super) fn ask(
    py: Python<'_>,
    store: &Shared,
    request: Request,
    late: Option<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    let here = Here::new(py)?;
    let lanes = &here.replies.get().lanes;
    let errand = request.errand(store).map_err(raise)?;
    if let Some(errand) = errand
        && let Some(lane) = lanes.find(&here, store, &errand)?
    {
        let left = matches!(request, Request::Set(_)).then(|| Arc::clone(&lanes.left));
        let reply = Reply::new(&here, late, left)?;
        let waiting = Waiting {
            reply: reply.clone_ref(py),
            store: Arc::clone(store),
            errand,
            request,
        };
        lane.get().ask(&lane, &here, waiting)?;
        return Ok(reply.into_any());
    }
    let reply = Reply::new(&here, late, None)?;
    request.begin(&here, Arc::clone(store), reply.clone_ref(py))?;
    Ok(reply.into_any())
}

impl Lanes {
    /// The one on which `errand` may go, if there is any at present.
    fn find(&self, here: &Here<'_>, store: &Shared, errand: &Errand) -> PyResult<Option<Py<Lane>>> {
        let py = here.running.py();
        let mut places = self.places.lock();
        let Some(place) = places
            .iter_mut()
            .find(|place| store.goes(errand, place.way()))
        else {
            if let Some(way) = store.way(errand) {
                places.retain(
                    |place| !matches!(place, Place::Closed(_, until) if *until < Instant::now()),
                );
                places.extend(way.connect().map(Place::Coming));
            }
            return Ok(None);
        };
        match place {
            Place::Open(_, lane) => return Ok(Some(lane.clone_ref(py))),
            Place::Closed(way, until) => {
                if *until < Instant::now()
                    && let Some(coming) = way.connect()
                {
                    *place = Place::Coming(coming);
                }
            }
            Place::Coming(coming) => {
                if let Some(lane) = coming.lane() {
                    let way = coming.way().clone();
                    let lane = Lane::new(here, lane)?;
                    *place = Place::Open(way, lane.clone_ref(py));
                    return Ok(Some(lane));
                }
                if !coming.is_coming() {
                    *place = Place::Closed(coming.way().clone(), Instant::now() + PAUSE);
                }
            }
        }
        Ok(None)
    }

    /// Writes what was asked for.
    pub(super) fn write(&self, py: Python<'_>) -> PyResult<()> {
        let places = self.places.lock();
        let asked = places.iter().filter_map(|place| match place {
            Place::Open(_, lane) if lane.get().is_asked.load(Relaxed) => Some(lane.clone_ref(py)),
            _ => None,
        });
        let asked: Vec<_> = asked.collect();
        drop(places);
        all(asked, |lane| lane.get().flush(&lane, &Here::new(py)?))
    }

    /// Whether something that was left may still be done.
    pub(super) fn have_left(&self) -> bool {
        self.left.load(Relaxed) > 0
    }

    /// There is no `lane` any more.
    fn close(&self, lane: &Lane) {
        for place in &mut *self.places.lock() {
            if let Place::Open(way, open) = place
                && std::ptr::eq(open.get(), lane)
            {
                *place = Place::Closed(way.clone(), Instant::now() + PAUSE);
                return;
            }
        }
    }
}

impl Place {
    fn way(&self) -> &Way {
        match self {
            Self::Coming(coming) => coming.way(),
            Self::Open(way, _) | Self::Closed(way, _) => way,
        }
    }
}

impl Lane {
    /// Has the loop watch it.
    fn new(here: &Here<'_>, lane: redis::Lane<Waiting>) -> PyResult<Py<Self>> {
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

    fn ask(&self, slf: &Py<Self>, here: &Here<'_>, waiting: Waiting) -> PyResult<()> {
        let (is_due, until) = {
            let mut lane = self.open.lock();
            let Some(lane) = lane.as_mut() else {
                return waiting.begin(here);
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
    fn flush(&self, slf: &Py<Self>, here: &Here<'_>) -> PyResult<()> {
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
        all(lane.leave(Instant::now()), |(waiting, is_late)| {
            if !is_late {
                return waiting.begin(here);
            }
            let operation = match waiting.request {
                Request::Get { .. } => "get",
                Request::GetMany { .. } => "get_many",
                Request::Set(_) => "set",
            };
            let error = raise(waiting.store.late(&way, operation));
            Reply::end_with(&waiting.reply, py, |_| Err(error))
        })
    }
}

impl Waiting {
    /// Has its task go on with the answers, or the common connection do it if they are not what was expected.
    fn hear(self, here: &Here<'_>, answers: Vec<Answer>) -> PyResult<()> {
        let py = here.running.py();
        match &self.request {
            Request::Get { key, now } => {
                if let Some(found) = self.store.got(&self.errand, key, answers, *now) {
                    return Reply::end_with(&self.reply, py, |py| entry_or_none(py, found));
                }
            }
            Request::GetMany { keys, now } => {
                let keys = slices(keys);
                if let Some(found) = self.store.got_many(&self.errand, &keys, answers, *now) {
                    return Reply::end_with(&self.reply, py, |py| entries(py, found));
                }
            }
            Request::Set(_) => {
                if let Some(written) = self.errand.written(&answers) {
                    return Reply::end_with(&self.reply, py, |py| written_for(py, written));
                }
            }
        }
        self.begin(here)
    }

    /// Has the common connection do it, if somebody still waits.
    fn begin(self, here: &Here<'_>) -> PyResult<()> {
        if self.reply.get().move_on() {
            self.request.begin(here, self.store, self.reply)
        } else {
            Ok(())
        }
    }
}

#[pymethods]
impl Lane {
    /// There is something to read.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let here = Here::new(py)?;
        let mut answered = Vec::new();
        let read = py.detach(|| match self.open.lock().as_mut() {
            Some(lane) => lane.read(&mut answered),
            None => Ok(()),
        });
        let heard = all(answered, |(waiting, answers)| waiting.hear(&here, answers));
        let ended = read.map_or_else(|_: io::Error| self.end(&here), Ok);
        here.replies.get().go_on(&here)?;
        heard.and(ended)
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
        let until = of.open.lock().as_ref().and_then(redis::Lane::until);
        match until {
            Some(until) if until <= Instant::now() => of.end(&here),
            until => of.time(slf.as_unbound(), &here, until),
        }
    }
}
