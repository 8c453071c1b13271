//! The call itself, as the interpreter makes it: no argument parser, no tuple of arguments, and no key unless it is
//! needed.

use super::look::Look;
use super::parts::{Call, slice};
use super::{CachedCall, count};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;
use std::ptr::null_mut;

/// # Safety
/// `this` is an instance of `CachedCall` that outlives the reference; the thread is attached.
#[inline]
unsafe fn cached<'a>(this: *mut PyObject) -> &'a CachedCall {
    // SAFETY: the caller's promise; the class is frozen, so a shared reference is always allowed.
    unsafe {
        let this = Borrowed::from_ptr(Python::assume_attached(), this);
        let cached: *const CachedCall = this.cast_unchecked::<CachedCall>().get();
        &*cached
    }
}

/// A new reference, or null with the error set.
fn answer(py: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>) -> *mut PyObject {
    match outcome {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    }
}

impl CachedCall {
    /// A value as its caller is handed it.
    fn handed<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match &self.copier {
            None => Ok(value),
            Some(copier) => copier.bind(value.py()).call1((value,)),
        }
    }
}

/// A hit as its caller is handed it.
#[inline]
unsafe fn handed(this: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: `this` is an instance of `CachedCall`, the reference is the caller's, the thread is attached.
    unsafe {
        let cached = cached(this);
        if cached.copier.is_none() {
            return value;
        }
        let py = Python::assume_attached();
        answer(py, cached.handed(Bound::from_owned_ptr(py, value)))
    }
}

/// A call of a cached function.
pub(super) unsafe extern "C" fn call(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter by the vectorcall protocol on an instance of `CachedCall`.
    unsafe {
        let count = ffi::PyVectorcall_NARGS(count).unsigned_abs();
        let call = Call { args, count, names };
        match cached(this).quick(call) {
            Look::Hit(value) => handed(this, value),
            Look::Miss => call_bound(this, call, Some(false)),
            Look::Early => call_bound(this, call, Some(true)),
            Look::Slow => call_bound(this, call, None),
        }
    }
}

/// A call that needs its arguments bound, or that missed, or found what asks for a refresh.
#[inline(never)]
unsafe fn call_bound(this: *mut PyObject, call: Call, early: Option<bool>) -> *mut PyObject {
    // SAFETY: as for `call`.
    unsafe {
        let py = Python::assume_attached();
        let slf = Borrowed::from_ptr(py, this)
            .to_owned()
            .cast_into_unchecked::<CachedCall>();
        let cached = slf.get();
        let outcome = (|| {
            let Some(parts) = cached.parts(py, call)? else {
                let (args, kwargs) = packed(py, call)?;
                return slf.call_method1("_misfit", (args, kwargs));
            };
            let found = match early {
                Some(early) => Err((cached.tuple(py, &parts.slots)?, early)),
                None => CachedCall::search(&slf, &parts.slots)?,
            };
            match found {
                Ok(value) => cached.handed(value),
                Err((key, early)) => {
                    count(if early { &cached.hits } else { &cached.misses });
                    let (args, kwargs) = packed(py, call)?;
                    let request = slf.call_method1("_request", (key, args, kwargs))?;
                    slf.call_method1("_fetch", (request,))
                }
            }
        })();
        answer(py, outcome)
    }
}

/// The arguments as a tuple and a dict.
unsafe fn packed(py: Python<'_>, call: Call) -> PyResult<(Bound<'_, PyTuple>, Bound<'_, PyDict>)> {
    // SAFETY: as for `call`.
    unsafe {
        let item = |at: usize| Borrowed::from_ptr(py, *call.args.add(at));
        let args: SmallVec<[_; 8]> = (0..call.count).map(item).collect();
        let (args, kwargs) = (PyTuple::new(py, args)?, PyDict::new(py));
        if !call.names.is_null() {
            for at in 0..ffi::PyTuple_GET_SIZE(call.names) {
                let name = Borrowed::from_ptr(py, ffi::PyTuple_GET_ITEM(call.names, at));
                kwargs.set_item(name, item(call.count + at.unsigned_abs()))?;
            }
        }
        Ok((args, kwargs))
    }
}

/// The lookup in a cached coroutine function, which binds its arguments by itself.
pub(super) unsafe extern "C" fn look_up(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter by the vectorcall protocol on an instance of `CachedCall`.
    unsafe {
        debug_assert!(names.is_null());
        look_up_fast(this, args.cast_mut(), ffi::PyVectorcall_NARGS(count))
    }
}

/// As [`look_up`], for a builtin function whose `self` is the `CachedCall`.
unsafe extern "C" fn look_up_fast(
    this: *mut PyObject,
    args: *mut *mut PyObject,
    count: isize,
) -> *mut PyObject {
    // SAFETY: called by the interpreter as METH_FASTCALL with an instance of `CachedCall`.
    unsafe {
        let (cached, args) = (cached(this), slice(args, count.unsigned_abs()));
        let look = if cached.plan.quick && args.len() == cached.plan.parameters.len() {
            cached.look_quickly(args)
        } else {
            Look::Slow
        };
        match look {
            Look::Hit(value) => handed(this, value),
            Look::Miss => cached.not_there(false),
            Look::Early => cached.not_there(true),
            Look::Slow => look_up_bound(this, args),
        }
    }
}

/// [`look_up_fast`] as a function of Python.
pub(super) fn function<'py>(slf: &Bound<'py, CachedCall>) -> PyResult<Bound<'py, PyAny>> {
    struct Definition(ffi::PyMethodDef);
    // SAFETY: nobody writes to it.
    unsafe impl Sync for Definition {}
    static LOOK_UP: Definition = Definition(ffi::PyMethodDef {
        ml_name: c"look_up".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFast: look_up_fast,
        },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: std::ptr::null(),
    });
    // SAFETY: the definition is static, and the function keeps the object that it is bound to.
    unsafe {
        let definition = (&raw const LOOK_UP.0).cast_mut();
        let made = ffi::PyCFunction_NewEx(definition, slf.as_ptr(), null_mut());
        Bound::from_owned_ptr_or_err(slf.py(), made)
    }
}

#[inline(never)]
unsafe fn look_up_bound(this: *mut PyObject, args: &[*mut PyObject]) -> *mut PyObject {
    // SAFETY: as for `look_up`.
    unsafe {
        let py = Python::assume_attached();
        let slf = Borrowed::from_ptr(py, this)
            .to_owned()
            .cast_into_unchecked::<CachedCall>();
        let cached = slf.get();
        let outcome = (|| {
            let parts = cached.bound_parts(py, args)?;
            let found = CachedCall::search(&slf, &parts.slots)?;
            match found {
                Ok(value) => cached.handed(value),
                Err((_, early)) => Ok(Bound::from_owned_ptr(py, cached.not_there(early))),
            }
        })();
        answer(py, outcome)
    }
}
