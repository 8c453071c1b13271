//! The connections of one event loop to the servers of its caches, for the simplest requests of its tasks.
//!
//! The loop watches each of them, and no other thread has to do with it: see [`crate::far::redis::Lane`]. While there is
//! none, or when one ends, everything goes over the common connection.

use super::lane::Lane;
use super::replies::{Here, all};
use super::reply::Left;
use super::store::Shared;
use crate::far::redis::{Coming, Errand, Way};
use crate::sync::Mutex;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// So long after one ended, or could not be made, there is no other to the same server.
const PAUSE: Duration = Duration::from_secs(1);

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

impl Lanes {
    /// The one on which `errand` may go, if there is any at present.
    pub(super) fn find(
        &self,
        here: &Here<'_>,
        store: &Shared,
        errand: &Errand,
    ) -> PyResult<Option<Py<Lane>>> {
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
            Place::Open(_, lane) if lane.get().is_asked() => Some(lane.clone_ref(py)),
            _ => None,
        });
        let asked: Vec<_> = asked.collect();
        drop(places);
        all(asked, |lane| lane.get().flush(&lane, &Here::new(py)?))
    }

    /// Where what is left counts.
    pub(super) fn left(&self) -> Left {
        Arc::clone(&self.left)
    }

    /// Whether something that was left may still be done.
    pub(super) fn have_left(&self) -> bool {
        self.left.load(Relaxed) > 0
    }

    /// There is no `lane` any more.
    pub(super) fn close(&self, lane: &Lane) {
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
