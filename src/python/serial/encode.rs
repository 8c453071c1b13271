//! The walk over a value that is to be written: the exact builtins here, everything else in `objects`.
//!
//! Other code may run while a value is written (an enum's attributes, a finalizer when memory is taken), so each item is
//! held by a reference of our own, and a container that changed under the walk is an error.

use std::ptr::{addr_of_mut, null_mut};

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString};

use super::enums::Enums;
use super::error::{Outcome, Trouble};
use crate::pack::{MAX_DEPTH, Writer, ext};
use crate::python::keys::known;

/// Parts of so many bytes are asked for room before they are written.
const LARGE: usize = 1 << 16;

/// Builds the bytes of one value.
pub(super) struct Encoder<'py, 'a> {
    pub(super) py: Python<'py>,
    pub(super) out: Writer,
    pub(super) enums: &'a Enums,
    /// The most bytes there may be.
    max: usize,
}

impl<'py, 'a> Encoder<'py, 'a> {
    pub(super) fn new(py: Python<'py>, enums: &'a Enums, max: usize, buffer: Vec<u8>) -> Self {
        Self {
            py,
            out: Writer::into_buffer(buffer),
            enums,
            max,
        }
    }

    /// Writes `obj`, all of it.
    pub(super) fn whole(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        self.value(obj, 0)?;
        // Numbers are not counted one by one.
        if self.out.len() > self.max {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// Writes `obj`, which is `depth` containers down.
    pub(super) fn value(&mut self, obj: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        let ptr = obj.as_ptr();
        // SAFETY: `obj` is live and we are attached; the type objects are static, and each object is read as what its
        // type pointer says that it exactly is.
        unsafe {
            let ty = ffi::Py_TYPE(ptr);
            if ty == addr_of_mut!(ffi::PyUnicode_Type) {
                return self.str(obj);
            }
            if ty == addr_of_mut!(ffi::PyLong_Type) {
                let mut overflow = 0;
                let number = ffi::PyLong_AsLongLongAndOverflow(ptr, &raw mut overflow);
                if overflow == 0 {
                    self.out.int(number);
                    return Ok(());
                }
                return self.big(obj, overflow > 0);
            }
            if ty == addr_of_mut!(ffi::PyDict_Type) {
                return self.dict(obj, depth);
            }
            if ty == addr_of_mut!(ffi::PyList_Type) {
                return self.list(obj, depth);
            }
            if ty == addr_of_mut!(ffi::PyFloat_Type) {
                self.out.float(ffi::PyFloat_AS_DOUBLE(ptr));
                return Ok(());
            }
            if ptr == ffi::Py_None() {
                self.out.nil();
                return Ok(());
            }
            if ty == addr_of_mut!(ffi::PyBool_Type) {
                self.out.bool(ptr == ffi::Py_True());
                return Ok(());
            }
            if ty == addr_of_mut!(ffi::PyTuple_Type) {
                return self.tuple(obj, depth);
            }
            if ty == addr_of_mut!(ffi::PyBytes_Type) {
                let size = ffi::PyBytes_Size(ptr).cast_unsigned();
                let data = ffi::PyBytes_AsString(ptr).cast::<u8>();
                let bytes = std::slice::from_raw_parts(data, size);
                let len = self.length(size)?;
                self.out.bin(bytes, len);
                return Ok(());
            }
        }
        self.object(obj, depth)
    }

    /// The length of something, if there is room for so much more.
    #[inline]
    pub(super) fn length(&mut self, size: usize) -> Outcome<u32> {
        if size >= LARGE || self.out.len() >= self.max.saturating_sub(LARGE) {
            self.room(size)?;
        }
        Ok(size as u32)
    }

    #[cold]
    fn room(&mut self, size: usize) -> Outcome {
        if size > self.max || self.out.len() > self.max - size {
            return Err(self.too_large());
        }
        let room = self.out.reserve(size);
        room.map_err(|error| PyMemoryError::new_err(error.to_string()).into())
    }

    #[cold]
    fn too_large(&self) -> Trouble {
        Trouble::new(
            format!(
                "makes the value larger than {} as bytes",
                shown_size(self.max)
            ),
            "store it in parts, or store where it is (a path, a URL)",
        )
    }

    /// An error if a container here would be too deep.
    #[inline]
    pub(super) fn descend(depth: u32) -> Outcome {
        if depth >= MAX_DEPTH {
            return Err(Trouble::deep());
        }
        Ok(())
    }

    #[inline]
    fn str(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        let mut size = 0;
        // SAFETY: `obj` is a str. The characters live as long as it does; null means that an error is set.
        let text = unsafe {
            let data = ffi::PyUnicode_AsUTF8AndSize(obj.as_ptr(), &raw mut size);
            if data.is_null() {
                return self.surrogates(obj);
            }
            std::slice::from_raw_parts(data.cast::<u8>(), size.cast_unsigned())
        };
        let len = self.length(text.len())?;
        self.out.str(text, len);
        Ok(())
    }

    #[cold]
    fn surrogates(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        drop(PyErr::take(self.py));
        let bytes = wtf8(obj.cast::<PyString>().map_err(PyErr::from)?)?;
        let bytes = bytes.as_bytes();
        let len = self.length(bytes.len())?;
        self.out.ext(ext::SURROGATES, bytes, len);
        Ok(())
    }

    /// Writes an int that is too large, or too negative, for 64 bits with a sign.
    #[cold]
    fn big(&mut self, obj: &Bound<'py, PyAny>, positive: bool) -> Outcome {
        if positive && let Ok(number) = obj.extract::<u64>() {
            self.out.uint(number);
            return Ok(());
        }
        let bits: usize = obj.call_method0("bit_length")?.extract()?;
        self.length(bits / 8 + 1)?;
        let signed = PyDict::new(self.py);
        signed.set_item("signed", true)?;
        let int = self.py.get_type::<PyInt>();
        let bytes = int.call_method("to_bytes", (obj, bits / 8 + 1, "big"), Some(&signed))?;
        let bytes = bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
        let len = self.length(bytes.len())?;
        self.out.ext(ext::INT, bytes, len);
        Ok(())
    }

    fn list(&mut self, list: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        Self::descend(depth)?;
        #[cfg(Py_GIL_DISABLED)] // another thread may change the list at any time
        let items = &list.call_method0("copy")?;
        #[cfg(not(Py_GIL_DISABLED))]
        let items = list;
        // SAFETY: it is a list; an item is read only at a place that the list has at that moment, and is held.
        unsafe {
            let size = ffi::PyList_GET_SIZE(items.as_ptr());
            let len = self.length(size.cast_unsigned())?;
            self.out.array(len);
            for at in 0..size {
                if ffi::PyList_GET_SIZE(items.as_ptr()) != size {
                    return Err(changed("list"));
                }
                let item = ffi::PyList_GET_ITEM(items.as_ptr(), at);
                let item = Bound::from_borrowed_ptr(self.py, item);
                self.value(&item, depth + 1)
                    .map_err(|trouble| trouble.within(list, || format!("[{at}]")))?;
            }
            if ffi::PyList_GET_SIZE(items.as_ptr()) != size {
                return Err(changed("list"));
            }
        }
        Ok(())
    }

    fn tuple(&mut self, tuple: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        Self::descend(depth)?;
        let frame = self.out.open(ext::TUPLE);
        // SAFETY: it is a tuple, whose items do not change and live as long as it does.
        unsafe {
            let size = ffi::PyTuple_GET_SIZE(tuple.as_ptr());
            let len = self.length(size.cast_unsigned())?;
            self.out.array(len);
            for at in 0..size {
                let item = ffi::PyTuple_GET_ITEM(tuple.as_ptr(), at);
                let item = Bound::from_borrowed_ptr(self.py, item);
                self.value(&item, depth + 1)
                    .map_err(|trouble| trouble.within(tuple, || format!("[{at}]")))?;
            }
        }
        self.out.close(frame);
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        Self::descend(depth)?;
        #[cfg(Py_GIL_DISABLED)] // as for a list
        let items = &dict.call_method0("copy")?;
        #[cfg(not(Py_GIL_DISABLED))]
        let items = dict;
        // SAFETY: it is a dict. A step through it checks its bounds each time, so a dict that changes meanwhile gives
        // other items than it had, but live ones, which are held; their number is compared.
        unsafe {
            let size = ffi::PyDict_Size(items.as_ptr());
            let len = self.length(size.cast_unsigned())?;
            self.out.map(len);
            let (mut at, mut count) = (0, 0);
            let (mut key, mut value): (*mut PyObject, *mut PyObject) = (null_mut(), null_mut());
            while ffi::PyDict_Next(items.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
                let key = Bound::from_borrowed_ptr(self.py, key);
                let value = Bound::from_borrowed_ptr(self.py, value);
                self.value(&key, depth + 1)
                    .map_err(|trouble| trouble.within(dict, || ".keys()".to_owned()))?;
                self.value(&value, depth + 1)
                    .map_err(|trouble| trouble.within(dict, || known::step(&key)))?;
                count += 1;
                if ffi::PyDict_Size(items.as_ptr()) != size {
                    return Err(changed("dict"));
                }
            }
            if count != size {
                return Err(changed("dict"));
            }
        }
        Ok(())
    }

    /// Writes the members of a set in the order of their bytes: equal sets are equal bytes in every process.
    pub(super) fn members(&mut self, code: i8, set: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        Self::descend(depth)?;
        // SAFETY: `set` is a set or frozenset. A frozenset of it is a snapshot whose making moves stored hashes and
        // calls neither `__iter__` nor `__hash__`; null means that an error is set.
        let members =
            unsafe { Bound::from_owned_ptr_or_err(self.py, ffi::PyFrozenSet_New(set.as_ptr()))? };
        let frame = self.out.open(code);
        let len = self.length(members.len()?)?;
        self.out.array(len);
        let mut ranges = Vec::with_capacity(members.len()?);
        for member in members.try_iter()? {
            let start = self.out.len();
            self.value(&member?, depth + 1)
                .map_err(|trouble| trouble.within(set, || "{...}".to_owned()))?;
            ranges.push(start..self.out.len());
        }
        self.out.sort(&mut ranges);
        self.out.close(frame);
        Ok(())
    }
}

/// The bytes of a str that may hold lone surrogates.
pub(super) fn wtf8<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}

/// A size for people.
fn shown_size(bytes: usize) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >> shift > 0 && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

#[cold]
fn changed(what: &str) -> Trouble {
    Trouble::new(
        format!("is a {what} that was changed while it was written"),
        "store a copy, or keep other threads and finalizers from changing it",
    )
}
