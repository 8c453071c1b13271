//! The keys of flights: what is hashed and compared in the table of a cache's loads.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};

/// The key of one load.
#[derive(Debug)]
pub(super) struct Key(Py<PyAny>);

impl Key {
    /// The object that the caller gave.
    pub(super) fn object(&self) -> &Py<PyAny> {
        &self.0
    }

    /// Another reference to the same object.
    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }
}

/// The hash of a key, and the key as the table keeps it. Outside every lock, so what the key's own hash does is its
/// own affair.
pub(super) fn prepare(key: &Bound<'_, PyAny>) -> PyResult<(u32, Key)> {
    let hash = key.hash()? as u64;
    Ok(((hash ^ (hash >> 32)) as u32, Key(key.clone().unbind())))
}

/// Whether two keys are one: the same object, or plain builtins of the same type and value. Runs under the table's
/// lock and so nothing of the user's.
pub(super) fn same(py: Python<'_>, a: &Key, b: &Key) -> bool {
    equal(a.0.bind(py), b.0.bind(py))
}

fn equal(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    if a.is(b) {
        return true;
    }
    if !a.get_type().is(b.get_type()) {
        return false;
    }
    if let (Ok(a), Ok(b)) = (a.cast_exact::<PyTuple>(), b.cast_exact::<PyTuple>()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(&a, &b));
    }
    let plain = a.is_exact_instance_of::<PyString>()
        || a.is_exact_instance_of::<PyInt>()
        || a.is_exact_instance_of::<PyBytes>()
        || a.is_exact_instance_of::<PyFloat>()
        || a.is_exact_instance_of::<PyBool>();
    plain && a.eq(b).unwrap_or(false)
}
