//! What a store is asked.

use super::entry::{Facts, FarEntry};
use super::nanos;
use super::store::FileStore;
use crate::far::entry::Changed;
use crate::far::fs::Found;
use crate::glob::Glob;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

/// Payloads up to this size are copied once more, for that takes less time than giving the GIL away once more.
const SMALL: usize = 4096;

/// A payload on its way out of the mapped file.
enum Outgoing {
    Copied(Facts, Vec<u8>),
    Made(FarEntry),
}

impl Outgoing {
    /// Takes the entry out: what is small by a copy, what is large as an object made of the mapped memory itself.
    fn take(found: &Found<'_>) -> Self {
        let facts = Facts::new(found);
        if found.payload.len() <= SMALL {
            Self::Copied(facts, found.payload.to_vec())
        } else {
            Python::attach(|py| Self::Made(facts.with(py, found.payload)))
        }
    }

    fn entry(self, py: Python<'_>) -> FarEntry {
        match self {
            Self::Copied(facts, payload) => facts.with(py, &payload),
            Self::Made(entry) => entry,
        }
    }
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl FileStore {
    #[pyo3(signature = (key, now, *, use_it = true))]
    fn get(
        &self,
        py: Python<'_>,
        key: &[u8],
        now: f64,
        use_it: bool,
    ) -> PyResult<Option<FarEntry>> {
        let now = nanos(now)?;
        let found = self.away(py, |store| store.get_with(key, now, use_it, Outgoing::take))?;
        Ok(found.map(|found| found.entry(py)))
    }

    fn get_many<'py>(
        &self,
        py: Python<'py>,
        keys: Vec<Bound<'py, PyBytes>>,
        now: f64,
    ) -> PyResult<Vec<Option<FarEntry>>> {
        let now = nanos(now)?;
        let keys: Vec<&[u8]> = keys.iter().map(PyBytesMethods::as_bytes).collect();
        let found = self.away(py, |store| store.get_many_with(&keys, now, Outgoing::take))?;
        let entries = found
            .into_iter()
            .map(|found| found.map(|found| found.entry(py)));
        Ok(entries.collect())
    }

    #[pyo3(signature = (now, *, prefix = None, glob = None, cursor = None, limit = 100))]
    fn scan<'py>(
        &self,
        py: Python<'py>,
        now: f64,
        prefix: Option<&[u8]>,
        glob: Option<&str>,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> PyResult<(Bound<'py, PyList>, Option<Bound<'py, PyBytes>>)> {
        let now = nanos(now)?;
        let glob = glob.map(Glob::new);
        let page = self.away(py, |store| {
            store.scan(
                prefix.unwrap_or_default(),
                glob.as_ref(),
                cursor,
                limit,
                now,
            )
        })?;
        let items = PyList::empty(py);
        for item in page.items {
            items.append(FarEntry::of_item(py, item))?;
        }
        Ok((items, page.next.map(|next| PyBytes::new(py, &next))))
    }

    fn stats<'py>(&self, py: Python<'py>, now: f64) -> PyResult<Bound<'py, PyDict>> {
        let now = nanos(now)?;
        let stats = self.away(py, |store| store.stats(now))?;
        let dict = PyDict::new(py);
        for (name, count) in [
            ("entries", stats.entries),
            ("bytes", stats.bytes),
            ("disk_bytes", stats.disk_bytes),
            ("map_bytes", stats.map_bytes),
            ("hits", stats.hits),
            ("misses", stats.misses),
            ("evictions", stats.evictions),
            ("expirations", stats.expirations),
            ("damaged", stats.damaged),
            ("writes", stats.writes),
            ("readers", u64::from(stats.readers)),
        ] {
            dict.set_item(name, count)?;
        }
        Ok(dict)
    }

    fn check(&self, py: Python<'_>, now: f64) -> PyResult<Vec<String>> {
        let now = nanos(now)?;
        Ok(self.away(py, |store| store.check(now))?.problems)
    }

    fn leased<'py>(&self, py: Python<'py>, now: f64) -> PyResult<Bound<'py, PyList>> {
        let now = nanos(now)?;
        let keys = self.away(py, |store| store.leased(now))?;
        PyList::new(py, keys.iter().map(|key| PyBytes::new(py, key)))
    }

    fn generation(&self, py: Python<'_>, now: f64) -> PyResult<u64> {
        let now = nanos(now)?;
        self.away(py, |store| store.generation(now))
    }

    fn position(&self) -> Option<u64> {
        self.store().position()
    }

    fn changes<'py>(&self, py: Python<'py>, since: u64, now: f64) -> PyResult<Bound<'py, PyTuple>> {
        let now = nanos(now)?;
        let changed = self.away(py, |store| store.changes(since, now))?;
        changes_of(py, changed)
    }
}

/// The position, the keys or None for all of them, and the tags.
pub(super) fn changes_of(py: Python<'_>, changed: Changed) -> PyResult<Bound<'_, PyTuple>> {
    let keys = if changed.everything {
        None
    } else {
        Some(PyList::new(
            py,
            changed.keys.iter().map(|key| PyBytes::new(py, key)),
        )?)
    };
    (changed.at, keys, changed.tags).into_pyobject(py)
}
