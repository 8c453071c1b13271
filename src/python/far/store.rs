//! The store of files as a Python class.

use super::entry::{Facts, FarEntry, FarLease, priority_from};
use super::{fork, nanos, nanos_or_never, raise};
use crate::far::FarError;
use crate::far::fs::{self, Durability, Found, Mode, Options, Owner, SetAside, Written};
use crate::far::record::{Flags, Terms};
use crate::glob::Glob;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::path::PathBuf;

/// Payloads up to this size are copied once more, for that takes less time than giving the GIL away once more.
const SMALL: usize = 4096;

/// A store of entries in one directory, shared by all processes of the machine.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct FileStore {
    /// `None` only while it is dropped.
    store: Option<fs::FileStore>,
}

impl FileStore {
    fn store(&self) -> &fs::FileStore {
        self.store
            .as_ref()
            .expect("it is there until it is dropped")
    }

    /// Runs `work` without the GIL.
    fn away<R: Send>(
        &self,
        py: Python<'_>,
        work: impl Send + FnOnce(&fs::FileStore) -> Result<R, FarError>,
    ) -> PyResult<R> {
        let store = self.store();
        py.detach(|| work(store)).map_err(raise)
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        let store = self.store.take();
        // Closing may wait for a thread that waits for the GIL. At the end of the interpreter nobody does any more.
        let mut store = Some(store);
        if Python::try_attach(|py| {
            let store = store.take();
            py.detach(|| drop(store));
        })
        .is_none()
        {
            drop(store);
        }
    }
}

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

fn mode_of(mode: &str, version: Option<u64>) -> PyResult<Mode> {
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

fn flags_of(bits: u8) -> PyResult<Flags> {
    Flags::from_bits(bits).ok_or_else(|| {
        PyValueError::new_err(format!(
            "flags {bits}: 1 is compressed, 2 is signed, nothing else is known"
        ))
    })
}

/// A version for Python: `None` where the condition did not hold, 0 where the entry was too heavy.
fn version_of(written: Written) -> Option<u64> {
    match written {
        Written::Stored(version) => Some(version),
        Written::Refused => None,
        Written::TooHeavy => Some(0),
    }
}

#[allow(clippy::too_many_arguments)] // as Python gives them
pub(super) fn terms_of(
    now: u64,
    serializer: u8,
    flags: u8,
    priority: f64,
    created: Option<f64>,
    fresh_until: Option<f64>,
    expires: Option<f64>,
    schema: Option<[u8; 8]>,
) -> PyResult<Terms> {
    if !(0.0..=1.0).contains(&priority) {
        return Err(PyValueError::new_err(format!(
            "priority {priority}; it lies between 0 and 1"
        )));
    }
    Ok(Terms {
        serializer,
        flags: flags_of(flags)?,
        priority: priority_from(priority),
        created: created.map_or(Ok(now), nanos)?,
        fresh_until: nanos_or_never(fresh_until)?,
        expires: nanos_or_never(expires)?,
        schema,
    })
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl FileStore {
    #[new]
    #[pyo3(signature = (directory, *, durability = "process", max_bytes = None, map_bytes = None))]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        durability: &str,
        max_bytes: Option<u64>,
        map_bytes: Option<u64>,
    ) -> PyResult<Self> {
        let durability = match durability {
            "process" => Durability::Process,
            "system" => Durability::System,
            other => {
                return Err(PyValueError::new_err(format!(
                    "durability {other:?}; write \"process\" or \"system\""
                )));
            }
        };
        fork::watch(py)?;
        let options = Options {
            durability,
            max_bytes,
            map_bytes,
        };
        let store = py
            .detach(|| fs::FileStore::open(&directory, options))
            .map_err(raise)?;
        Ok(Self { store: Some(store) })
    }

    #[getter]
    fn directory(&self) -> PathBuf {
        self.store().dir().to_path_buf()
    }

    #[getter]
    fn durability(&self) -> &'static str {
        self.store().options().durability.name()
    }

    #[getter]
    fn max_bytes(&self) -> Option<u64> {
        self.store().options().max_bytes
    }

    #[getter]
    fn set_aside(&self) -> Option<(PathBuf, String)> {
        self.store().set_aside().cloned().map(told)
    }

    fn take_set_aside(&self, py: Python<'_>) -> PyResult<Option<(PathBuf, String)>> {
        Ok(self.away(py, fs::FileStore::take_set_aside)?.map(told))
    }

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

    #[pyo3(signature = (
        key, payload, now, *, serializer = 0, flags = 0, priority = 0.5, created = None, fresh_until = None,
        expires = None, schema = None, tags = Vec::new(), mode = "always", version = None, token = None, generation = None,
    ))]
    #[allow(clippy::too_many_arguments)] // what there is to say of an entry
    fn set(
        &self,
        py: Python<'_>,
        key: &[u8],
        payload: &[u8],
        now: f64,
        serializer: u8,
        flags: u8,
        priority: f64,
        created: Option<f64>,
        fresh_until: Option<f64>,
        expires: Option<f64>,
        schema: Option<[u8; 8]>,
        tags: Vec<String>,
        mode: &str,
        version: Option<u64>,
        token: Option<u64>,
        generation: Option<u64>,
    ) -> PyResult<Option<u64>> {
        let now = nanos(now)?;
        let terms = terms_of(
            now,
            serializer,
            flags,
            priority,
            created,
            fresh_until,
            expires,
            schema,
        )?;
        let mode = mode_of(mode, version)?;
        let set = fs::Set {
            key,
            payload,
            terms,
            tags: &tags,
            mode,
            token,
            generation,
        };
        let written = self.away(py, |store| store.set(&set, now))?;
        Ok(version_of(written))
    }

    #[pyo3(signature = (
        entries, now, *, serializer = 0, priority = 0.5, created = None, fresh_until = None, expires = None,
        schema = None, tags = Vec::new(), mode = "always", generation = None,
    ))]
    #[allow(clippy::too_many_arguments)] // what there is to say of entries
    fn set_many<'py>(
        &self,
        py: Python<'py>,
        entries: Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>, u8)>,
        now: f64,
        serializer: u8,
        priority: f64,
        created: Option<f64>,
        fresh_until: Option<f64>,
        expires: Option<f64>,
        schema: Option<[u8; 8]>,
        tags: Vec<String>,
        mode: &str,
        generation: Option<u64>,
    ) -> PyResult<Vec<Option<u64>>> {
        let now = nanos(now)?;
        let mode = mode_of(mode, None)?;
        let mut sets = Vec::with_capacity(entries.len());
        for (key, payload, flags) in &entries {
            let terms = terms_of(
                now,
                serializer,
                *flags,
                priority,
                created,
                fresh_until,
                expires,
                schema,
            )?;
            let (key, payload) = (key.as_bytes(), payload.as_bytes());
            sets.push(fs::Set {
                key,
                payload,
                terms,
                tags: &tags,
                mode,
                token: None,
                generation,
            });
        }
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

    fn compact(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        self.away(py, fs::FileStore::compact)
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

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.away(py, fs::FileStore::close)
    }

    fn __repr__(&self) -> String {
        format!("FileStore({})", self.store().dir().display())
    }
}

fn told(aside: SetAside) -> (PathBuf, String) {
    (aside.path, aside.reason)
}
