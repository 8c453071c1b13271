//! The far stores as Python objects: bytes in, bytes out, times as seconds since 1970.
//!
//! Whatever may touch the disk or wait for another writer runs without the GIL. It must: who holds the lock that such a
//! thread waits for may himself be waiting for the GIL, to make an object of what he has read.

mod entry;
mod followed;
mod fork;
mod read;
mod record;
mod redis;
mod store;
mod terms;
mod watch;
mod write;

use crate::clock::NEVER;
use crate::far::{FarError, Problem};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pyo3::import_exception!(omnicache.exceptions, CacheBackendError);
pyo3::import_exception!(omnicache.exceptions, CacheSerializationError);
pyo3::import_exception!(omnicache.exceptions, CacheTimeoutError);

pub(super) use followed::Followed;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<entry::FarEntry>()?;
    module.add_class::<entry::FarLease>()?;
    module.add_class::<terms::FarTerms>()?;
    module.add_class::<store::FileStore>()?;
    redis::register(module)?;
    module.add_function(wrap_pyfunction!(record::pack_record, module)?)?;
    module.add_function(wrap_pyfunction!(record::unpack_record, module)?)
}

/// What Python is told of `error`.
#[allow(clippy::needless_pass_by_value)] // it is handed to map_err
fn raise(error: FarError) -> PyErr {
    let text = error.to_string();
    match error.problem {
        Problem::Busy(_) | Problem::TimedOut(_) => CacheTimeoutError::new_err(text),
        // Nothing is wrong with the store.
        Problem::TooLarge { .. } => CacheSerializationError::new_err(text),
        _ => CacheBackendError::new_err(text),
    }
}

/// Nanoseconds since 1970 of seconds since 1970.
#[allow(clippy::cast_sign_loss)] // negative ones are refused
fn nanos(seconds: f64) -> PyResult<u64> {
    if seconds >= 0.0 {
        Ok((seconds * 1e9).round() as u64) // saturates: infinity is NEVER
    } else {
        Err(PyValueError::new_err(format!(
            "{seconds} is not a time; write seconds since 1970 as a number, as time.time() gives them"
        )))
    }
}

/// As [`nanos`] of a moment that may never come.
fn nanos_or_never(seconds: Option<f64>) -> PyResult<u64> {
    seconds.map_or(Ok(NEVER), nanos)
}

/// Seconds since 1970 of nanoseconds since 1970.
#[allow(clippy::cast_precision_loss)] // a quarter of a microsecond
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// As [`seconds`] of a moment that may never come.
fn seconds_or_never(nanos: u64) -> Option<f64> {
    (nanos != NEVER).then(|| seconds(nanos))
}
