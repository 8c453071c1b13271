//! Where a far store tells that others have written: a number that every hit near compares with the one it knows.

use super::redis::RedisStore;
use super::store::FileStore;
use super::watch::Watch;
use crate::far::fs::FileStore as Files;
use crate::python::lock::StoreLock;
use parking_lot::lock_api;
use pyo3::prelude::*;

/// A store that is followed.
pub(in crate::python) enum Followed {
    /// The last transaction of a file, in mapped memory.
    Files {
        /// Whose file it is.
        store: Py<FileStore>,
        /// The quick way to the position; `None` where there is only the store itself.
        watch: lock_api::Mutex<StoreLock, Option<Watch>>,
    },
    /// What a server has told this process, counted.
    Told(Py<RedisStore>),
}

impl Followed {
    /// What there is to follow in `store`, an object of Python.
    pub(in crate::python) fn new(store: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(store) = store.cast::<RedisStore>() {
            return Ok(Self::Told(store.clone().unbind()));
        }
        Ok(Self::Files {
            store: store.cast::<FileStore>()?.clone().unbind(),
            watch: lock_api::Mutex::new(None),
        })
    }

    /// The position of the last change that is known of; `None` where nobody can tell.
    #[inline]
    pub(in crate::python) fn position(&self) -> Option<u64> {
        match self {
            Self::Files { store, watch } => match &*watch.lock() {
                Some(watch) => Some(watch.position()),
                None => store.get().store().position(),
            },
            Self::Told(store) => store.get().store().position(),
        }
    }

    /// All up to `position` is known: a file that took the place of another one is looked at from now on.
    pub(in crate::python) fn renew(&self, py: Python<'_>, position: u64) {
        let Self::Files { store, watch } = self else {
            return;
        };
        let base = watch.lock().as_ref().map_or(0, Watch::base);
        if Files::generation_of(base) != Files::generation_of(position) {
            // Without one, hits take the longer way.
            let store = store.get().store();
            let renewed = py.detach(|| {
                let heads = store.heads().ok().flatten()?;
                Watch::new(&heads).ok()
            });
            let old = std::mem::replace(&mut *watch.lock(), renewed);
            drop(old);
        }
    }
}
