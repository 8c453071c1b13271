//! A store on a server: making one, asking it, closing it.

use super::super::read::changes_of;
use super::super::{fork, raise};
use super::replies::Here;
use super::reply::{Bringer, Later, Reply};
use crate::far::FarError;
use crate::far::redis::{self, Options};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::future::Future;
use std::sync::Arc;

pyo3::import_exception!(omnicache.exceptions, CacheConfigError);

/// The engine's store.
pub(super) type Shared = Arc<redis::RedisStore>;

/// The entries of one cache on a server, shared by all processes that reach it.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(in crate::python) struct RedisStore {
    store: Shared,
}

impl RedisStore {
    #[inline]
    pub(in crate::python) fn store(&self) -> &Shared {
        &self.store
    }

    /// Runs `work`, which waits in this thread, without the GIL.
    pub(super) fn away<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Send + FnOnce(&redis::RedisStore) -> Result<T, FarError>,
    ) -> PyResult<T> {
        let store = &*self.store;
        py.detach(|| work(store)).map_err(raise)
    }

    /// What `work` answers, as `made` tells it to Python: at once, or later as something to await.
    pub(super) fn ask<T, W>(
        &self,
        py: Python<'_>,
        later: Later,
        work: impl FnOnce(Shared) -> W,
        made: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Py<PyAny>>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, FarError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.store));
        let Later::Yes(late) = later else {
            let answer = self.away(py, |store| store.block_on(work).and_then(|answer| answer))?;
            return made(py, answer);
        };
        let here = Here::new(py)?;
        let reply = Reply::new(&here, late, None)?;
        let bringer = Bringer::new(reply.clone_ref(py), here.replies.clone_ref(py));
        here.begin(Box::pin(async move {
            let answer = work.await;
            bringer.bring(move |py| made(py, answer.map_err(raise)?));
        }))?;
        Ok(reply.into_any())
    }
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
impl RedisStore {
    #[new]
    #[pyo3(signature = (address, namespace, name, /))]
    fn new(py: Python<'_>, address: &str, namespace: &str, name: &str) -> PyResult<Self> {
        let options = Options::parse(address).map_err(|problem| {
            CacheConfigError::new_err(format!("RedisBackend: url: {problem}"))
        })?;
        fork::watch(py)?;
        let store = redis::RedisStore::open(options, namespace, name).map_err(raise)?;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// The address, without a password.
    #[getter]
    fn address(&self) -> String {
        self.store.options().address()
    }

    /// Has the server tell of changes by others from now on.
    fn track(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.store.track()).map_err(raise)
    }

    /// Whether it tells of every change now.
    #[getter]
    fn coherent(&self) -> bool {
        self.store.tracked()
    }

    fn position(&self) -> Option<u64> {
        self.store.position()
    }

    fn changes<'py>(&self, py: Python<'py>, since: u64) -> PyResult<Bound<'py, PyTuple>> {
        changes_of(py, self.store.changes(since).map_err(raise)?)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.store.close()).map_err(raise)
    }

    fn __repr__(&self) -> String {
        format!("RedisStore(\"{}\")", self.store.options().address())
    }
}
