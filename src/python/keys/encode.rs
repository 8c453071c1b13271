//! The walk over a key: exact builtins here, everything else in `objects`.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple, PyType,
};

use super::error::{Outcome, Problem};
use super::known;
use crate::key::{self, MAX_DEPTH, Writer, tag};

/// A longer key is a mistake, or many references to few objects that would fill the memory once written out.
const MAX_BYTES: usize = 64 << 20;

/// Builds the bytes of one key.
pub(super) struct Encoder<'py> {
    pub(super) py: Python<'py>,
    pub(super) out: Writer,
    /// The containers that are being encoded; each is kept alive by the call that works on it.
    open: Vec<*mut ffi::PyObject>,
    /// Whether bytes were taken over from a decoded part, whose depth is not known.
    pub(super) pasted: bool,
}

impl<'py> Encoder<'py> {
    pub(super) fn new(py: Python<'py>) -> Self {
        Self {
            py,
            out: Writer::with_capacity(64),
            open: Vec::new(),
            pasted: false,
        }
    }

    /// The bytes of `obj`.
    pub(super) fn finish(mut self, obj: &Bound<'py, PyAny>) -> Outcome<Vec<u8>> {
        self.value(obj, 0)?;
        self.check_size()?;
        let bytes = self.out.finish();
        if self.pasted && key::decode(&bytes).is_err() {
            return Err(too_deep());
        }
        Ok(bytes)
    }

    /// Writes `obj`, which is `depth` containers down.
    pub(super) fn value(&mut self, obj: &Bound<'py, PyAny>, depth: usize) -> Outcome {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        self.check_size()?;
        if obj.is_exact_instance_of::<PyBool>() {
            self.out.bool(obj.is_truthy()?);
            Ok(())
        } else if obj.is_none() {
            self.out.none();
            Ok(())
        } else if is_exact_builtin(obj) {
            self.builtin(obj, depth).unwrap_or(Ok(()))
        } else {
            self.object(obj, depth)
        }
    }

    /// Writes the builtin value of `obj`, an instance of a builtin type or of a subclass; `None` if it is neither.
    ///
    /// Reads the storage of the builtin, so that nothing a subclass overrides is called.
    pub(super) fn builtin(&mut self, obj: &Bound<'py, PyAny>, depth: usize) -> Option<Outcome> {
        Some(if let Ok(text) = obj.cast::<PyString>() {
            self.str(text)
        } else if let Ok(number) = obj.cast::<PyInt>() {
            self.int(number)
        } else if let Ok(number) = obj.cast::<PyFloat>() {
            self.out.float(number.value());
            Ok(())
        } else if let Ok(bytes) = obj.cast::<PyBytes>() {
            self.out.bytes(bytes.as_bytes());
            Ok(())
        } else if let Ok(tuple) = obj.cast::<PyTuple>() {
            self.within(obj, |this| this.items(tag::TUPLE, tuple, depth))
        } else if let Ok(list) = obj.cast::<PyList>() {
            let tuple = list.to_tuple(); // a snapshot: encoding an item may change the list
            self.within(obj, |this| this.items(tag::LIST, &tuple, depth))
        } else if let Ok(dict) = obj.cast::<PyDict>() {
            self.within(obj, |this| this.dict(dict, depth))
        } else if obj.is_instance_of::<PySet>() {
            self.within(obj, |this| this.members(tag::SET, obj, depth))
        } else if obj.is_instance_of::<PyFrozenSet>() {
            self.within(obj, |this| this.members(tag::FROZENSET, obj, depth))
        } else {
            return None;
        })
    }

    /// Runs `write` with `obj` marked as being encoded, so that a cycle through it is seen.
    pub(super) fn within(
        &mut self,
        obj: &Bound<'py, PyAny>,
        write: impl FnOnce(&mut Self) -> Outcome,
    ) -> Outcome {
        if self.open.contains(&obj.as_ptr()) {
            return Err(Problem::new(
                format!(
                    "is a {} that contains itself",
                    known::shown(&obj.get_type())
                ),
                "A key must be a finite tree of values.",
            ));
        }
        self.open.push(obj.as_ptr());
        let outcome = write(self);
        self.open.pop();
        outcome
    }

    /// Writes `obj` as a framed part; `step` is how to get to it from its container.
    pub(super) fn part(
        &mut self,
        obj: &Bound<'py, PyAny>,
        depth: usize,
        step: impl FnOnce() -> String,
    ) -> Outcome {
        let frame = self.out.open();
        self.value(obj, depth)
            .map_err(|problem| problem.within(step))?;
        self.out.close(frame);
        Ok(())
    }

