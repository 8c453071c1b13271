//! The compiled module `omnicache._omnicache`: the only place that names pyo3.

mod config;
mod flight;
mod flight_key;
mod units;
mod waits;

use pyo3::prelude::*;

/// The engine of `omnicache`; its public face is the package.
#[pymodule]
fn _omnicache(module: &Bound<'_, PyModule>) -> PyResult<()> {
    config::register(module)?;
    flight::register(module)?;
    units::register(module)?;
    waits::register(module)?;
    Ok(())
}
