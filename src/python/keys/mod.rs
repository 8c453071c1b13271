//! Python objects to canonical key bytes and back.
//!
//! Encoding happens before any lock is taken, so it may call what the user wrote for that purpose (`__cache_key__`, a
//! tzinfo, an attribute), but it never asks an object for its hash, its equality or its default `repr`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::glob::Glob;
use crate::key::{self, KeyValue};

mod decode;
mod encode;
mod error;
pub(crate) mod known;
mod moment;
mod objects;
mod part;

use encode::Encoder;

/// The canonical bytes of `obj`.
///
/// # Errors
/// `omnicache.exceptions.InvalidKeyError` naming the part that cannot be used.
pub(crate) fn encode(py: Python<'_>, obj: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Encoder::new(py)
        .finish(obj)
        .map_err(|problem| problem.into_py_err(py))
}

/// The object whose canonical bytes these are: builtins as they were, what has no value of its own here (enum members,
/// dataclasses, classes, ...) as a `KeyPart`. Encoding the result gives the same bytes again.
///
/// # Errors
/// `ValueError` when the bytes are not a key.
pub(crate) fn decode(py: Python<'_>, bytes: &[u8]) -> PyResult<Py<PyAny>> {
    let value = key::decode(bytes).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(decode::object(py, &value)?.unbind())
}

/// The key as text, for listings and glob patterns: a `str` key is its own text.
pub(crate) fn text(bytes: &[u8]) -> String {
    key::text(bytes)
}

/// `encode_key(obj)`: the canonical bytes of a key.
#[pyfunction]
fn encode_key<'py>(obj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(obj.py(), &encode(obj.py(), obj)?))
}

/// `decode_key(data)`: the key whose canonical bytes these are.
#[pyfunction]
fn decode_key(py: Python<'_>, data: &[u8]) -> PyResult<Py<PyAny>> {
    decode(py, data)
}

/// `key_text(data)`: the key as text.
#[pyfunction]
fn key_text(data: &[u8]) -> String {
    text(data)
}

/// `match_keys(pattern, keys)`: those of these canonical keys whose text matches the glob.
#[pyfunction]
fn match_keys<'py>(
    pattern: &Bound<'py, PyString>,
    keys: Vec<Bound<'py, PyBytes>>,
) -> Vec<Bound<'py, PyBytes>> {
    // As a key's text is: what cannot be encoded is one unknown character.
    let glob = Glob::new(&pattern.to_string_lossy());
    let matches = |key: &Bound<'py, PyBytes>| match key::decode(key.as_bytes()) {
        Ok(KeyValue::Str(text)) => glob.matches(&String::from_utf8_lossy(text.as_bytes())),
        _ => glob.matches(&text(key.as_bytes())),
    };
    keys.into_iter().filter(matches).collect()
}

/// Adds the functions and types of keys to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<part::KeyPart>()?;
    m.add_function(wrap_pyfunction!(encode_key, m)?)?;
    m.add_function(wrap_pyfunction!(decode_key, m)?)?;
    m.add_function(wrap_pyfunction!(key_text, m)?)?;
    m.add_function(wrap_pyfunction!(match_keys, m)?)
}
