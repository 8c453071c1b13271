//! `NativeCodec`: the native serializer as Python sees it.

use std::borrow::Cow;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::decode::decode;
use super::encode::Encoder;
use super::enums::Enums;
use crate::pack::MAX_BYTES;
use crate::python::units::CacheConfigError;

/// A larger buffer is given back rather than kept.
const KEPT_BYTES: usize = 64 << 10;

/// The buffer of the last value that was written: who writes takes it, and puts it back.
static BUFFER: AtomicPtr<Vec<u8>> = AtomicPtr::new(null_mut());

/// Writes and reads values of the builtin types; see `omnicache.serializers.Native`.
#[pyclass(frozen, subclass, module = "omnicache._omnicache")]
pub(super) struct NativeCodec {
    enums: Enums,
    max_bytes: usize,
}

#[pymethods]
impl NativeCodec {
    #[new]
    #[pyo3(signature = (enums = Vec::new(), max_bytes = MAX_BYTES))]
    fn new(enums: Vec<Bound<'_, PyAny>>, max_bytes: usize) -> PyResult<Self> {
        if max_bytes > MAX_BYTES {
            return Err(CacheConfigError::new_err(format!(
                "max_bytes: {max_bytes} is more than 2 GiB, the most that a value may take"
            )));
        }
        Ok(Self {
            enums: Enums::new(enums)?,
            max_bytes,
        })
    }

    #[getter]
    fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    #[getter]
    fn enums<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyType>> {
        self.enums.classes(py)
    }

    #[pyo3(signature = (value, /))]
    fn dumps<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = value.py();
        let mut kept = take_buffer();
        let mut encoder = Encoder::new(py, &self.enums, self.max_bytes, std::mem::take(&mut *kept));
        let outcome = encoder.whole(value);
        let bytes = encoder.out.finish();
        let written = outcome
            .map_err(|trouble| trouble.unwritable(py))
            .and_then(|()| {
                PyBytes::new_with(py, bytes.len(), |into| {
                    into.copy_from_slice(&bytes);
                    Ok(())
                })
            });
        if bytes.capacity() <= KEPT_BYTES {
            *kept = bytes;
            put_buffer(kept);
        }
        written
    }

    #[pyo3(signature = (data, fingerprint = None))]
    fn loads<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        fingerprint: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = fingerprint; // the shape of a value is in its bytes
        let py = data.py();
        let bytes = bytes_of(data)?;
        decode(py, &bytes, &self.enums).map_err(|trouble| trouble.unreadable(py, bytes.len()))
    }

    #[expect(clippy::needless_pass_by_value, reason = "pyo3 hands it over")]
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.enums.traverse(&visit)
    }
}

/// The bytes of an object that has some: those of a `bytes` as they are, of any other a copy, as they may change.
pub(super) fn bytes_of<'a>(data: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let buffer = PyBuffer::<u8>::get(data).map_err(|_| {
        let class = data.get_type();
        let name = class
            .name()
            .map_or_else(|_| "object".into(), |name| name.to_string());
        PyTypeError::new_err(format!("a stored value is bytes, not {name}"))
    })?;
    Ok(Cow::Owned(buffer.to_vec(data.py())?))
}

/// Boxed twice, as one pointer is what can be swapped.
#[expect(
    clippy::box_collection,
    clippy::unnecessary_box_returns,
    reason = "the pointer to the Vec is what is kept"
)]
fn take_buffer() -> Box<Vec<u8>> {
    let kept = BUFFER.swap(null_mut(), Ordering::Acquire);
    if kept.is_null() {
        return Box::new(Vec::with_capacity(1 << 10));
    }
    // SAFETY: what is in BUFFER came from `Box::into_raw`, and whoever swaps it out owns it.
    unsafe { Box::from_raw(kept) }
}

#[expect(clippy::box_collection, reason = "as above")]
fn put_buffer(buffer: Box<Vec<u8>>) {
    let other = BUFFER.swap(Box::into_raw(buffer), Ordering::AcqRel);
    if !other.is_null() {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(other) });
    }
}
