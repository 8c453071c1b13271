//! The hash and the equality of plain keys, without running anything of the user's.
//!
//! A key is *plain* if it is exactly a `str int bytes bool float None`, or a tuple of plain keys at most
//! [`MAX_DEPTH`] tuples deep. Two plain keys are equal if they have the same type and value, so that `1`, `1.0`
//! and `True` are three keys; every NaN is one key and so are the two zeros. That is what the canonical bytes say too.
//!
//! A tuple's hash is `hash_finish(hash_fold(hash_seed(part 0), part 1)...)` over the [`plain_part`] of its items, so
//! the arguments of a call can be hashed without making the tuple.

// These few functions are the larger part of a hit; called instead of inlined they cost 3 % of it.
#![allow(clippy::inline_always)]

use std::hash::{BuildHasher, RandomState};
use std::ptr::addr_of_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering::Relaxed};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// How many tuples deep a plain key may be.
const MAX_DEPTH: u32 = 16;

/// Random for each process, so that nobody can prepare keys that collide: (added, multiplied with; odd).
static SEEDS: [AtomicU64; 2] = [
    AtomicU64::new(0x243F_6A88_85A3_08D3),
    AtomicU64::new(0x9E37_79B9_7F4A_7C15),
];

// Where the parts of each type start; any odd constants far apart.
const NONE: u64 = 0x1319_8A2E_0370_7345;
const TRUE: u64 = 0xA409_3822_299F_31D1;
const FALSE: u64 = 0x082E_FA98_EC4E_6C89;
const INT: u64 = 0x4528_21E6_38D0_1377;
const FLOAT: u64 = 0xBE54_66CF_34E9_0C6D;
const BYTES: u64 = 0xC0AC_29B7_C97C_50DD;
const TUPLE: u64 = 0x3F84_D5B5_B547_0917;

/// The hash of a plain key, or `None` for any other object.
///
/// # Safety
/// `obj` is a live object and the thread is attached to the interpreter.
#[inline(always)]
pub(crate) unsafe fn plain_hash(obj: *mut PyObject) -> Option<u32> {
    // SAFETY: the caller's promise, passed on. A str's own hash is well mixed; numbers are bare bits and take one more
    // round, without which numbers in regular steps would crowd under some seeds. A tuple's items get it by folding.
    unsafe {
        let ty = ffi::Py_TYPE(obj);
        if ty == addr_of_mut!(ffi::PyUnicode_Type) {
            Some(hash_finish(str_hash(obj)))
        } else if ty == addr_of_mut!(ffi::PyLong_Type) {
            Some(hash_finish(mix(int_part(obj))))
        } else if ty == addr_of_mut!(ffi::PyTuple_Type) {
            tuple_part(obj, 0).map(hash_finish)
        } else {
            other_part(obj, ty).map(|part| hash_finish(mix(part)))
        }
    }
}

/// What a plain key adds to the hash of a tuple, or `None` for any other object.
///
/// # Safety
/// As for [`plain_hash`].
#[inline(always)]
pub(crate) unsafe fn plain_part(obj: *mut PyObject) -> Option<u64> {
    // SAFETY: the caller's promise, passed on.
    unsafe { part(obj, 0) }
}

/// The state of a tuple's hash after its first item.
#[inline]
pub(crate) fn hash_seed(first_part: u64) -> u64 {
    hash_fold(TUPLE, first_part)
}

/// The state after one more item.
#[inline]
pub(crate) fn hash_fold(state: u64, part: u64) -> u64 {
    mix(state ^ part)
}

/// The hash that the state of a tuple ends as.
#[inline(always)]
pub(crate) fn hash_finish(state: u64) -> u32 {
    mix(state) as u32
}

/// One folded multiplication: every bit of the product has a say.
#[inline]
fn mix(value: u64) -> u64 {
    let product = u128::from(value ^ SEEDS[0].load(Relaxed)) * u128::from(SEEDS[1].load(Relaxed));
    (product >> 64) as u64 ^ product as u64
}

#[inline(always)]
unsafe fn part(obj: *mut PyObject, depth: u32) -> Option<u64> {
    // SAFETY: `obj` is live and we are attached; each read below is of the type that the type pointer names.
    unsafe {
        let ty = ffi::Py_TYPE(obj);
        if ty == addr_of_mut!(ffi::PyUnicode_Type) {
            return Some(str_hash(obj));
        }
        if ty == addr_of_mut!(ffi::PyLong_Type) {
            return Some(int_part(obj));
        }
        if ty == addr_of_mut!(ffi::PyTuple_Type) {
            return tuple_part(obj, depth);
        }
        other_part(obj, ty)
    }
}

/// The hash that a str keeps, computed if this is the first time. It is random and well mixed already.
#[inline(always)]
unsafe fn str_hash(obj: *mut PyObject) -> u64 {
    // SAFETY: `obj` is an exact str, so it starts with a PyASCIIObject. The field is read atomically because another
    // thread may be filling it in. Hashing an exact str runs no Python code and cannot fail.
    unsafe {
        let cached = cached_hash(obj);
        if cached == -1 {
            ffi::PyObject_Hash(obj).cast_unsigned() as u64
        } else {
            cached.cast_unsigned() as u64
        }
    }
}

