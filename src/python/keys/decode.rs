//! Decoded values to Python objects. What cannot be made again exactly becomes a `KeyPart`.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFrozenSet, PyInt, PyList, PySet, PyString,
    PyTime, PyTuple, PyTzInfo,
};

use super::known;
use super::part::KeyPart;
use crate::key::{Clock, Date, KeyValue, Text, Zone, ZoneKind};

/// The object that `value` stands for.
pub(super) fn object<'py>(py: Python<'py>, value: &KeyValue) -> PyResult<Bound<'py, PyAny>> {
    match value {
        KeyValue::None => Ok(py.None().into_bound(py)),
        KeyValue::Bool(value) => value.into_bound_py_any(py),
        KeyValue::Int(value) => value.into_bound_py_any(py),
        KeyValue::BigInt(bytes) => {
            let signed = PyDict::new(py);
            signed.set_item("signed", true)?;
            py.get_type::<PyInt>().call_method(
                "from_bytes",
                (PyBytes::new(py, bytes), "big"),
                Some(&signed),
            )
        }
        KeyValue::Float(value) => value.get().into_bound_py_any(py),
        KeyValue::Str(value) => text(py, value),
        KeyValue::Bytes(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        KeyValue::Tuple(items) => Ok(PyTuple::new(py, objects(py, items)?)?.into_any()),
        KeyValue::List(items) => Ok(PyList::new(py, objects(py, items)?)?.into_any()),
        KeyValue::Dict(items) => exact(py, value, dict(py, items)),
        KeyValue::Set(members) => exact(
            py,
            value,
            objects(py, members).and_then(|all| Ok(PySet::new(py, all)?.into_any())),
        ),
        KeyValue::FrozenSet(members) => exact(
            py,
            value,
            objects(py, members).and_then(|all| Ok(PyFrozenSet::new(py, all)?.into_any())),
        ),
        KeyValue::DateTime(date, clock, zone) => {
            exact(py, value, datetime(py, *date, *clock, zone.as_ref()))
        }
        KeyValue::Date(date) => {
            Ok(PyDate::new(py, i32::from(date.year), date.month, date.day)?.into_any())
        }
        KeyValue::Time(clock, zone) => exact(py, value, time(py, *clock, zone.as_ref())),
        KeyValue::TimeDelta(micros) => exact(py, value, delta(py, *micros).map(Bound::into_any)),
        KeyValue::Decimal(text) => exact(
            py,
            value,
            known::DECIMAL
                .load(py)
                .and_then(|decimal| decimal.call1((text.as_str(),))),
        ),
        KeyValue::Uuid(number) => {
            let int = PyDict::new(py);
            int.set_item("int", *number)?;
            known::UUID.load(py)?.call((), Some(&int))
        }
        KeyValue::Path {
            windows,
            text: path,
        } => {
            let class = if *windows {
                &known::PURE_WINDOWS_PATH
            } else {
                &known::PURE_POSIX_PATH
            };
            let path = text(py, path)?;
            exact(
                py,
                value,
                class.load(py).and_then(|class| class.call1((path,))),
            )
        }
        KeyValue::Reference(..) | KeyValue::Named(..) => part(py, value),
    }
}

fn part<'py>(py: Python<'py>, value: &KeyValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, KeyPart::new(value.encode()))?.into_any())
}

/// `made` if it stands for `value` and nothing else: this machine may not know the zone, and bytes from elsewhere may
/// hold a path that is not normal or a dict in which two keys are equal in Python.
fn exact<'py>(
    py: Python<'py>,
    value: &KeyValue,
    made: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match made {
        Ok(made) if super::encode(py, &made).is_ok_and(|bytes| bytes == value.encode()) => Ok(made),
        _ => part(py, value),
    }
}

fn objects<'py>(py: Python<'py>, items: &[KeyValue]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    items.iter().map(|item| object(py, item)).collect()
}

fn dict<'py>(py: Python<'py>, items: &[(KeyValue, KeyValue)]) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    for (key, value) in items {
        dict.set_item(object(py, key)?, object(py, value)?)?;
    }
    Ok(dict.into_any())
}

fn text<'py>(py: Python<'py>, text: &Text) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(text.as_bytes()) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => {
            PyBytes::new(py, text.as_bytes()).call_method1("decode", ("utf-8", "surrogatepass"))
        }
    }
}

fn delta(py: Python<'_>, micros: i128) -> PyResult<Bound<'_, PyDelta>> {
    const SECOND: i128 = 1_000_000;
    const DAY: i128 = 86_400 * SECOND;
    let rest = micros.rem_euclid(DAY);
    let days = i32::try_from(micros.div_euclid(DAY))?;
    PyDelta::new(
        py,
        days,
        (rest / SECOND) as i32,
        (rest % SECOND) as i32,
        false,
    )
}

fn datetime<'py>(
    py: Python<'py>,
    date: Date,
    clock: Clock,
    zone: Option<&Zone>,
) -> PyResult<Bound<'py, PyAny>> {
    let Clock {
        hour,
        minute,
        second,
        micro,
        fold,
    } = clock;
    let Date { year, month, day } = date;
    let zone = zone.map(|zone| tzinfo(py, zone)).transpose()?;
    let year = i32::from(year);
    let made = PyDateTime::new_with_fold(
        py,
        year,
        month,
        day,
        hour,
        minute,
        second,
        micro,
        zone.as_ref(),
        fold,
    )?;
    Ok(made.into_any())
}

fn time<'py>(py: Python<'py>, clock: Clock, zone: Option<&Zone>) -> PyResult<Bound<'py, PyAny>> {
    let Clock {
        hour,
        minute,
        second,
        micro,
        fold,
    } = clock;
    let zone = zone.map(|zone| tzinfo(py, zone)).transpose()?;
    Ok(PyTime::new_with_fold(py, hour, minute, second, micro, zone.as_ref(), fold)?.into_any())
}

fn tzinfo<'py>(py: Python<'py>, zone: &Zone) -> PyResult<Bound<'py, PyTzInfo>> {
    let name = text(py, &zone.name)?;
    if zone.kind == ZoneKind::Database {
        return Ok(known::ZONE_INFO.load(py)?.call1((name,))?.cast_into()?);
    }
    let timezone = known::TIMEZONE.load(py)?;
    let offset = delta(py, i128::from(zone.offset.unwrap_or_default()))?;
    let unnamed = timezone.call1((&offset,))?;
    // The name that an offset has by itself must not be given, or the repr would show it.
    let made = if unnamed.call_method1("tzname", (py.None(),))?.eq(&name)? {
        unnamed
    } else {
        timezone.call1((offset, name))?
    };
    Ok(made.cast_into()?)
}
