//! The store of files as a Python class.

use super::{fork, nanos, raise};
use crate::far::FarError;
use crate::far::fs::{self, Durability, Options, SetAside};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::time::Duration;

/// A store of entries in one directory, shared by all processes of the machine.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(in crate::python) struct FileStore {
    /// `None` only while it is dropped.
    store: Option<fs::FileStore>,
}

impl FileStore {
    #[inline]
    pub(in crate::python) fn store(&self) -> &fs::FileStore {
        self.store
            .as_ref()
            .expect("it is there until it is dropped")
    }

    /// Runs `work` without the GIL.
    pub(super) fn away<R: Send>(
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

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl FileStore {
    #[new]
    #[pyo3(signature = (
        directory, *, durability = "process", max_bytes = None, max_entries = None, map_bytes = None, timeout = 5.0
    ))]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        durability: &str,
        max_bytes: Option<u64>,
        max_entries: Option<u64>,
        map_bytes: Option<u64>,
        timeout: f64,
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
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|_| PyValueError::new_err(format!("timeout {timeout}; write seconds")))?;
        fork::watch(py)?;
        let options = Options {
            durability,
            max_bytes,
            max_entries,
            map_bytes,
            timeout,
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
        self.store().limits().0
    }

    #[getter]
    fn max_entries(&self) -> Option<u64> {
        self.store().limits().1
    }

    #[pyo3(signature = (max_bytes, max_entries, now))]
    fn limit(
        &self,
        py: Python<'_>,
        max_bytes: Option<u64>,
        max_entries: Option<u64>,
        now: f64,
    ) -> PyResult<()> {
        let now = nanos(now)?;
        self.away(py, move |store| store.limit(max_bytes, max_entries, now))
    }

    #[getter]
    fn set_aside(&self) -> Option<(PathBuf, String)> {
        self.store().set_aside().cloned().map(told)
    }

    fn take_set_aside(&self, py: Python<'_>) -> PyResult<Option<(PathBuf, String)>> {
        Ok(self.away(py, fs::FileStore::take_set_aside)?.map(told))
    }

    fn compact(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        self.away(py, fs::FileStore::compact)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.away(py, fs::FileStore::close)
    }

    fn __repr__(&self) -> String {
        format!("FileStore(\"{}\")", self.store().dir().display())
    }
}

fn told(aside: SetAside) -> (PathBuf, String) {
    (aside.path, aside.reason)
}
