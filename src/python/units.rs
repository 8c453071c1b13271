//! Durations and sizes from Python objects.

use crate::units::{self, UnitError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString};

pyo3::import_exception!(omnicache.exceptions, CacheConfigError);

/// Adds the functions of this file to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_duration, module)?)?;
    module.add_function(wrap_pyfunction!(parse_size, module)?)?;
    Ok(())
}

/// Seconds of a duration: a number of seconds, a `timedelta`, or text such as `"1h30m"`.
#[pyfunction]
#[pyo3(signature = (value, /))]
fn parse_duration(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    nanos(value).map(units::seconds_of_nanos)
}

/// Bytes of a size: a whole number, or text such as `"64MiB"`.
#[pyfunction]
#[pyo3(signature = (value, /))]
fn parse_size(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Ok(text) = value.cast::<PyString>() {
        return units::parse_size(&text.to_string_lossy()).map_err(refused);
    }
    let Some((number, shown)) = whole(value) else {
        let problem = "bytes as an int, or text like \"64MiB\"";
        return Err(wrong_type(value, "a size", problem));
    };
    units::check_limit(number, units::MAX_BYTES, &shown).map_err(refused)
}

/// Nanoseconds of a duration in any form that a user may give: a number of seconds, a `timedelta`, or text.
///
/// Raises `CacheConfigError` for anything else, and for what is not more than zero.
pub(crate) fn nanos(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Ok(seconds) = value.cast::<PyFloat>() {
        return units::nanos_of_seconds(seconds.value()).map_err(refused);
    }
    if let Some((seconds, shown)) = whole(value) {
        let nanos = seconds.saturating_mul(1_000_000_000);
        return units::check_nanos(nanos, &shown).map_err(refused);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return units::parse_duration(&text.to_string_lossy()).map_err(refused);
    }
    if let Ok(delta) = value.cast::<PyDelta>() {
        let seconds = i128::from(delta.get_days()) * 86_400 + i128::from(delta.get_seconds());
        let nanos = (seconds * 1_000_000 + i128::from(delta.get_microseconds())) * 1_000;
        return units::check_nanos(nanos, &delta.str()?.to_string_lossy()).map_err(refused);
    }
    let problem = "seconds as a number, a timedelta, or text like \"90s\" or \"1h30m\"";
    Err(wrong_type(value, "a duration", problem))
}

/// The number of an int, cut to 128 bits (which is far over every limit on either side), and how to show it.
fn whole(value: &Bound<'_, PyAny>) -> Option<(i128, String)> {
    if value.is_instance_of::<PyBool>() {
        return None;
    }
    let int = value.cast::<PyInt>().ok()?;
    if let Ok(number) = int.extract::<i128>() {
        return Some((number, number.to_string()));
    }
    let negative = int.lt(0).unwrap_or(false);
    let number = if negative { i128::MIN } else { i128::MAX };
    Some((number, "a huge int".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn refused(error: UnitError) -> PyErr {
    CacheConfigError::new_err(error.to_string())
}

fn wrong_type(value: &Bound<'_, PyAny>, what: &str, right: &str) -> PyErr {
    let shown = if value.is_instance_of::<PyBool>() || value.is_none() {
        value.to_string()
    } else {
        let name = value.get_type().name();
        let name = name.map_or_else(|_| "unknown".to_owned(), |name| name.to_string());
        format!("an object of type {name}")
    };
    CacheConfigError::new_err(format!("{shown} is not {what}; write {right}"))
}
