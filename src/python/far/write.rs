//! What a store is told.

use super::entry::{FarEntry, FarLease};
use super::store::FileStore;
use super::terms::FarTerms;
use super::{nanos, nanos_or_never};
use crate::far::fs::{self, Mode, Owner, Written};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

pub(super) fn mode_of(mode: &str, version: Option<u64>) -> PyResult<Mode> {
    match (mode, version) {
        ("always", None) => Ok(Mode::Always),
        ("add", None) => Ok(Mode::Add),
        ("replace", None) => Ok(Mode::Replace),
        ("always", Some(version)) => Ok(Mode::Version(version)),
        ("add" | "replace", Some(_)) => {
            Err(PyValueError::new_err("mode and version: give one of them"))
        }
        _ => Err(PyValueError::new_err(format!(
            "mode {mode:?}; write \"always\", \"add\" or \"replace\""
        ))),
    }
}

/// One of many entries: key, value, terms.
pub(super) type Given<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Py<FarTerms>);

/// A version for Python: `None` where the condition did not hold, 0 where the entry was too heavy.
pub(super) fn version_of(written: Written) -> Option<u64> {
    match written {
        Written::Stored(version) => Some(version),
        Written::Refused => None,
        Written::TooHeavy => Some(0),
    }
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl FileStore {
    #[pyo3(signature = (
        key, payload, now, terms = None, *, mode = "always", version = None, token = None, generation = None,
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
    ) -> PyResult<Option<u64>> {
        let now = nanos(now)?;
        let set = fs::Set {
            key,
            payload,
            terms: FarTerms::of(terms, now),
            tags: &FarTerms::tags_of(terms),
            mode: mode_of(mode, version)?,
            token,
            generation,
        };
        let written = self.away(py, |store| store.set(&set, now))?;
        Ok(version_of(written))
    }

    fn set_many<'py>(
        &self,
        py: Python<'py>,
        entries: Vec<Given<'py>>,
        now: f64,
    ) -> PyResult<Vec<Option<u64>>> {
        let now = nanos(now)?;
        let tags: Vec<_> = entries
            .iter()
            .map(|(_, _, terms)| FarTerms::tags_of(Some(terms.get())))
            .collect();
        let sets: Vec<_> = entries
            .iter()
            .zip(&tags)
            .map(|((key, payload, terms), tags)| fs::Set {
                key: key.as_bytes(),
                payload: payload.as_bytes(),
                terms: FarTerms::of(Some(terms.get()), now),
                tags,
                ..fs::Set::default()
            })
            .collect();
        let written = self.away(py, |store| store.set_many(&sets, now))?;
        Ok(written.into_iter().map(version_of).collect())
    }

    fn delete(&self, py: Python<'_>, key: &[u8], now: f64) -> PyResult<bool> {
        let now = nanos(now)?;
        self.away(py, |store| store.delete(key, now))
    }

    fn delete_many<'py>(
        &self,
        py: Python<'py>,
        keys: Vec<Bound<'py, PyBytes>>,
        now: f64,
    ) -> PyResult<u64> {
        let now = nanos(now)?;
        let keys: Vec<&[u8]> = keys.iter().map(PyBytesMethods::as_bytes).collect();
        self.away(py, |store| store.delete_many(&keys, now))
    }

    fn take(&self, py: Python<'_>, key: &[u8], now: f64) -> PyResult<Option<FarEntry>> {
        let now = nanos(now)?;
        let taken = self.away(py, |store| store.take(key, now))?;
        Ok(taken.map(|taken| FarEntry::of_stored(py, taken)))
    }

    fn touch(
        &self,
        py: Python<'_>,
        key: &[u8],
        fresh_until: Option<f64>,
        expires: Option<f64>,
        now: f64,
    ) -> PyResult<bool> {
        let now = nanos(now)?;
        let (fresh_until, expires) = (nanos_or_never(fresh_until)?, nanos_or_never(expires)?);
        self.away(py, |store| store.touch(key, fresh_until, expires, now))
    }

    #[pyo3(signature = (keys, now, *, hard = false))]
    fn invalidate<'py>(
        &self,
        py: Python<'py>,
        keys: Vec<Bound<'py, PyBytes>>,
        now: f64,
        hard: bool,
    ) -> PyResult<u64> {
        let now = nanos(now)?;
        let keys: Vec<&[u8]> = keys.iter().map(PyBytesMethods::as_bytes).collect();
        self.away(py, |store| store.invalidate(&keys, hard, now))
    }

    #[pyo3(signature = (tags, now, *, hard = false))]
    fn invalidate_tags(
        &self,
        py: Python<'_>,
        tags: Vec<String>,
        now: f64,
        hard: bool,
    ) -> PyResult<()> {
        let now = nanos(now)?;
        self.away(py, |store| store.invalidate_tags(&tags, hard, now))
    }

    fn clear(&self, py: Python<'_>, now: f64) -> PyResult<u64> {
        let now = nanos(now)?;
        self.away(py, |store| store.clear(now))
    }

    fn count(&self, py: Python<'_>, now: f64) -> PyResult<u64> {
        let now = nanos(now)?;
        self.away(py, |store| store.len(now))
    }

    fn purge(&self, py: Python<'_>, limit: usize, now: f64) -> PyResult<(usize, bool)> {
        let now = nanos(now)?;
        self.away(py, |store| store.purge(limit, now))
    }

    #[pyo3(signature = (key, until, now, *, number = 0))]
    fn lease(
        &self,
        py: Python<'_>,
        key: &[u8],
        until: Option<f64>,
        now: f64,
        number: u64,
    ) -> PyResult<FarLease> {
        let (until, now) = (nanos_or_never(until)?, nanos(now)?);
        let leased = self.away(py, |store| {
            store.lease(key, Owner::this(number), until, now)
        })?;
        Ok(FarLease::new(leased))
    }

    fn release(&self, py: Python<'_>, key: &[u8], token: u64, now: f64) -> PyResult<bool> {
        let now = nanos(now)?;
        self.away(py, |store| store.release(key, token, now))
    }
}
