//! What a store on a server is told.

use super::super::entry::{FarEntry, FarLease};
use super::super::terms::FarTerms;
use super::super::write::{Given, mode_of, version_of};
use super::super::{nanos, nanos_or_never};
use super::read::{owned, slices};
use super::reply::Later;
use super::request::{self, Request};
use super::store::{RedisStore, Shared};
use super::unclaimed::Unclaimed;
use crate::far::Stored;
use crate::far::entry::{Mode, Set, Written};
use crate::far::record::Terms;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

/// What is written, while nobody waits here until it is.
pub(super) struct Owned {
    key: Vec<u8>,
    payload: Vec<u8>,
    pub(super) now: u64,
    terms: Terms,
    tags: Arc<[String]>,
    mode: Mode,
    token: Option<u64>,
    generation: Option<u64>,
}

impl Owned {
    /// What `set` says, whose tags these are.
    fn new(set: &Set<'_>, tags: Arc<[String]>, now: u64) -> Self {
        Self {
            key: set.key.to_vec(),
            payload: set.payload.to_vec(),
            now,
            terms: set.terms,
            tags,
            mode: set.mode,
            token: set.token,
            generation: set.generation,
        }
    }

    pub(super) fn as_set(&self) -> Set<'_> {
        Set {
            key: &self.key,
            payload: &self.payload,
            terms: self.terms,
            tags: &self.tags,
            mode: self.mode,
            token: self.token,
            generation: self.generation,
        }
    }
}