#[inline(always)]
unsafe fn cached_hash(obj: *mut PyObject) -> isize {
    // SAFETY: `obj` is an exact str; the field is aligned and lives as long as the object.
    unsafe {
        AtomicIsize::from_ptr(&raw mut (*obj.cast::<ffi::PyASCIIObject>()).hash).load(Relaxed)
    }
}

#[inline]
unsafe fn int_part(obj: *mut PyObject) -> u64 {
    // SAFETY: `obj` is an exact int. Hashing one runs no Python code and cannot fail.
    unsafe {
        // Python's own hash of an int is a call, and the same for -1 and -2.
        match int::bits(obj) {
            Some(bits) => bits ^ INT,
            None => (ffi::PyObject_Hash(obj).cast_unsigned() as u64).rotate_left(32) ^ INT,
        }
    }
}

#[inline(never)]
unsafe fn tuple_part(obj: *mut PyObject, depth: u32) -> Option<u64> {
    if depth >= MAX_DEPTH {
        return None;
    }
    // SAFETY: `obj` is an exact tuple, whose items do not change and live as long as it does.
    unsafe {
        let mut state = TUPLE;
        for at in 0..ffi::PyTuple_GET_SIZE(obj) {
            state = hash_fold(state, part(ffi::PyTuple_GET_ITEM(obj, at), depth + 1)?);
        }
        Some(state)
    }
}

#[inline(never)]
unsafe fn other_part(obj: *mut PyObject, ty: *mut ffi::PyTypeObject) -> Option<u64> {
    // SAFETY: the singletons and type objects are static; a float is read as one only when its type says so, and
    // hashing exact bytes runs no Python code and cannot fail.
    unsafe {
        if obj == ffi::Py_None() {
            Some(NONE)
        } else if obj == ffi::Py_True() {
            Some(TRUE)
        } else if obj == ffi::Py_False() {
            Some(FALSE)
        } else if ty == addr_of_mut!(ffi::PyFloat_Type) {
            Some(float_bits(obj).rotate_left(32) ^ FLOAT)
        } else if ty == addr_of_mut!(ffi::PyBytes_Type) {
            Some(ffi::PyObject_Hash(obj).cast_unsigned() as u64 ^ BYTES)
        } else {
            None
        }
    }
}

