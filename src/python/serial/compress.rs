//! `compress` and `decompress`, other threads running meanwhile if there is much to do.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::error::CacheSerializationError;
use super::native::bytes_of;
use crate::compress as zstd;

/// Letting other threads run costs more than compressing less than this.
const MUCH: usize = 16 << 10;

/// `compress(data, level)`: the compressed bytes, or None if they would not be fewer.
#[pyfunction]
#[pyo3(signature = (data, level = 3))]
pub(super) fn compress<'py>(
    data: &Bound<'py, PyAny>,
    level: i32,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let py = data.py();
    let bytes = bytes_of(data)?;
    let packed = apart(py, bytes.len(), || zstd::compress(&bytes, level))
        .map_err(|error| CacheSerializationError::new_err(error.to_string()))?;
    Ok(packed.map(|packed| PyBytes::new(py, &packed)))
}

/// `decompress(data, max_bytes)`: what was compressed.
#[pyfunction]
pub(super) fn decompress<'py>(
    data: &Bound<'py, PyAny>,
    max_bytes: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = data.py();
    let bytes = bytes_of(data)?;
    let out = apart(py, bytes.len(), || zstd::decompress(&bytes, max_bytes)).map_err(|error| {
        CacheSerializationError::new_err(format!(
            "these {} bytes cannot be decompressed: {error}",
            bytes.len()
        ))
    })?;
    Ok(PyBytes::new(py, &out))
}

fn apart<T: Send>(py: Python<'_>, len: usize, work: impl FnOnce() -> T + Send) -> T {
    if len < MUCH { work() } else { py.detach(work) }
}
