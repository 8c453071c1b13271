//! The lookup: by borrowed parts where that will do, by the key where it will not.

use super::parts::{Call, slice};
use super::plan::{Others, QUICK};
use super::{CachedCall, count, instances};
use crate::python::core::{Core, hot};
use crate::python::plain;
use crate::shard;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use std::ptr::{addr_of_mut, null_mut};

/// What a lookup by borrowed parts came to.
pub(super) enum Look {
    /// A new reference to the value.
    Hit(*mut PyObject),
    Miss,
    /// There is a value, but it asks for a refresh.
    Early,
    /// A part is not plain, or the cache wants to see every read.
    Slow,
}

/// The value, or the key, with whether a value is there that asks for a refresh.
pub(super) type Found<'py> = Result<Bound<'py, PyAny>, (Bound<'py, PyTuple>, bool)>;

impl CachedCall {
    /// Looks the parts up without making the key.
    #[inline]
    unsafe fn look(&self, parts: &[*mut PyObject]) -> Look {
        // SAFETY: the caller keeps the parts alive; the thread is attached; a kept tuple's items live as long as it.
        unsafe {
            let core = hot::core(self.core.as_ptr());
            if !core.reads_hot() {
                return Look::Slow;
            }
            let mut state = self.seed;
            for part in parts {
                let Some(part) = plain::plain_part(*part) else {
                    return Look::Slow;
                };
                state = plain::hash_fold(state, part);
            }
            let prefix = self.prefix.as_ptr();
            let mut early = false;
            let same = |key| {
                ffi::Py_TYPE(key) == addr_of_mut!(ffi::PyTuple_Type)
                    && ffi::PyTuple_GET_SIZE(key).unsigned_abs() == parts.len() + 1
                    && plain::same(ffi::PyTuple_GET_ITEM(key, 0), prefix)
                    && parts
                        .iter()
                        .zip(1..)
                        .all(|(part, at)| plain::same(ffi::PyTuple_GET_ITEM(key, at), *part))
            };
            let value = hot::find(core, plain::hash_finish(state), same, |value| {
                ffi::Py_DECREF(value);
                early = true;
                null_mut()
            });
            if value.is_null() {
                return if early { Look::Early } else { Look::Miss };
            }
            count(&self.hits);
            Look::Hit(value)
        }
    }

    /// The answer of a lookup that found nothing, or nothing that is not to be refreshed.
    pub(super) unsafe fn not_there(&self, early: bool) -> *mut PyObject {
        count(if early { &self.hits } else { &self.misses });
        // SAFETY: the thread is attached; what is returned is alive.
        unsafe { ffi::Py_NewRef(self.absent.as_ref().map_or(ffi::Py_None(), Py::as_ptr)) }
    }

    /// The key that these parts make.
    pub(super) unsafe fn tuple<'py>(
        &self,
        py: Python<'py>,
        parts: &[*mut PyObject],
    ) -> PyResult<Bound<'py, PyTuple>> {
        // SAFETY: the parts are alive.
        let part = |part: &*mut PyObject| unsafe { Borrowed::from_ptr(py, *part).to_owned() };
        let first = self.prefix.bind(py).clone().into_any();
        let items: SmallVec<[Bound<'py, PyAny>; 8]> = std::iter::once(first)
            .chain(parts.iter().map(part))
            .collect();
        PyTuple::new(py, items)
    }

    /// Looks the parts up in whatever way they need.
    pub(super) unsafe fn search<'py>(
        slf: &Bound<'py, Self>,
        parts: &[*mut PyObject],
    ) -> PyResult<Found<'py>> {
        let (this, py) = (slf.get(), slf.py());
        // SAFETY: the parts are alive and the thread is attached.
        unsafe {
            match this.look(parts) {
                Look::Hit(value) => return Ok(Ok(Bound::from_owned_ptr(py, value))),
                Look::Miss => return Ok(Err((this.tuple(py, parts)?, false))),
                Look::Early => return Ok(Err((this.tuple(py, parts)?, true))),
                Look::Slow => {}
            }
            let key = this.tuple(py, parts)?;
            let core = this.core.bind(py);
            core.get().open(core, "call")?;
            match Core::seek(core, key.as_any()) {
                Ok(shard::Found::Fresh(value)) => {
                    count(&this.hits);
                    Ok(Ok(value))
                }
                Ok(shard::Found::Early(_)) => Ok(Err((key, true))),
                Ok(_) => Ok(Err((key, false))),
                Err(error) => {
                    slf.call_method1("_unusable", (&key, &error))?;
                    Err(error)
                }
            }
        }
    }

    /// Looks up values in the order of the parameters, of a plan that is quick.
    #[inline]
    pub(super) unsafe fn look_quickly(&self, values: &[*mut PyObject]) -> Look {
        // SAFETY: the values live during the call, the instance among them.
        unsafe {
            if !self.plan.owner {
                return self.look(values);
            }
            let token = instances::token(values[0]);
            if token.is_null() {
                return Look::Slow;
            }
            let mut parts = [token; QUICK];
            parts[1..values.len()].copy_from_slice(&values[1..]);
            self.look(&parts[..values.len()])
        }
    }

    /// Looks up a call that needs nothing made.
    #[inline]
    pub(super) unsafe fn quick(&self, call: Call) -> Look {
        let plan = &self.plan;
        if !plan.quick {
            return Look::Slow;
        }
        let all = plan.parameters.len();
        // SAFETY: the interpreter's arguments, which live during the call.
        unsafe {
            if call.names.is_null() && call.count == all && plan.positional == all {
                return self.look_quickly(slice(call.args, all));
            }
            let mut slots = [null_mut(); QUICK];
            let (slots, mut others) = (&mut slots[..all], Others::default());
            if !plan.bind(call.args, call.count, call.names, slots, &mut others) {
                return Look::Slow;
            }
            self.look_quickly(slots)
        }
    }
}
