//! Extensions to the values they stand for.

use pyo3::IntoPyObjectExt;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyInt, PyString};

use super::decode::{Decoder, wtf8_text};
use super::error::{Outcome, Trouble};
use super::moment;
use crate::pack::{Broken, Head, ext};
use crate::python::keys::known;

impl<'py> Decoder<'py, '_> {
    /// Reads the extension of this type that ends at `end`.
    #[inline(never)]
    pub(super) fn extension(
        &mut self,
        code: i8,
        end: usize,
        depth: u32,
    ) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        match code {
            ext::TUPLE | ext::SET | ext::FROZENSET => self.items(code, end, depth),
            ext::ENUM => self.member(end, depth),
            ext::INT => {
                let signed = PyDict::new(py);
                signed.set_item("signed", true)?;
                let bytes = PyBytes::new(py, self.from.rest(end));
                let int = py.get_type::<PyInt>();
                Ok(int.call_method("from_bytes", (bytes, "big"), Some(&signed))?)
            }
            ext::SURROGATES => wtf8_text(&PyBytes::new(py, self.from.rest(end))),
            ext::BYTEARRAY => Ok(PyByteArray::new(py, self.from.rest(end)).into_any()),
            ext::DATE => moment::read_date(py, self.from.rest(end)),
            ext::TIME => moment::read_time(py, self.from.rest(end)),
            ext::DATETIME => moment::read_datetime(py, self.from.rest(end)),
            ext::TIMEDELTA => moment::read_delta(py, self.from.rest(end)),
            ext::DECIMAL => self.decimal(end),
            ext::UUID => self.uuid(end),
            _ => Err(self.broken(Broken::Extension)),
        }
    }

    fn items(&mut self, code: i8, end: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        self.descend(depth)?;
        let count = match self.from.head(end) {
            Ok(Head::Array(count)) => count,
            Ok(_) => return Err(self.broken(Broken::Value)),
            Err(why) => return Err(self.broken(why)),
        };
        let made = if code == ext::TUPLE {
            self.tuple(count, end, depth)?
        } else {
            self.members(code, count, end, depth)?
        };
        if self.from.at() != end {
            return Err(self.broken(Broken::Long));
        }
        Ok(made)
    }

    fn members(
        &mut self,
        code: i8,
        count: usize,
        limit: usize,
        depth: u32,
    ) -> Outcome<Bound<'py, PyAny>> {
        // SAFETY: new references, or null with an error set. A frozenset may be filled as long as nobody else has it.
        unsafe {
            let set = if code == ext::SET {
                ffi::PySet_New(std::ptr::null_mut())
            } else {
                ffi::PyFrozenSet_New(std::ptr::null_mut())
            };
            let set = Bound::from_owned_ptr_or_err(self.py, set)?;
            for at in 0..count {
                let member = self.value(limit - (count - at - 1), depth + 1)?;
                if ffi::PySet_Add(set.as_ptr(), member.as_ptr()) != 0 {
                    return Err(Trouble::raised("a member of a set", PyErr::fetch(self.py)));
                }
            }
            if ffi::PySet_Size(set.as_ptr()) != count.cast_signed() {
                return Err(self.broken(Broken::Twice));
            }
            Ok(set)
        }
    }

    fn decimal(&mut self, end: usize) -> Outcome<Bound<'py, PyAny>> {
        let text = std::str::from_utf8(self.from.rest(end))
            .ok()
            .filter(|text| {
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            });
        let Some(text) = text else {
            return Err(self.broken(Broken::Value));
        };
        let made = known::DECIMAL.load(self.py)?.call1((text,))?;
        // A context that traps nothing makes not-a-number of what is no number.
        if made.call_method0(intern!(self.py, "is_nan"))?.is_truthy()? && !text.contains("NaN") {
            return Err(self.broken(Broken::Value));
        }
        Ok(made)
    }

    /// Makes a UUID as copying and unpickling do: its own constructor takes ten times as long.
    fn uuid(&mut self, end: usize) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let Some((number, safe)) = self.from.rest(end).split_first_chunk::<16>() else {
            return Err(self.broken(Broken::Short));
        };
        let safe = match safe {
            [] => None,
            [safe] => Some(safe.cast_signed()),
            _ => return Err(self.broken(Broken::Long)),
        };
        let class = known::UUID.load(py)?;
        let made = class.call_method1(intern!(py, "__new__"), (class,))?;
        let number = u128::from_be_bytes(*number).into_bound_py_any(py)?;
        let safe = known::SAFE_UUID.load(py)?.call1((safe,))?;
        for (name, value) in [
            (intern!(py, "int"), &number),
            (intern!(py, "is_safe"), &safe),
        ] {
            // SAFETY: three live objects. The class has a slot of each name; its own `__setattr__` refuses everyone.
            let done = unsafe {
                ffi::PyObject_GenericSetAttr(made.as_ptr(), name.as_ptr(), value.as_ptr())
            };
            if done != 0 {
                return Err(PyErr::fetch(py).into());
            }
        }
        Ok(made)
    }

    fn member(&mut self, end: usize, depth: u32) -> Outcome<Bound<'py, PyAny>> {
        self.descend(depth)?;
        let name = match self.from.head(end) {
            Ok(Head::Str(name)) => std::str::from_utf8(name).ok(),
            Ok(_) => None,
            Err(why) => return Err(self.broken(why)),
        };
        let Some(name) = name else {
            return Err(self.broken(Broken::Value));
        };
        let known_by = self.value(end, depth + 1)?;
        if self.from.at() != end {
            return Err(self.broken(Broken::Long));
        }
        let Some(class) = self.enums.class(self.py, name) else {
            let shown = name.replace(':', ".");
            return Err(Trouble::new(
                format!(
                    "is a member of the enum {shown}, which the native serializer was not given"
                ),
                "make it with Native(enums=[...])",
            ));
        };
        let found = if known_by.is_instance_of::<PyString>() {
            class.get_item(&known_by)
        } else {
            class.call1((&known_by,))
        };
        let found = found.map_err(|error| Trouble::raised("the enum", error))?;
        if !found.get_type().is(class) {
            return Err(self.broken(Broken::Value));
        }
        Ok(found)
    }
}