    /// Writes the text of a str or of a subclass.
    pub(super) fn str(&mut self, text: &Bound<'py, PyString>) -> Outcome {
        if let Ok(text) = text.to_str() {
            self.out.str(text.as_bytes());
        } else {
            self.out.str(surrogates(text)?.as_bytes());
        }
        Ok(())
    }

    /// Writes a dict of named fields; `depth` is that of the dict.
    pub(super) fn fields<'a>(
        &mut self,
        fields: impl IntoIterator<Item = (Bound<'py, PyString>, Bound<'py, PyAny>)>,
        depth: usize,
    ) -> Outcome
    where
        'py: 'a,
    {
        self.out.tag(tag::DICT);
        let mut group = self.out.group();
        for (name, value) in fields {
            let frame = self.out.open();
            self.str(&name)?;
            self.out.close(frame);
            self.part(&value, depth + 1, || format!(".{}", name.to_string_lossy()))?;
            self.out.item(&mut group);
        }
        self.out.sort(group, false);
        Ok(())
    }

    fn int(&mut self, number: &Bound<'py, PyInt>) -> Outcome {
        if let Ok(small) = number.extract::<i64>() {
            self.out.int(small);
            return Ok(());
        }
        // The methods of `int` itself: those of a subclass may be anything.
        let int = self.py.get_type::<PyInt>();
        let bits: usize = int.call_method1("bit_length", (number,))?.extract()?;
        self.check_room(bits / 8)?;
        let signed = PyDict::new(self.py);
        signed.set_item("signed", true)?;
        let bytes = int.call_method("to_bytes", (number, bits / 8 + 1, "big"), Some(&signed))?;
        self.out
            .big_int(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    fn items(&mut self, tag: u8, items: &Bound<'py, PyTuple>, depth: usize) -> Outcome {
        self.out.tag(tag);
        for (at, item) in items.iter().enumerate() {
            self.part(&item, depth + 1, || format!("[{at}]"))?;
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'py, PyDict>, depth: usize) -> Outcome {
        // A snapshot, of the storage: encoding an item may change the dict, and a subclass may override `items`.
        let items = dict.items();
        self.out.tag(tag::DICT);
        let mut group = self.out.group();
        for item in items.iter() {
            let (key, value) = item.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()?;
            self.part(&key, depth + 1, || ".keys()".to_owned())?;
            self.part(&value, depth + 1, || known::step(&key))?;
            self.out.item(&mut group);
        }
        self.out.sort(group, false);
        Ok(())
    }

    fn members(&mut self, tag: u8, set: &Bound<'py, PyAny>, depth: usize) -> Outcome {
        // SAFETY: `set` is a set or frozenset. A frozenset of it is a snapshot whose making moves stored hashes and
        // calls neither `__iter__` nor `__hash__`; null means an error is set.
        let members =
            unsafe { Bound::from_owned_ptr_or_err(self.py, ffi::PyFrozenSet_New(set.as_ptr()))? };
        self.out.tag(tag);
        let mut group = self.out.group();
        for member in members.try_iter()? {
            self.part(&member?, depth + 1, || "{...}".to_owned())?;
            self.out.item(&mut group);
        }
        self.out.sort(group, true);
        Ok(())
    }

    fn check_size(&self) -> Outcome {
        self.check_room(0)
    }

    fn check_room(&self, more: usize) -> Outcome {
        if self.out.len() + more > MAX_BYTES {
            return Err(Problem::new(
                format!("makes the key larger than {} MiB", MAX_BYTES >> 20),
                "Use a short part that identifies it, or a digest (hashlib) of its content.",
            ));
        }
        Ok(())
    }
}

/// The bytes of a str that holds lone surrogates.
pub(super) fn surrogates<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    let py = text.py();
    // The method of `str` itself: that of a subclass may be anything.
    let bytes = py
        .get_type::<PyString>()
        .call_method1("encode", (text, "utf-8", "surrogatepass"))?;
    Ok(bytes.cast_into::<PyBytes>()?)
}

pub(super) fn too_deep() -> Problem {
    Problem::new(
        format!("is nested more than {MAX_DEPTH} deep"),
        "Use a flatter key, or a part that identifies it.",
    )
}

fn is_exact_builtin(obj: &Bound<'_, PyAny>) -> bool {
    let class: Bound<'_, PyType> = obj.get_type();
    let class = class.as_type_ptr();
    [
        &raw mut ffi::PyUnicode_Type,
        &raw mut ffi::PyLong_Type,
        &raw mut ffi::PyTuple_Type,
        &raw mut ffi::PyFloat_Type,
        &raw mut ffi::PyBytes_Type,
        &raw mut ffi::PyList_Type,
        &raw mut ffi::PyDict_Type,
        &raw mut ffi::PySet_Type,
        &raw mut ffi::PyFrozenSet_Type,
    ]
    .contains(&class)
}
