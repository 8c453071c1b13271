//! The parts of a key, from the arguments of a call.

use super::plan::{Others, QUICK, Take};
use super::{CachedCall, instances};
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;
use std::ptr::null_mut;

/// Arguments, as the interpreter passes them.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) args: *const *mut PyObject,
    pub(super) count: usize,
    pub(super) names: *mut PyObject,
}

/// The parts of a key after the prefix.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) slots: SmallVec<[*mut PyObject; 8]>,
    /// What keeps those parts alive that the call does not.
    kept: SmallVec<[Py<PyAny>; 2]>,
}

impl Parts {
    fn keep(&mut self, part: Bound<'_, PyAny>) {
        self.slots.push(part.as_ptr());
        self.kept.push(part.unbind());
    }
}

/// The arguments; without any, the pointer may be null.
///
/// # Safety
/// `args` points to `count` arguments that live for as long as the slice is used.
#[inline]
pub(super) unsafe fn slice<'a>(args: *const *mut PyObject, count: usize) -> &'a [*mut PyObject] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(args, count) }
}

impl CachedCall {
    /// The parts of the key of a call; `None` if it does not fit the signature.
    pub(super) unsafe fn parts(&self, py: Python<'_>, call: Call) -> PyResult<Option<Parts>> {
        let (plan, mut parts) = (&self.plan, Parts::default());
        // SAFETY: the interpreter's arguments, which live during the call; what is made here is kept in `parts`.
        unsafe {
            if let Some(function) = &plan.key {
                let key =
                    ffi::PyObject_Vectorcall(function.as_ptr(), call.args, call.count, call.names);
                parts.keep(Bound::from_owned_ptr_or_err(py, key)?);
                return Ok(Some(parts));
            }
            let mut slots: SmallVec<[*mut PyObject; QUICK]> =
                SmallVec::from_elem(null_mut(), plan.parameters.len());
            let mut others = Others::default();
            if !plan.bind(call.args, call.count, call.names, &mut slots, &mut others) {
                return Ok(None);
            }
            let (first, last) = slots.split_at(plan.positional);
            let (first_takes, last_takes) = plan.parameters.split_at(plan.positional);
            for (slot, parameter) in first.iter().zip(first_takes) {
                add(py, &mut parts, &parameter.take, *slot)?;
            }
            if let Some(take) = &plan.rest {
                let rest = slice(call.args, call.count);
                let rest = rest[others.from..]
                    .iter()
                    .map(|item| Borrowed::from_ptr(py, *item));
                let rest = PyTuple::new(py, rest.collect::<SmallVec<[_; 8]>>())?;
                add_kept(py, &mut parts, take, rest.into_any())?;
            }
            for (slot, parameter) in last.iter().zip(last_takes) {
                add(py, &mut parts, &parameter.take, *slot)?;
            }
            if let Some(take) = &plan.named {
                let owned = |object| Borrowed::from_ptr(py, object).to_owned();
                let named = others.named.iter();
                let named = named.map(|(name, value)| (owned(*name), owned(*value)));
                add_named(py, &mut parts, take, named.collect())?;
            }
        }
        Ok(Some(parts))
    }

    /// The parts of a key from arguments that are bound already, one for each parameter, `*args` and `**kwargs`.
    pub(super) unsafe fn bound_parts(
        &self,
        py: Python<'_>,
        args: &[*mut PyObject],
    ) -> PyResult<Parts> {
        let (plan, mut parts) = (&self.plan, Parts::default());
        let mut args = args.iter();
        let mut next = || {
            args.next()
                .copied()
                .ok_or_else(|| PyTypeError::new_err("look up: every parameter, in order"))
        };
        // SAFETY: the interpreter's arguments, which live during the call.
        unsafe {
            if plan.key.is_some() {
                parts.slots.push(next()?);
                return Ok(parts);
            }
            let (first, last) = plan.parameters.split_at(plan.positional);
            for parameter in first {
                add(py, &mut parts, &parameter.take, next()?)?;
            }
            if let Some(take) = &plan.rest {
                add(py, &mut parts, take, next()?)?;
            }
            for parameter in last {
                add(py, &mut parts, &parameter.take, next()?)?;
            }
            if let Some(take) = &plan.named {
                let named = Borrowed::from_ptr(py, next()?).cast::<PyDict>()?.to_owned();
                add_named(py, &mut parts, take, named.iter().collect())?;
            }
        }
        Ok(parts)
    }
}

/// Adds an argument that the call keeps alive.
unsafe fn add(py: Python<'_>, parts: &mut Parts, take: &Take, slot: *mut PyObject) -> PyResult<()> {
    // SAFETY: the caller's slot is alive during the call.
    unsafe {
        match take {
            Take::Value => parts.slots.push(slot),
            Take::Skip => {}
            Take::Owner => {
                let token = instances::token(slot);
                if token.is_null() {
                    let instance = Borrowed::from_ptr(py, slot);
                    parts.keep(adopter(py)?.call1((instance,))?);
                } else {
                    parts.slots.push(token);
                }
            }
            Take::By(function) => {
                parts.keep(function.bind(py).call1((Borrowed::from_ptr(py, slot),))?);
            }
        }
    }
    Ok(())
}

/// Adds what was made for the key.
unsafe fn add_kept(
    py: Python<'_>,
    parts: &mut Parts,
    take: &Take,
    made: Bound<'_, PyAny>,
) -> PyResult<()> {
    match take {
        Take::Skip => {}
        Take::By(function) => parts.keep(function.bind(py).call1((made,))?),
        Take::Value | Take::Owner => parts.keep(made),
    }
    Ok(())
}

/// Adds `**kwargs`, in the order of the names: that of the call says nothing.
fn add_named(
    py: Python<'_>,
    parts: &mut Parts,
    take: &Take,
    mut named: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
) -> PyResult<()> {
    named.sort_by(|(a, _), (b, _)| {
        // SAFETY: the names of arguments are str, and comparing those runs no Python code and cannot fail.
        unsafe { ffi::PyUnicode_Compare(a.as_ptr(), b.as_ptr()) }.cmp(&0)
    });
    let named = PyTuple::new(py, named)?;
    // SAFETY: what is added is kept.
    unsafe { add_kept(py, parts, take, named.into_any()) }
}

/// What gives an instance its token.
fn adopter(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static ADOPT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let adopt = ADOPT.get_or_try_init(py, || {
        PyResult::Ok(
            py.import("omnicache._instances")?
                .getattr("adopt")?
                .unbind(),
        )
    })?;
    Ok(adopt.bind(py))
}

/// The key of a call with these arguments, or `None` if they do not fit.
pub(super) fn key<'py>(
    slf: &Bound<'py, CachedCall>,
    args: &Bound<'py, PyTuple>,
    kwargs: &Bound<'py, PyDict>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = slf.py();
    let mut all: Vec<*mut PyObject> = args.iter().map(|item| item.as_ptr()).collect();
    let items: Vec<_> = kwargs.iter().collect();
    all.extend(items.iter().map(|(_, value)| value.as_ptr()));
    let names = PyTuple::new(py, items.iter().map(|(name, _)| name))?;
    let names_or_null = if items.is_empty() {
        null_mut()
    } else {
        names.as_ptr()
    };
    let call = Call {
        args: all.as_ptr(),
        count: args.len(),
        names: names_or_null,
    };
    // SAFETY: `args`, `items` and `names` keep everything alive that `call` points to.
    unsafe {
        slf.get()
            .parts(py, call)?
            .map(|parts| slf.get().tuple(py, &parts.slots))
            .transpose()
    }
}