/// The bits of an exact float, with one NaN and one zero.
unsafe fn float_bits(obj: *mut PyObject) -> u64 {
    // SAFETY: the caller checked that `obj` is exactly a float.
    let value = unsafe { ffi::PyFloat_AS_DOUBLE(obj) };
    if value.is_nan() {
        f64::NAN.to_bits()
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

/// Whether two plain keys are the same key.
///
/// # Safety
/// Both are live, [`plain_hash`] was taken of both, and the thread is attached to the interpreter.
#[inline(always)]
pub(crate) unsafe fn same(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: the caller's promise, passed on.
    a == b || unsafe { same_value(a, b) }
}

#[inline(never)]
unsafe fn same_value(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: both are live, and each comparison is of the type that both type pointers name. Comparing exact ints runs
    // no Python code.
    unsafe {
        let ty = ffi::Py_TYPE(a);
        if ty != ffi::Py_TYPE(b) {
            return false;
        }
        if ty == addr_of_mut!(ffi::PyUnicode_Type) {
            return same_str(a, b);
        }
        if ty == addr_of_mut!(ffi::PyLong_Type) {
            return match (int::bits(a), int::bits(b)) {
                (Some(a), Some(b)) => a == b,
                (None, None) => ffi::PyObject_RichCompareBool(a, b, ffi::Py_EQ) == 1,
                _ => false,
            };
        }
        same_other(a, b, ty)
    }
}

#[inline]
unsafe fn same_str(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: both are exact str that were hashed, which makes them ready: their characters are length * kind bytes.
    unsafe {
        let length = ffi::PyUnicode_GET_LENGTH(a);
        if length != ffi::PyUnicode_GET_LENGTH(b) || cached_hash(a) != cached_hash(b) {
            return false;
        }
        let kind = ffi::PyUnicode_KIND(a);
        kind == ffi::PyUnicode_KIND(b)
            && same_bytes(
                ffi::PyUnicode_DATA(a).cast(),
                ffi::PyUnicode_DATA(b).cast(),
                length.cast_unsigned() * kind as usize,
            )
    }
}

#[inline(never)]
unsafe fn same_other(a: *mut PyObject, b: *mut PyObject, ty: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: both have exactly the type `ty`. The items of plain tuples are plain, and the depth of the recursion is
    // bounded by theirs.
    unsafe {
        if ty == addr_of_mut!(ffi::PyTuple_Type) {
            let size = ffi::PyTuple_GET_SIZE(a);
            size == ffi::PyTuple_GET_SIZE(b)
                && (0..size)
                    .all(|at| same(ffi::PyTuple_GET_ITEM(a, at), ffi::PyTuple_GET_ITEM(b, at)))
        } else if ty == addr_of_mut!(ffi::PyFloat_Type) {
            float_bits(a) == float_bits(b)
        } else if ty == addr_of_mut!(ffi::PyBytes_Type) {
            let size = ffi::PyBytes_Size(a);
            size == ffi::PyBytes_Size(b)
                && same_bytes(
                    ffi::PyBytes_AS_STRING(a).cast(),
                    ffi::PyBytes_AS_STRING(b).cast(),
                    size.cast_unsigned(),
                )
        } else {
            false // None, True and False are the same object or not equal
        }
    }
}

#[inline]
unsafe fn same_bytes(a: *const u8, b: *const u8, length: usize) -> bool {
    // SAFETY: the caller's promise: both point to `length` bytes that nobody writes to.
    unsafe { std::slice::from_raw_parts(a, length) == std::slice::from_raw_parts(b, length) }
}

/// Ints of at most two digits, which is all below 2**60, read where they lie.
mod int {
    use pyo3::ffi::{self, PyObject};

    /// What an int starts with in Python 3.11 to 3.14: up to 3.11 the word is the number of digits, negative for a
    /// negative number; from 3.12 on it is that number times eight, plus flags and the sign.
    #[repr(C)]
    struct Head {
        base: PyObject,
        word: isize,
        digits: [u32; 2],
    }

    /// The layout of ints changed in the release that made `PyASCIIObject` one word smaller.
    const TAGGED: bool =
        size_of::<ffi::PyASCIIObject>() == size_of::<PyObject>() + 3 * size_of::<usize>();
    /// Elsewhere digits may be shorter than 30 bits.
    const KNOWN: bool = cfg!(target_pointer_width = "64");

    /// Bits that tell ints of at most two digits apart, or `None` for longer ones.
    ///
    /// # Safety
    /// `obj` is exactly an int.
    #[inline]
    pub(super) unsafe fn bits(obj: *mut PyObject) -> Option<u64> {
        if !KNOWN {
            return None;
        }
        let head = obj.cast::<Head>();
        // SAFETY: an exact int of a CPython with 64-bit pointers starts with a base and a word, and as many digits as
        // the word says; no digit beyond these is read.
        unsafe {
            let word = (*head).word;
            // Bits 0 and 1 from 3.12 on: 0 positive, 1 zero, 2 negative. Bit 2 marks shared ints in 3.14.
            let (count, negative) = if TAGGED {
                (word.cast_unsigned() >> 3, word & 2 != 0)
            } else {
                (word.unsigned_abs(), word < 0)
            };
            let value = match count {
                0 => 0,
                1 => u64::from((&raw const (*head).digits[0]).read()),
                2 => {
                    let low = u64::from((&raw const (*head).digits[0]).read());
                    u64::from((&raw const (*head).digits[1]).read()) << 30 | low
                }
                _ => return None,
            };
            Some(value << 1 | u64::from(negative))
        }
    }
}

/// `_plain_hash(obj)`: the hash of a plain key, or None. For tests.
#[pyfunction]
fn _plain_hash(obj: &Bound<'_, PyAny>) -> Option<u32> {
    // SAFETY: a Bound is live and proves that we are attached.
    unsafe { plain_hash(obj.as_ptr()) }
}

/// `_plain_fold(first, *rest)`: the hash of a tuple of these plain keys, taken without the tuple. For tests.
#[pyfunction]
#[pyo3(signature = (first, *rest))]
fn _plain_fold(first: &Bound<'_, PyAny>, rest: &Bound<'_, PyTuple>) -> Option<u32> {
    // SAFETY: a Bound is live and proves that we are attached.
    let part = |obj: &Bound<'_, PyAny>| unsafe { plain_part(obj.as_ptr()) };
    let seed = hash_seed(part(first)?);
    let state = rest
        .iter()
        .try_fold(seed, |state, item| Some(hash_fold(state, part(&item)?)))?;
    Some(hash_finish(state))
}

/// `_plain_same(a, b)`: whether two plain keys are one key. For tests.
#[pyfunction]
fn _plain_same(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    // SAFETY: as above, and both hashes are taken first.
    unsafe {
        plain_hash(a.as_ptr()).is_some()
            && plain_hash(b.as_ptr()).is_some()
            && same(a.as_ptr(), b.as_ptr())
    }
}

/// Seeds the hash and adds the functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    // Once: the module may be initialised again, and hashes that are in use must stay as they are.
    static SEEDED: Once = Once::new();
    SEEDED.call_once(|| {
        let random = RandomState::new();
        SEEDS[0].store(random.hash_one(0), Relaxed);
        SEEDS[1].store(random.hash_one(1) | 1, Relaxed);
    });
    m.add_function(wrap_pyfunction!(_plain_hash, m)?)?;
    m.add_function(wrap_pyfunction!(_plain_fold, m)?)?;
    m.add_function(wrap_pyfunction!(_plain_same, m)?)
}
