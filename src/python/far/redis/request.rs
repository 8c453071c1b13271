//! The simplest requests of tasks: over the lane of their loop if there is one, over the common connection if not.

use super::super::raise;
use super::read::{entries, entry_or_none, slices};
use super::replies::Here;
use super::reply::{Bringer, Reply};
use super::store::Shared;
use super::write::{Owned, written_for};
use crate::far::redis::{Answer, Errand};
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// What was asked for, to be asked for again where a lane ends.
pub(super) enum Request {
    Get { key: Vec<u8>, now: u64 },
    GetMany { keys: Vec<Vec<u8>>, now: u64 },
    Set(Box<Owned>),
}

/// Who waits for an answer on a lane.
pub(super) struct Waiting {
    pub(super) reply: Py<Reply>,
    pub(super) store: Shared,
    pub(super) errand: Errand,
    pub(super) request: Request,
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
        let left = matches!(request, Request::Set(_)).then(|| lanes.left());
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
    request.begin(&here, Arc::clone(store), reply.clone_ref(py), None)?;
    Ok(reply.into_any())
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

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get",
            Self::GetMany { .. } => "get_many",
            Self::Set(_) => "set",
        }
    }

    /// Has the common connection do it, until then if it was tried elsewhere before.
    fn begin(
        self,
        here: &Here<'_>,
        store: Shared,
        reply: Py<Reply>,
        until: Option<Instant>,
    ) -> PyResult<()> {
        let py = here.running.py();
        let bringer = Bringer::new(reply, here.replies.clone_ref(py));
        let operation = self.operation();
        here.begin(match self {
            Self::Get { key, now } => Box::pin(async move {
                let found = store.by(until, operation, store.get(&key, now)).await;
                bringer.bring(move |py| entry_or_none(py, found.map_err(raise)?));
            }),
            Self::GetMany { keys, now } => Box::pin(async move {
                let keys = slices(&keys);
                let found = store.by(until, operation, store.get_many(&keys, now)).await;
                bringer.bring(move |py| entries(py, found.map_err(raise)?));
            }),
            Self::Set(set) => Box::pin(async move {
                let entry = set.as_set();
                let written = store.by(until, operation, store.set(&entry, set.now)).await;
                bringer.bring(move |py| written_for(py, written.map_err(raise)?));
            }),
        })
    }
}

impl Waiting {
    /// Has its task go on with the answers, or the common connection do it if they are not what was expected.
    pub(super) fn hear(
        self,
        here: &Here<'_>,
        until: Instant,
        answers: Vec<Answer>,
    ) -> PyResult<()> {
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
        self.begin(here, Some(until))
    }

    /// Has the common connection do it, if somebody still waits.
    pub(super) fn begin(self, here: &Here<'_>, until: Option<Instant>) -> PyResult<()> {
        if self.reply.get().move_on() {
            self.request.begin(here, self.store, self.reply, until)
        } else {
            Ok(())
        }
    }
}
