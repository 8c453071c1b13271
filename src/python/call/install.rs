//! Telling the interpreter how a cached function is called.

use super::CachedCall;
use crate::python::core::Core;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::ffi::c_ulong;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// The flags of a type, which are atomic where there is no GIL.
trait Flags {
    fn add(&mut self, flags: c_ulong);
}

impl Flags for c_ulong {
    fn add(&mut self, flags: c_ulong) {
        *self |= flags;
    }
}

impl Flags for AtomicU64 {
    #[allow(clippy::useless_conversion)] // a c_ulong has 32 bits on Windows
    fn add(&mut self, flags: c_ulong) {
        self.fetch_or(flags.into(), Relaxed);
    }
}

impl Flags for AtomicU32 {
    fn add(&mut self, flags: c_ulong) {
        self.fetch_or(flags as u32, Relaxed);
    }
}

/// Tells the interpreter that instances of `class`, `CachedCall` or a class below it, are called by vectorcall and are
/// methods where they are found in a class. A class below does not inherit the first.
#[pyfunction]
pub(super) fn install_call(class: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class.py();
    let native = py.get_type::<CachedCall>();
    if !class.is_subclass(&native)? {
        return Err(PyTypeError::new_err(
            "install_call: a class below CachedCall",
        ));
    }
    let example = native.call1((
        py.get_type::<Core>().call0()?,
        "",
        (PyTuple::empty(py), 0, 0, py.None(), py.None(), py.None()),
    ))?;
    let offset = CachedCall::offset(example.cast::<CachedCall>()?);
    for class in [native.as_type_ptr(), class.as_type_ptr()] {
        // SAFETY: both are live heap types whose instances start as `CachedCall` does, with the field at this offset;
        // they are patched before an instance can be called, and the interpreter is told of it.
        unsafe {
            (*class).tp_vectorcall_offset = offset.cast_signed();
            (*class).tp_call = Some(ffi::PyVectorcall_Call);
            (*class)
                .tp_flags
                .add(ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR);
            ffi::PyType_Modified(class);
        }
    }
    Ok(())
}
