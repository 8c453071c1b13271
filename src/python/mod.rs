//! The compiled module `omnicache._omnicache`: the only place that names pyo3.

mod cached_error;
mod call;
mod clock;
mod config;
mod config_file;
mod core;
mod far;
mod flight;
mod key;
mod keys;
mod lock;
mod plain;
mod sentinel;
mod serial;
mod units;
mod waits;
mod weigh;

use pyo3::prelude::*;

/// The engine of `omnicache`; its public face is the package.
#[pymodule]
fn _omnicache(module: &Bound<'_, PyModule>) -> PyResult<()> {
    cached_error::register(module)?;
    call::register(module)?;
    clock::register(module)?;
    config::register(module)?;
    config_file::register(module)?;
    core::register(module)?;
    far::register(module)?;
    flight::register(module)?;
    keys::register(module)?;
    plain::register(module)?;
    serial::register(module)?;
    units::register(module)?;
    waits::register(module)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
