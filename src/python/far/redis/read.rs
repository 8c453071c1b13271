//! What a store on a server is asked.

use super::super::entry::FarEntry;
use super::super::nanos;
use super::reply::Later;
use super::request::{self, Request};
use super::store::{RedisStore, Shared};
use crate::far::Stored;
use crate::far::entry::Page;
use crate::far::redis::Stats;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::time::Duration;

pub(super) fn entry_or_none(py: Python<'_>, found: Option<Stored>) -> PyResult<Py<PyAny>> {
    match found {
        Some(found) => FarEntry::of_stored(py, found).into_py_any(py),
        None => Ok(py.None()),
    }
}

pub(super) fn entries(py: Python<'_>, found: Vec<Option<Stored>>) -> PyResult<Py<PyAny>> {
    let found = found.into_iter().map(|found| entry_or_none(py, found));
    PyList::new(py, found.collect::<PyResult<Vec<_>>>()?)?.into_py_any(py)
}

pub(super) fn owned(keys: &[Bound<'_, PyBytes>]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.as_bytes().to_vec()).collect()
}

pub(super) fn slices(keys: &[Vec<u8>]) -> Vec<&[u8]> {
    keys.iter().map(Vec::as_slice).collect()
}

fn bytes_list<'py>(py: Python<'py>, keys: &[Vec<u8>]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, keys.iter().map(|key| PyBytes::new(py, key)))
}

fn page_of(py: Python<'_>, page: Page) -> PyResult<Py<PyAny>> {
    let items = PyList::empty(py);
    for item in page.items {
        items.append(FarEntry::of_item(py, item))?;
    }
    (items, page.next.map(|next| PyBytes::new(py, &next))).into_py_any(py)
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl RedisStore {
    #[pyo3(signature = (key, now, *, later = Later::No))]
    fn get(&self, py: Python<'_>, key: &[u8], now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let Later::Yes(late) = later else {
            let found = self.away(py, |store| store.get_blocking(key, now))?;
            return entry_or_none(py, found);
        };
        let key = key.to_vec();
        request::ask(py, self.store(), Request::Get { key, now }, late)
    }

    #[pyo3(signature = (keys, now, *, later = Later::No))]
    fn get_many(
        &self,
        py: Python<'_>,
        keys: Vec<Bound<'_, PyBytes>>,
        now: f64,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let Later::Yes(late) = later else {
            let keys: Vec<_> = keys.iter().map(PyBytesMethods::as_bytes).collect();
            let found = self.away(py, |store| store.get_many_blocking(&keys, now))?;
            return entries(py, found);
        };
        let keys = owned(&keys);
        request::ask(py, self.store(), Request::GetMany { keys, now }, late)
    }

    #[pyo3(signature = (now, *, cursor = None, limit = 100, later = Later::No))]
    fn scan(
        &self,
        py: Python<'_>,
        now: f64,
        cursor: Option<Vec<u8>>,
        limit: usize,
        later: Later,
    ) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let work = move |store: Shared| async move {
            store.scan(b"", None, cursor.as_deref(), limit, now).await
        };
        self.ask(py, later, work, page_of)
    }

    #[pyo3(signature = (now, *, later = Later::No))]
    fn count(&self, py: Python<'_>, now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let work = move |store: Shared| async move { store.count(now).await };
        self.ask(py, later, work, |py, count: u64| count.into_py_any(py))
    }

    #[pyo3(signature = (now, *, later = Later::No))]
    fn stats(&self, py: Python<'_>, now: f64, later: Later) -> PyResult<Py<PyAny>> {
        let now = nanos(now)?;
        let work = move |store: Shared| async move { store.stats(now).await };
        self.ask(py, later, work, |py, stats: Stats| {
            let dict = PyDict::new(py);
            for (name, count) in [
                ("entries", stats.entries),
                ("hits", stats.hits),
                ("misses", stats.misses),
                ("damaged", stats.damaged),
                ("trips", stats.trips),
                ("connections", stats.connections),
            ] {
                dict.set_item(name, count)?;
            }
            dict.into_py_any(py)
        })
    }

    #[pyo3(signature = (*, later = Later::No))]
    fn leased(&self, py: Python<'_>, later: Later) -> PyResult<Py<PyAny>> {
        let work = move |store: Shared| async move { store.leased().await };
        self.ask(py, later, work, |py, keys: Vec<Vec<u8>>| {
            bytes_list(py, &keys)?.into_py_any(py)
        })
    }

    #[pyo3(signature = (*, later = Later::No))]
    fn generation(&self, py: Python<'_>, later: Later) -> PyResult<Py<PyAny>> {
        let work = move |store: Shared| async move { store.generation().await };
        self.ask(py, later, work, |py, generation: u64| {
            generation.into_py_any(py)
        })
    }

    #[pyo3(signature = (key, seconds, *, later = Later::No))]
    fn wait(&self, py: Python<'_>, key: &[u8], seconds: f64, later: Later) -> PyResult<Py<PyAny>> {
        let (key, timeout) = (key.to_vec(), Duration::from_nanos(nanos(seconds)?));
        let work = move |store: Shared| async move { store.wait(&key, timeout).await };
        self.ask(py, later, work, |py, ended: bool| ended.into_py_any(py))
    }

    /// Waits until the server tells of changes by others; whether it does.
    #[pyo3(signature = (seconds, *, later = Later::No))]
    fn tracking(&self, py: Python<'_>, seconds: f64, later: Later) -> PyResult<Py<PyAny>> {
        let timeout = Duration::from_nanos(nanos(seconds)?);
        let work = move |store: Shared| async move { store.tracking(timeout).await };
        self.ask(py, later, work, |py, told: bool| told.into_py_any(py))
    }
}
