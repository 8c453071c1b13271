//! Where the hot path goes on to if entries are copies: to the methods `_read` and `_beyond` of the class.

use super::ops::missing_key;
use crate::python::sentinel::missing;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use std::ptr::null_mut;

/// The method that does all of a `get`; `None` with the error set if there is none.
#[cold]
pub(super) unsafe fn reader(this: *mut PyObject) -> Option<Py<PyAny>> {
    // SAFETY: `this` is alive during the call, and the thread is attached.
    unsafe {
        let py = Python::assume_attached();
        match Borrowed::from_ptr(py, this).get_type().getattr("_read") {
            Ok(method) => Some(method.unbind()),
            Err(error) => {
                error.restore(py);
                None
            }
        }
    }
}

/// What lies beyond the near store under a key that is not near.
#[cold]
pub(super) unsafe fn get(
    this: *mut PyObject,
    key: *mut PyObject,
    default: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: all three are alive during the call, and the thread is attached.
    unsafe {
        let py = Python::assume_attached();
        let [this, key, default] = [this, key, default].map(|it| Borrowed::from_ptr(py, it));
        match this.call_method1("_beyond", (key, default)) {
            Ok(value) => value.into_ptr(),
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    }
}

/// `cache[key]` by the method of that name, which takes a default.
#[cold]
pub(super) unsafe fn item(this: *mut PyObject, key: *mut PyObject, method: &str) -> *mut PyObject {
    // SAFETY: both are alive during the call, and the thread is attached.
    unsafe {
        let py = Python::assume_attached();
        let (cache, sought) = (Borrowed::from_ptr(py, this), Borrowed::from_ptr(py, key));
        match cache.call_method1(method, (sought, missing(py))) {
            Ok(value) if value.is(missing(py)) => not_there(this, key),
            Ok(value) => value.into_ptr(),
            Err(error) => {
                error.restore(py);
                null_mut()
            }
        }
    }
}

/// The error of `cache[key]`.
#[cold]
pub(super) unsafe fn not_there(this: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: both are alive during the call, and the thread is attached.
    unsafe {
        let py = Python::assume_attached();
        let (cache, key) = (Borrowed::from_ptr(py, this), Borrowed::from_ptr(py, key));
        missing_key(&cache, &key).restore(py);
        null_mut()
    }
}
