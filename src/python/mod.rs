//! The boundary to Python: the only place that names pyo3 and the only place with `unsafe`.

use pyo3::prelude::*;

mod keys;
mod plain;

/// The compiled module `omnicache._omnicache`.
#[pymodule]
fn _omnicache(m: &Bound<'_, PyModule>) -> PyResult<()> {
    keys::register(m)?;
    plain::register(m)
}
