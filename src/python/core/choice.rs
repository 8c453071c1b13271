//! Which entries an operation on many is about: those of its keys, those that match a pattern, those with tags.

use super::Core;
use crate::glob::Glob;
use crate::python::key::Key;
use crate::python::keys;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyString};

/// The keys that `keys` gives; one key by mistake is an error: its letters, or its bytes, are not meant.
pub(super) fn each<'py>(
    keys: &Bound<'py, PyAny>,
    method: &str,
) -> PyResult<Bound<'py, PyIterator>> {
    let wrong = || -> PyResult<PyErr> {
        Ok(PyTypeError::new_err(format!(
            "{method}: keys: an iterable of keys, not one {}; write [key]",
            keys.get_type().name()?
        )))
    };
    if keys.is_instance_of::<PyString>() || keys.is_instance_of::<PyBytes>() {
        return Err(wrong()?);
    }
    match keys.try_iter() {
        Err(error) if error.is_instance_of::<PyTypeError>(keys.py()) => Err(wrong()?),
        other => other,
    }
}

/// A `pattern` argument.
pub(super) fn read_pattern(pattern: Option<Bound<'_, PyAny>>) -> PyResult<Option<Glob>> {
    let Some(pattern) = pattern else {
        return Ok(None);
    };
    match pattern.cast::<PyString>() {
        // As a key's text is: what cannot be encoded is one unknown character.
        Ok(text) => Ok(Some(Glob::new(&text.to_string_lossy()))),
        Err(_) => Err(PyTypeError::new_err(format!(
            "pattern: a str such as \"user:*\", not {}",
            pattern.get_type().name()?
        ))),
    }
}

impl Core {
    /// A key's text, which patterns are matched against: a str is its own, any other key is rendered.
    fn text(py: Python<'_>, key: &Key) -> PyResult<String> {
        if let Some(bytes) = key.bytes(py) {
            return Ok(keys::text(bytes));
        }
        let object = key.object().bind(py);
        match object.cast_exact::<PyString>() {
            Ok(text) => Ok(text.to_string_lossy().into_owned()),
            Err(_) => Ok(keys::text(&keys::encode(py, object)?)),
        }
    }

    /// The keys of the entries that match `pattern` and carry any of `tags`; all of them if neither is given.
    pub(super) fn select(
        &self,
        py: Python<'_>,
        stale: bool,
        pattern: Option<&Glob>,
        tags: Option<&[Box<str>]>,
    ) -> PyResult<Vec<Key>> {
        let now = self.clock.now();
        let mut keys: Vec<Key> = self.near.collect_at(now, stale, |shard, id, key, _| {
            tags.is_none_or(|tags| shard.carries(id, &shard.tag_numbers(tags)))
                .then(|| key.clone_ref(py))
        });
        if let Some(glob) = pattern {
            let mut kept = Vec::new();
            for key in keys {
                if glob.matches(&Self::text(py, &key)?) {
                    kept.push(key);
                }
            }
            keys = kept;
        }
        Ok(keys)
    }

    /// Keeps the loads that run for a key which `pattern` matches out of the store.
    pub(super) fn forbid_matching(&self, py: Python<'_>, pattern: Option<&Glob>) -> PyResult<()> {
        let Some(glob) = pattern else {
            return Ok(());
        };
        self.flights
            .get()
            .forbid_some(|key| Ok(glob.matches(&Self::text(py, key)?)))
    }
}
