//! The hot path: `get`, `set`, `cache[k]`, `cache[k] = v` and `k in cache` as `CPython` calls them, without an argument
//! parser in between.
//!
//! These serve a plain key in a cache that needs nothing special; anything else goes on to the methods of [`Core`] that
//! pyo3 made, which also word the errors. They are put onto the class `Cache` itself, because the interpreter's fastest
//! call of a method wants the method's class to be exactly the object's class.

use super::install::slow;
use super::{Core, beyond, flag, release};
use crate::entry::{Gone, Life};
use crate::python::cached_error::CachedError;
use crate::python::key::Key;
use crate::python::plain;
use crate::shard::{BATCH, Found, Mode, Put, Terms};
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use std::ffi::c_int;
use std::ptr::{addr_of_mut, null_mut};

/// The core of `object`.
///
/// # Safety
/// The class of `object` is `Core` or below it; it outlives the reference; the thread is attached.
pub(in crate::python) unsafe fn core<'a>(object: *mut PyObject) -> &'a Core {
    // SAFETY: the caller's promise; `Core` is frozen, so a shared reference is always allowed.
    unsafe {
        let object = Borrowed::from_ptr(Python::assume_attached(), object);
        let core: *const Core = object.cast_unchecked::<Core>().get();
        &*core
    }
}

/// A new reference to the fresh value under a plain key, or null. A value that asks for a refresh goes through `early`.
///
/// # Safety
/// `same` only compares, `early` gives up the reference that it does not return, the thread is attached.
#[inline]
pub(in crate::python) unsafe fn find(
    core: &Core,
    hash: u32,
    same: impl Fn(*mut PyObject) -> bool,
    early: impl FnOnce(*mut PyObject) -> *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the value is alive while the entry is, which the lock holds; the thread is attached.
    unsafe {
        let py = Python::assume_attached();
        let mut gone = Gone::new();
        let take = |value: &Py<PyAny>| value.clone_ref(py).into_ptr();
        let found = core.near.get(
            hash,
            move |key| same(key.object().as_ptr()),
            &core.clock,
            take,
            &mut gone,
            || core.count_reads(BATCH as u32),
        );
        match found {
            Found::Fresh(value) => {
                // Nothing leaves with a hit; without this the hit pays for looking.
                std::mem::forget(gone);
                return value;
            }
            Found::Early(value) => {
                std::mem::forget(gone);
                return early(value);
            }
            Found::Stale(_) | Found::Missing => {}
        }
        core.count_reads(1);
        if let Found::Stale(value) = found {
            ffi::Py_DECREF(value);
        }
        if gone.is_empty() {
            std::mem::forget(gone);
        } else {
            release_cold(py, gone);
        }
        null_mut()
    }
}

/// For a read without a loader: a value that asks for a refresh is a value, unless it stands for an error.
#[cold]
unsafe fn unless_error(value: *mut PyObject) -> *mut PyObject {
    // SAFETY: the reference is the caller's, and the thread is attached.
    unsafe {
        let value = Bound::from_owned_ptr(Python::assume_attached(), value);
        if value.is_instance_of::<CachedError>() {
            return null_mut();
        }
        value.into_ptr()
    }
}

/// As [`find`] for a whole key.
#[inline]
unsafe fn find_plain(core: &Core, hash: u32, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: `key` is alive during the call, whose thread is attached.
    unsafe {
        find(
            core,
            hash,
            move |other| plain::same(other, key),
            |value| unless_error(value),
        )
    }
}

/// As [`release`], kept out of the way of those that release nothing.
#[cold]
#[inline(never)]
fn release_cold(py: Python<'_>, gone: Gone<Key, Py<PyAny>>) {
    release(py, gone);
}

/// Whether the hot path may serve a read of `key`, and its hash.
#[inline]
unsafe fn readable(core: &Core, key: *mut PyObject) -> Option<u32> {
    if !core.reads_hot() {
        return None;
    }
    // SAFETY: the caller got `key` from the interpreter, which keeps it alive during the call.
    unsafe { plain::plain_hash(key) }
}

pub(super) unsafe extern "C" fn get(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter as METH_FASTCALL | METH_KEYWORDS on an instance of `Core`.
    unsafe {
        if names.is_null() && (count == 1 || count == 2) {
            let (core, key) = (core(this), *args);
            if let Some(hash) = readable(core, key) {
                let value = find_plain(core, hash, key);
                if !value.is_null() {
                    return value;
                }
                let default = if count == 2 {
                    *args.add(1)
                } else {
                    ffi::Py_None()
                };
                if core.has(flag::FAR) {
                    return beyond::get(this, key, default);
                }
                return ffi::Py_NewRef(default);
            }
        }
        let py = Python::assume_attached();
        if !core(this).has(flag::FAR) {
            return again(&slow(py).get, this, args, count, names);
        }
        match beyond::reader(this) {
            Some(method) => again(&method, this, args, count, names),
            None => null_mut(),
        }
    }
}

pub(super) unsafe extern "C" fn set(
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter as METH_FASTCALL | METH_KEYWORDS on an instance of `Core`.
    unsafe {
        let ttl = if names.is_null() && count == 2 {
            Some(None)
        } else if (names.is_null() && count == 3) || (count == 2 && only_ttl(names)) {
            simple_ttl(*args.add(2)).map(Some)
        } else {
            None
        };
        if let Some(ttl) = ttl
            && write(core(this), *args, *args.add(1), ttl)
        {
            return ffi::Py_NewRef(ffi::Py_None());
        }
        again(
            &slow(Python::assume_attached()).set,
            this,
            args,
            count,
            names,
        )
    }
}

