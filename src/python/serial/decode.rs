//! The walk over bytes that are to be read: the commonest builtins here, everything else in `read_objects`.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::enums::Enums;
use super::error::{Outcome, Trouble};
use super::names::{Borrowed, new_text};
use crate::pack::{Broken, Head, MAX_DEPTH, Reader};

/// Builds the value of some bytes.
pub(super) struct Decoder<'py, 'a> {
    pub(super) py: Python<'py>,
    pub(super) from: Reader<'a>,
    pub(super) enums: &'a Enums,
    names: Borrowed,
}

/// The value of these bytes, all of them.
pub(super) fn decode<'py>(
    py: Python<'py>,
    data: &[u8],
    enums: &Enums,
) -> Outcome<Bound<'py, PyAny>> {
    let mut decoder = Decoder {
        py,
        from: Reader::new(data),
        enums,
        names: Borrowed::take(py),
    };
    let value = decoder.value(data.len(), 0).and_then(|value| {
        if decoder.from.at() == data.len() {
            Ok(value)
        } else {
            Err(decoder.broken(Broken::Long))
        }
    });
    decoder.names.put_back(py);
    value
}

impl<'py> Decoder<'py, '_> {
    /// Reads the value that starts here, `depth` containers down; it ends before `limit`.
    pub(super) fn value(&mut self, limit: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let head = match self.from.head(limit) {
            Ok(head) => head,
            Err(why) => return Err(self.broken(why)),
        };
        match head {
            Head::Str(text) => new_text(py, text),
            // SAFETY: for these: a new reference, or null with an error set.
            Head::Int(number) => unsafe { self.made(ffi::PyLong_FromLongLong(number)) },
            Head::Float(number) => unsafe { self.made(ffi::PyFloat_FromDouble(number)) },
            Head::Uint(number) => unsafe { self.made(ffi::PyLong_FromUnsignedLongLong(number)) },
            Head::Map(count) => self.dict(count, limit, depth),
            Head::Array(count) => self.list(count, limit, depth),
            Head::Nil => Ok(py.None().into_bound(py)),
            Head::Bool(value) => Ok(pyo3::types::PyBool::new(py, value).to_owned().into_any()),
            Head::Bin(bytes) => Ok(PyBytes::new_with(py, bytes.len(), |into| {
                into.copy_from_slice(bytes);
                Ok(())
            })?
            .into_any()),
            Head::Ext(code, end) => self.extension(code, end, depth),
        }
    }

    #[cold]
    pub(super) fn broken(&self, why: Broken) -> Trouble {
        Trouble::broken(why, self.from.at())
    }

    /// The object of a call that returned a new reference, or null with an error set.
    #[inline]
    unsafe fn made(&self, ptr: *mut ffi::PyObject) -> Outcome<Bound<'py, PyAny>> {
        // SAFETY: the caller's promise.
        Ok(unsafe { Bound::from_owned_ptr_or_err(self.py, ptr) }?)
    }

    /// An error if a container here would be too deep.
    pub(super) fn descend(&self, depth: u32) -> Outcome {
        if depth >= MAX_DEPTH {
            return Err(self.broken(Broken::Deep));
        }
        Ok(())
    }

    fn list(&mut self, count: usize, limit: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        self.descend(depth)?;
        // SAFETY: a new list with empty places, which is complete before anyone but the garbage collector sees it; each
        // place is filled once, with a reference that is given away.
        unsafe {
            let list = self.made(ffi::PyList_New(count.cast_signed()))?;
            for at in 0..count {
                let item = self.value(limit - (count - at - 1), depth + 1)?;
                ffi::PyList_SET_ITEM(list.as_ptr(), at.cast_signed(), item.into_ptr());
            }
            Ok(list)
        }
    }

    /// Reads a tuple of so many items.
    pub(super) fn tuple(
        &mut self,
        count: usize,
        limit: usize,
        depth: u32,
    ) -> Outcome<Bound<'py, PyAny>> {
        // SAFETY: as for a list.
        unsafe {
            let tuple = self.made(ffi::PyTuple_New(count.cast_signed()))?;
            for at in 0..count {
                let item = self.value(limit - (count - at - 1), depth + 1)?;
                ffi::PyTuple_SET_ITEM(tuple.as_ptr(), at.cast_signed(), item.into_ptr());
            }
            Ok(tuple)
        }
    }

    fn dict(&mut self, count: usize, limit: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        self.descend(depth)?;
        // SAFETY: `made` is given a new reference or null with an error set; the dict takes references of its own.
        unsafe {
            let dict = self.made(ffi::PyDict_New())?;
            for at in 0..count {
                let after = 2 * (count - at - 1);
                let key = self.key(limit - after - 1, depth + 1)?;
                let value = self.value(limit - after, depth + 1)?;
                if ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) != 0 {
                    return Err(Trouble::raised("a key", PyErr::fetch(self.py)));
                }
            }
            if ffi::PyDict_Size(dict.as_ptr()) != count.cast_signed() {
                return Err(self.broken(Broken::Twice));
            }
            Ok(dict)
        }
    }

    /// Reads a value that is the key of a dict.
    #[inline]
    fn key(&mut self, limit: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        let start = self.from.at();
        match self.from.head(limit) {
            Ok(Head::Str(text)) => self.names.text(self.py, text),
            Ok(_) => {
                self.from.back_to(start);
                self.value(limit, depth)
            }
            Err(why) => Err(self.broken(why)),
        }
    }
}

/// The text of bytes in which lone surrogates are written as if they were characters.
pub(super) fn wtf8_text<'py>(bytes: &Bound<'py, PyBytes>) -> Outcome<Bound<'py, PyAny>> {
    Ok(bytes.call_method1("decode", ("utf-8", "surrogatepass"))?)
}
