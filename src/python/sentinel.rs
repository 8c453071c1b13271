//! The two sentinels of `omnicache._sentinels`, known by identity.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static MISSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static DEFAULT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn load<'a>(py: Python<'_>, cell: &'a PyOnceLock<Py<PyAny>>, name: &str) -> &'a Py<PyAny> {
    cell.get_or_init(py, || {
        py.import("omnicache._sentinels")
            .and_then(|module| module.getattr(name))
            .expect("the package holds its own module of sentinels")
            .unbind()
    })
}

/// `MISSING`: no value.
pub(super) fn missing(py: Python<'_>) -> &Bound<'_, PyAny> {
    load(py, &MISSING, "MISSING").bind(py)
}

/// Whether this is `DEFAULT`: what the cache was built with.
pub(super) fn is_default(value: &Bound<'_, PyAny>) -> bool {
    value.is(load(value.py(), &DEFAULT, "DEFAULT").bind(value.py()))
}
