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
/// Keys that were not given, or given as None, are left out. A strategy or a backend that is one already, a serializer
/// and a type, which no plain data can be, are passed on as they are. Raises `CacheConfigError`; the message names the key.
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
    let made = PyDict::new(py);
    for name in [
        "strategy",
        "backend",
        "fallback",
        "serializer",
        "type",
        "compression",
    ] {
        if let Some(value) = given.get_item(name)?
            && is_made(name, &value)?
        {
            made.set_item(name, value)?;
        }
    }
    let plain = plain(given, &made, 2)?;
    let config: CacheConfig = depythonize(&plain).map_err(|error| refused(&error.to_string()))?;
    let normal = pythonize(py, &config)?;
    normal.cast::<PyDict>()?.update(made.as_mapping())?;
    Ok(normal)
}

/// A copy of `table` without the keys of `skipped`, and of the tables in it down to `depth`, of what serde knows: a
/// `timedelta` becomes seconds, a path text, and any other object is refused here, where its type has a name.
fn plain<'py>(
    table: &Bound<'py, PyDict>,
    skipped: &Bound<'py, PyDict>,
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
        if skipped.contains(&key)? {
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
            plain(inner, &PyDict::new(py), depth - 1)?.into_any()
        } else if value.hasattr("__fspath__")? && !value.is_instance_of::<PyType>() {
            value.call_method0("__fspath__")?
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

/// Whether `value` is what the option `name` stands for already, so that there is nothing to read in it.
fn is_made(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match name {
        "strategy" => is_a(value, "omnicache.strategies", "Strategy"),
        "backend" | "fallback" => is_a(value, "omnicache.backends", "Backend"),
        "compression" => is_a(value, "omnicache.serializers", "Compression"),
        _ => Ok(!is_plain(value) && !value.is_instance_of::<PyDict>()),
    }
}

/// Whether `value` is an object of a class, or a class below it.
fn is_a(value: &Bound<'_, PyAny>, module: &str, class: &str) -> PyResult<bool> {
    let base = value.py().import(module)?.getattr(class)?;
    match value.cast::<PyType>() {
        Ok(class) => class.is_subclass(&base),
        Err(_) => value.is_instance(&base),
    }
}
