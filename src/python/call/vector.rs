//! The call itself, as the interpreter makes it: no argument parser, no tuple of arguments, and no key unless it is
//! needed.

use super::plan::{Others, QUICK, Take};
use super::{CachedCall, count, instances};
use crate::python::core::{Core, flag, hot};
use crate::python::plain;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use smallvec::SmallVec;
use std::ptr::{addr_of_mut, null_mut};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// Whether threads run Python at the same time.
pub(super) static PARALLEL: AtomicBool = AtomicBool::new(false);

/// Arguments, as the interpreter passes them.
#[derive(Clone, Copy)]
struct Call {
    args: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
}

/// What a lookup by borrowed parts came to.
enum Look {
    /// A new reference to the value.
    Hit(*mut PyObject),
    Miss,
    /// A part is not plain, or the cache wants to see every read.
    Slow,
}

/// The parts of a key after the prefix.
#[derive(Default)]
struct Parts {
    slots: SmallVec<[*mut PyObject; 8]>,
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

impl CachedCall {
    /// Looks the parts up without making the key.
    #[inline]
    unsafe fn look(&self, parts: &[*mut PyObject]) -> Look {
        // SAFETY: the caller keeps the parts alive; the thread is attached; a kept tuple's items live as long as it.
        unsafe {
            let core = hot::core(self.core.as_ptr());
            if core.has(flag::SLOW_READ) {
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
            let value = hot::find(core, plain::hash_finish(state), |key| {
                ffi::Py_TYPE(key) == addr_of_mut!(ffi::PyTuple_Type)
                    && ffi::PyTuple_GET_SIZE(key).unsigned_abs() == parts.len() + 1
                    && plain::same(ffi::PyTuple_GET_ITEM(key, 0), prefix)
                    && parts
                        .iter()
                        .zip(1..)
                        .all(|(part, at)| plain::same(ffi::PyTuple_GET_ITEM(key, at), *part))
            });
            if value.is_null() {
                return Look::Miss;
            }
            count(&self.hits);
            Look::Hit(value)
        }
    }

    /// The answer of a lookup that found nothing.
    unsafe fn not_there(&self) -> *mut PyObject {
        count(&self.misses);
        // SAFETY: the thread is attached; what is returned is alive.
        unsafe { ffi::Py_NewRef(self.absent.as_ref().map_or(ffi::Py_None(), Py::as_ptr)) }
    }

    /// The key that these parts make.
    unsafe fn tuple<'py>(
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

    /// Looks the parts up in whatever way they need: the value, or on a miss the key.
    unsafe fn search<'py>(
        slf: &Bound<'py, Self>,
        parts: &[*mut PyObject],
    ) -> PyResult<Result<Bound<'py, PyAny>, Bound<'py, PyTuple>>> {
        let (this, py) = (slf.get(), slf.py());
        // SAFETY: the parts are alive and the thread is attached.
        unsafe {
            match this.look(parts) {
                Look::Hit(value) => return Ok(Ok(Bound::from_owned_ptr(py, value))),
                Look::Miss => return Ok(Err(this.tuple(py, parts)?)),
                Look::Slow => {}
            }
            let key = this.tuple(py, parts)?;
            let core = this.core.bind(py);
            core.get().open(core, "call")?;
            match Core::read(core, key.as_any()) {
                Ok(Some(value)) => {
                    count(&this.hits);
                    Ok(Ok(value))
                }
                Ok(None) => Ok(Err(key)),
                Err(error) => {
                    slf.call_method1("_unusable", (&key, &error))?;
                    Err(error)
                }
            }
        }
    }

    /// The parts of the key of a call; `None` if it does not fit the signature.
    unsafe fn parts(&self, py: Python<'_>, call: Call) -> PyResult<Option<Parts>> {
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
    unsafe fn bound_parts(&self, py: Python<'_>, args: &[*mut PyObject]) -> PyResult<Parts> {
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

    /// Looks up values in the order of the parameters, of a plan that is quick.
    #[inline]
    unsafe fn look_quickly(&self, values: &[*mut PyObject]) -> Look {
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
    unsafe fn quick(&self, call: Call) -> Look {
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
            Look::Hit(value) => value,
            Look::Miss => call_bound(this, call, true),
            Look::Slow => call_bound(this, call, false),
        }
    }
}

/// A call that needs its arguments bound, or that missed.
#[inline(never)]
unsafe fn call_bound(this: *mut PyObject, call: Call, missed: bool) -> *mut PyObject {
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
            let found = if missed {
                Err(cached.tuple(py, &parts.slots)?)
            } else {
                CachedCall::search(&slf, &parts.slots)?
            };
            match found {
                Ok(value) => Ok(value),
                Err(key) => {
                    count(&cached.misses);
                    let (args, kwargs) = packed(py, call)?;
                    slf.call_method1("_miss", (key, args, kwargs))
                }
            }
        })();
        answer(py, outcome)
    }
}

/// The arguments as a tuple and a dict.
unsafe fn packed<'py>(
    py: Python<'py>,
    call: Call,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
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
            Look::Hit(value) => value,
            Look::Miss => cached.not_there(),
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
            Ok(found.unwrap_or_else(|_| Bound::from_owned_ptr(py, cached.not_there())))
        })();
        answer(py, outcome)
    }
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

/// The flags of a type, which are atomic where there is no GIL.
trait Flags {
    fn add(&mut self, flags: std::ffi::c_ulong);
}

impl Flags for std::ffi::c_ulong {
    fn add(&mut self, flags: std::ffi::c_ulong) {
        *self |= flags;
    }
}

impl Flags for std::sync::atomic::AtomicU64 {
    fn add(&mut self, flags: std::ffi::c_ulong) {
        self.fetch_or(flags as u64, Relaxed);
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