/// The version that was written, for Python.
pub(super) fn written_for(py: Python<'_>, written: Written) -> PyResult<Py<PyAny>> {
    version_of(written).into_py_any(py)
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl RedisStore {
    #[pyo3(signature = (
        key, payload, now, terms = None, *, mode = "always", version = None, token = None, generation = None,
        later = Later::No,
    ))]
    #[allow(clippy::too_many_arguments)] // the conditions of a write
    fn set(
        &self,
        py: Python<'_>,
        key: &[u8],
        payload: &[u8],
        now: f64,
        terms: Option<&FarTerms>,
        mode: &str,
        version: Option<u64>,
        token: Option<u64>,
        generation: Option<u64>,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let tags = FarTerms::tags_of(terms);
        let set = Set {
            key,
            payload,
            terms: FarTerms::of(terms, now),
            tags: &tags,
            mode: mode_of(mode, version)?,
            token,
            generation,
        };
        let Later::Yes(late) = later else {
            return written_for(py, self.away(py, |store| store.set_blocking(&set, now))?);
        };
        let set = Box::new(Owned::new(&set, Arc::clone(&tags), now));
        request::ask(py, self.store(), Request::Set(set), late)
    }

    #[pyo3(signature = (entries, now, *, later = Later::No))]
    fn set_many<'py>(
        &self,
        py: Python<'py>,
        entries: Vec<Given<'py>>,
        now: f64,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let own = entries.iter().map(|(key, payload, terms)| {
            let terms = Some(terms.get());
            let set = Set {
                key: key.as_bytes(),
                payload: payload.as_bytes(),
                terms: FarTerms::of(terms, now),
                ..Set::default()
            };
            Owned::new(&set, FarTerms::tags_of(terms), now)
        });
        let own: Vec<_> = own.collect();
        let work = move |store: Shared| async move {
            let sets: Vec<Set<'_>> = own.iter().map(Owned::as_set).collect();
            store.set_many(&sets, now).await
        };
        self.ask(py, later, work, |py, written: Vec<Written>| {
            let versions: Vec<_> = written.into_iter().map(version_of).collect();
            versions.into_py_any(py)
        })
    }

    #[pyo3(signature = (key, now, *, later = Later::No))]
    fn delete(&self, py: Python<'_>, key: &[u8], now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let (key, now) = (key.to_vec(), nanos(now)?);
        let work = move |store: Shared| async move { store.delete(&key, now).await };
        self.ask(py, later, work, |py, was: bool| was.into_py_any(py))
    }

    #[pyo3(signature = (keys, now, *, later = Later::No))]
    fn delete_many(
        &self,
        py: Python<'_>,
        keys: Vec<Bound<'_, PyBytes>>,
        now: f64,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let (keys, now) = (owned(&keys), nanos(now)?);
        let work = move |store: Shared| async move { store.delete_many(&slices(&keys), now).await };
        self.ask(py, later, work, |py, count: u64| count.into_py_any(py))
    }

    #[pyo3(signature = (key, now, *, later = Later::No))]
    fn take(&self, py: Python<'_>, key: &[u8], now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let (key, now) = (key.to_vec(), nanos(now)?);
        let work = move |store: Shared| async move { store.take(&key, now).await };
        self.ask(py, later, work, |py, taken: Option<Stored>| {
            let taken = taken.map(|taken| FarEntry::of_stored(py, taken));
            taken.into_py_any(py)
        })
    }

    #[pyo3(signature = (key, fresh_until, expires, now, *, later = Later::No))]
    fn touch(
        &self,
        py: Python<'_>,
        key: &[u8],
        fresh_until: Option<f64>,
        expires: Option<f64>,
        now: f64,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let (key, now) = (key.to_vec(), nanos(now)?);
        let (fresh_until, expires) = (nanos_or_never(fresh_until)?, nanos_or_never(expires)?);
        let work =
            move |store: Shared| async move { store.touch(&key, fresh_until, expires, now).await };
        self.ask(py, later, work, |py, was: bool| was.into_py_any(py))
    }

    #[pyo3(signature = (keys, now, *, hard = false, later = Later::No))]
    fn invalidate(
        &self,
        py: Python<'_>,
        keys: Vec<Bound<'_, PyBytes>>,
        now: f64,
        hard: bool,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let (keys, now) = (owned(&keys), nanos(now)?);
        let work =
            move |store: Shared| async move { store.invalidate(&slices(&keys), hard, now).await };
        self.ask(py, later, work, |py, count: u64| count.into_py_any(py))
    }

    #[pyo3(signature = (tags, now, *, hard = false, later = Later::No))]
    fn invalidate_tags(
        &self,
        py: Python<'_>,
        tags: Vec<String>,
        now: f64,
        hard: bool,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let work =
            move |store: Shared| async move { store.invalidate_tags(&tags, hard, now).await };
        self.ask(py, later, work, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (*, later = Later::No))]
    fn clear(&self, py: Python<'_>, later: Later) -> PyResult<Py<PyAny>> {
        let work = |store: Shared| async move { store.clear().await };
        self.ask(py, later, work, |py, count: u64| count.into_py_any(py))
    }

    #[pyo3(signature = (now, *, later = Later::No))]
    fn purge(&self, py: Python<'_>, now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let work = move |store: Shared| async move { store.purge(now).await };
        self.ask(py, later, work, |py, count: u64| count.into_py_any(py))
    }

    #[pyo3(signature = (key, until, now, *, number = 0, later = Later::No))]
    fn lease(
        &self,
        py: Python<'_>,
        key: &[u8],
        until: Option<f64>,
        now: f64,
        number: u64,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let (key, until, now) = (key.to_vec(), nanos_or_never(until)?, nanos(now)?);
        let work = move |store: Shared| async move {
            let leased = store.lease(&key, number, until, now).await?;
            Ok(Unclaimed::new(store, key, leased))
        };
        self.ask(py, later, work, |py, unclaimed: Unclaimed| {
            FarLease::new(unclaimed.claim()).into_py_any(py)
        })
    }

    #[pyo3(signature = (key, token, *, later = Later::No))]
    fn release(&self, py: Python<'_>, key: &[u8], token: u64, later: Later) -> PyResult<Py<PyAny>> {
        let key = key.to_vec();
        let work = move |store: Shared| async move { store.release(&key, token).await };
        self.ask(py, later, work, |py, was: bool| was.into_py_any(py))
    }
}
