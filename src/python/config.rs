//! A cache's configuration from a Python dict.

use super::units::nanos;
use crate::config::CacheConfig;
use crate::units::seconds_of_nanos;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};
use pythonize::{depythonize, pythonize};

pyo3::import_exception!(omnicache.exceptions, CacheConfigError);

/// Adds the functions of this file to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_config, module)?)
}

/// The configuration in `options`, checked and in normal form: seconds as float, bytes as int, the strategy as a dict.
///
/// Keys that were not given, or given as None, are left out. A strategy that is an object or a class already is passed
/// on as it is. Raises `CacheConfigError`; the message names the key.
#[pyfunction]
#[pyo3(signature = (options, /))]
fn parse_config<'py>(options: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = options.py();
    let Ok(given) = options.cast::<PyDict>() else {
        let name = options.get_type().name()?;
        return Err(refused(&format!(
            "an object of type {name} is no dict; write one such as {{\"strategy\": \"lru\", \"max_size\": 1000}}"
        )));
    };
    let strategy = given.get_item("strategy")?;
    let strategy = match strategy {
        Some(value) if is_strategy(&value)? => Some(value),
        _ => None,
    };
    let skipped = strategy.as_ref().map(|_| "strategy");
    let plain = plain(given, skipped, 1)?;
    let config: CacheConfig = depythonize(&plain).map_err(|error| refused(&error.to_string()))?;
    let normal = pythonize(py, &config)?;
    if let Some(strategy) = strategy {
        normal.set_item("strategy", strategy)?;
    }
    Ok(normal)
}

/// A copy of `table` without the key `skipped`, and of the tables in it down to `depth`, of what serde knows: a
/// `timedelta` becomes seconds, and any other object is refused here, where its type has a name.
fn plain<'py>(
    table: &Bound<'py, PyDict>,
    skipped: Option<&str>,
    depth: u32,
) -> PyResult<Bound<'py, PyDict>> {
    let py = table.py();
    let copy = PyDict::new(py);
    for (key, value) in table {
        let Ok(name) = key.cast::<PyString>() else {
            let got = key.get_type().name()?;
            return Err(refused(&format!(
                "a key is an object of type {got}; every key is a str"
            )));
        };
        let name = name.to_string_lossy();
        if skipped.is_some_and(|skipped| *skipped == *name) {
            continue;
        }
        let value = if value.is_instance_of::<PyDelta>() {
            let seconds = nanos(&value)
                .map(seconds_of_nanos)
                .map_err(|error| refused(&format!("{name}: {}", error.value(py))))?;
            PyFloat::new(py, seconds).into_any()
        } else if let Ok(inner) = value.cast::<PyDict>() {
            if depth == 0 {
                return Err(refused(&format!("{name}: a table in a table in a table")));
            }
            plain(inner, None, depth - 1)?.into_any()
        } else if is_plain(&value) {
            value
        } else {
            let got = value.get_type().name()?;
            return Err(refused(&format!(
                "{name}: got an object of type {got}, expected a str, an int of at most 127 bits, a float, a bool, a dict \
                 or None"
            )));
        };
        copy.set_item(key, value)?;
    }
    Ok(copy)
}

/// Whether serde knows what `value` is. Lists belong nowhere in a configuration, but it says so well by itself.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || (value.is_instance_of::<PyInt>() && value.extract::<i128>().is_ok())
}

fn refused(problem: &str) -> PyErr {
    CacheConfigError::new_err(format!("configuration: {problem}"))
}

/// Whether `value` is a strategy or the class of one.
fn is_strategy(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let base = value
        .py()
        .import("omnicache.strategies")?
        .getattr("Strategy")?;
    match value.cast::<PyType>() {
        Ok(class) => class.is_subclass(&base),
        Err(_) => value.is_instance(&base),
    }
}
