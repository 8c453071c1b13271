//! The compiled module `omnicache._omnicache`: the only place that names pyo3.

mod config;
mod units;

use pyo3::prelude::*;

/// The engine of `omnicache`; its public face is the package.
#[pymodule]
fn _omnicache(module: &Bound<'_, PyModule>) -> PyResult<()> {
    config::register(module)?;
    units::register(module)?;
    Ok(())
}
