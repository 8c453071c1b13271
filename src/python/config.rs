//! A cache's configuration from a Python dict.

use super::units::nanos;
use crate::config::CacheConfig;
use crate::units::seconds_of_nanos;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDict, PyType};
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
        return Err(CacheConfigError::new_err(format!(
            "configuration: an object of type {name} is no dict; write one such as {{\"strategy\": \"lru\", \"max_size\": 1000}}"
        )));
    };
    let plain = without_deltas(given, 1)?;
    let mut strategy = None;
    if let Some(value) = plain.get_item("strategy")?
        && is_strategy(&value)?
    {
        plain.del_item("strategy")?;
        strategy = Some(value);
    }
    let config: CacheConfig = depythonize(&plain)
        .map_err(|error| CacheConfigError::new_err(format!("configuration: {error}")))?;
    let normal = pythonize(py, &config)?;
    if let Some(strategy) = strategy {
        normal.set_item("strategy", strategy)?;
    }
    Ok(normal)
}

/// A copy of `table`, and of the tables in it down to `depth`, with seconds for every `timedelta`, which serde does not know.
fn without_deltas<'py>(table: &Bound<'py, PyDict>, depth: u32) -> PyResult<Bound<'py, PyDict>> {
    let plain = PyDict::new(table.py());
    for (key, value) in table {
        if value.is_instance_of::<PyDelta>() {
            let seconds = nanos(&value).map(seconds_of_nanos).map_err(|error| {
                let text = error.value(table.py()).to_string();
                CacheConfigError::new_err(format!("configuration: {key}: {text}"))
            })?;
            plain.set_item(key, seconds)?;
        } else if depth > 0
            && let Ok(inner) = value.cast::<PyDict>()
        {
            plain.set_item(key, without_deltas(inner, depth - 1)?)?;
        } else {
            plain.set_item(key, value)?;
        }
    }
    Ok(plain)
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
