//! What an entry weighs in bytes: what `sys.getsizeof` says of the key and of the value, with what containers hold.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};
use std::collections::HashSet;

/// How many objects are looked at; what lies beyond is taken to weigh as much as what was seen, which is an estimate.
const MOST: usize = 10_000;

/// Bytes of an entry of `cache`: the cache's own `_sizer` if it has one, else [`size_of_object`] of both.
pub(super) fn weigh(
    cache: &Bound<'_, PyAny>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<u64> {
    let sizer = cache.getattr("_sizer")?;
    if sizer.is_none() {
        return Ok(size_of_object(key)? + size_of_object(value)?);
    }
    let size = sizer.call1((key, value))?;
    size.extract::<u64>().map_err(|_| {
        let shown = size
            .repr()
            .map_or_else(|_| "a value".to_owned(), |text| text.to_string());
        pyo3::exceptions::PyTypeError::new_err(format!(
            "sizer: must return bytes as an int of at least 0, not {shown}"
        ))
    })
}

/// Bytes of an object and, for exact builtin containers, of what they hold, each object once.
pub(super) fn size_of_object(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    static GETSIZEOF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    let getsizeof = GETSIZEOF.import(py, "sys", "getsizeof")?;
    let mut seen = HashSet::new();
    let mut left = vec![object.clone()];
    let mut sum = 0u64;
    while let Some(object) = left.pop() {
        if !seen.insert(object.as_ptr() as usize) {
            continue;
        }
        sum += match getsizeof.call1((&object,)) {
            Ok(size) => size.extract::<u64>()?,
            // The object's own `__sizeof__` failed, which must be no reason to lose its entry or the statistics.
            Err(error) if error.is_instance_of::<PyException>(py) => {
                object.get_type().getattr("__basicsize__")?.extract()?
            }
            Err(error) => return Err(error),
        };
        if seen.len() >= MOST {
            sum += sum / MOST as u64 * left.len() as u64;
            break;
        }
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            left.extend(dict.iter().flat_map(|(key, value)| [key, value]));
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            left.extend(list.iter());
        } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            left.extend(tuple.iter());
        } else if let Ok(set) = object.cast_exact::<PySet>() {
            left.extend(set.iter());
        } else if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
            left.extend(set.iter());
        }
    }
    Ok(sum)
}