/// Writes a plain entry, unless the cache or the key needs more than that. Without a `ttl` the cache's own holds.
#[inline]
unsafe fn write(core: &Core, key: *mut PyObject, value: *mut PyObject, ttl: Option<u64>) -> bool {
    // SAFETY: key and value are alive during the call, and the thread is attached.
    unsafe {
        if core.has(flag::SLOW_WRITE) {
            return false;
        }
        let Some(hash) = plain::plain_hash(key) else {
            return false;
        };
        let py = Python::assume_attached();
        let same = move |other: &Key| plain::same(other.object().as_ptr(), key);
        let mut value = Borrowed::from_ptr(py, value).to_owned().unbind();
        // A kernel tick more or less is nothing to a ttl of a second, and a precise look at the clock a third of a write.
        let mut now = core.clock.coarse();
        let life = if ttl.is_some() || core.has(flag::LIFE) {
            let life = core.life_with(ttl);
            if life.ttl < COARSE_FROM || life.idle < COARSE_FROM {
                now = core.clock.now();
            }
            life
        } else {
            Life::FOREVER
        };
        match core.near.exchange(hash, same, value, life, now) {
            Ok(old) => {
                old.drop_ref(py);
                return true;
            }
            Err(new) => value = new,
        }
        let put = Put {
            key: Key::plain(Borrowed::from_ptr(py, key).to_owned().unbind()),
            value,
            hash,
            terms: Terms {
                life,
                ..Terms::default()
            },
            mode: Mode::Always,
        };
        let stored = core.near.put(put, same, now);
        release(py, stored.gone);
        true
    }
}

/// From this length on, a life is counted from the coarse clock.
const COARSE_FROM: u64 = 1_000_000_000;

/// Whether the keyword arguments are `ttl=` alone.
unsafe fn only_ttl(names: *mut PyObject) -> bool {
    // SAFETY: `names` is null or a tuple of str that is alive during the call.
    unsafe {
        !names.is_null()
            && ffi::PyTuple_GET_SIZE(names) == 1
            && ffi::PyUnicode_CompareWithASCIIString(
                ffi::PyTuple_GET_ITEM(names, 0),
                c"ttl".as_ptr(),
            ) == 0
    }
}

/// Nanoseconds of a simple number of seconds.
#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)] // the range is checked
unsafe fn simple_ttl(ttl: *mut PyObject) -> Option<u64> {
    const SIMPLE: std::ops::RangeInclusive<f64> = 1e-6..=1e9;
    // SAFETY: `ttl` is alive during the call; each function gets exactly the type it is for, and cannot run Python code.
    let seconds = unsafe {
        let class = ffi::Py_TYPE(ttl);
        if class == addr_of_mut!(ffi::PyFloat_Type) {
            ffi::PyFloat_AS_DOUBLE(ttl)
        } else if class == addr_of_mut!(ffi::PyLong_Type) {
            let mut overflow = 0;
            ffi::PyLong_AsLongAndOverflow(ttl, &raw mut overflow) as f64
        } else {
            return None;
        }
    };
    SIMPLE.contains(&seconds).then_some((seconds * 1e9) as u64)
}

/// Calls the method that pyo3 made with the same arguments.
#[cold]
unsafe fn again(
    method: &Py<PyAny>,
    this: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: `args` holds `count` positional arguments and one for each of `names`, as the interpreter passed them.
    unsafe {
        let named = if names.is_null() {
            0
        } else {
            ffi::PyTuple_GET_SIZE(names)
        };
        let mut all = Vec::with_capacity((count + named + 1).cast_unsigned());
        all.push(this);
        all.extend((0..count + named).map(|at| *args.offset(at)));
        ffi::PyObject_Vectorcall(
            method.as_ptr(),
            all.as_ptr(),
            count.cast_unsigned() + 1,
            names,
        )
    }
}

pub(super) unsafe extern "C" fn subscript(
    this: *mut PyObject,
    key: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by the interpreter through the mapping slot of a class that is `Core` or below it.
    unsafe {
        let core = core(this);
        if let Some(hash) = readable(core, key) {
            let value = find_plain(core, hash, key);
            if !value.is_null() {
                return value;
            }
            if core.has(flag::FAR) {
                return beyond::item(this, key, "_beyond");
            }
            return beyond::not_there(this, key);
        }
        if core.has(flag::FAR) {
            return beyond::item(this, key, "_read");
        }
        (slow(Python::assume_attached()).subscript)(this, key)
    }
}

pub(super) unsafe extern "C" fn assign(
    this: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: called by the interpreter through the mapping slot of a class that is `Core` or below it; a null value
    // asks for a deletion.
    unsafe {
        if !value.is_null() && write(core(this), key, value, None) {
            return 0;
        }
        (slow(Python::assume_attached()).assign)(this, key, value)
    }
}

pub(super) unsafe extern "C" fn contains(this: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: called by the interpreter through the sequence slot of a class that is `Core` or below it.
    unsafe {
        let core = core(this);
        if let Some(hash) = readable(core, key) {
            let now = core.clock.now();
            let found = core.near.peek(
                hash,
                |other| plain::same(other.object().as_ptr(), key),
                now,
                |_, _, _| (),
            );
            return c_int::from(matches!(found, Found::Fresh(())));
        }
        (slow(Python::assume_attached()).contains)(this, key)
    }
}
