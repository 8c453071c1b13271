//! Values that are not among the commonest builtins, and why others cannot be written.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
    PyType,
};

use super::encode::Encoder;
use super::error::{Outcome, Trouble};
use crate::pack::ext;
use crate::python::keys::known;

impl<'py> Encoder<'py, '_> {
    /// Writes what [`Encoder::value`] does not know.
    #[inline(never)]
    pub(super) fn object(&mut self, obj: &Bound<'py, PyAny>, depth: u32) -> Outcome {
        if obj.is_exact_instance_of::<PySet>() {
            return self.members(ext::SET, obj, depth);
        }
        if obj.is_exact_instance_of::<PyFrozenSet>() {
            return self.members(ext::FROZENSET, obj, depth);
        }
        if self.moment(obj)? {
            return Ok(());
        }
        let class = obj.get_type();
        if known::DECIMAL.is(&class) {
            return self.decimal(obj);
        }
        if known::UUID.is(&class) {
            return self.uuid(obj);
        }
        if let Ok(bytes) = obj.cast_exact::<PyByteArray>() {
            let bytes = bytes.to_vec(); // a copy: it can change
            let len = self.length(bytes.len())?;
            self.out.ext(ext::BYTEARRAY, &bytes, len);
            return Ok(());
        }
        if known::ENUM.is_base_of(&class) {
            return self.member(obj, &class, depth);
        }
        Err(refusal(obj, &class, "the native serializer"))
    }

    fn decimal(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        let text = obj.str()?;
        let text = text.to_str()?;
        // Only the context in force says whether the E is a capital.
        let text = text.replace('e', "E");
        let len = self.length(text.len())?;
        self.out.ext(ext::DECIMAL, text.as_bytes(), len);
        Ok(())
    }

    fn uuid(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        let number: u128 = obj.getattr(intern!(self.py, "int"))?.extract()?;
        let safe = obj
            .getattr(intern!(self.py, "is_safe"))?
            .getattr(intern!(self.py, "value"))?;
        let mut bytes = number.to_be_bytes().to_vec();
        if let Some(safe) = safe.extract::<Option<i8>>()? {
            bytes.push(safe.cast_unsigned());
        }
        self.out.ext(ext::UUID, &bytes, bytes.len() as u32);
        Ok(())
    }
}

/// Why `writer` does not write an object of this class, and what to do.
pub(super) fn refusal(obj: &Bound<'_, PyAny>, class: &Bound<'_, PyType>, writer: &str) -> Trouble {
    let name = known::shown(class);
    let short = name.rsplit('.').next().unwrap_or(&name).to_owned();
    Trouble::new(
        format!("is of type {name}, which {writer} cannot write"),
        advice(obj, class, &name, &short),
    )
}

fn advice(obj: &Bound<'_, PyAny>, class: &Bound<'_, PyType>, name: &str, short: &str) -> String {
    let py = obj.py();
    let has = |attribute: &str| known::defines(class, &PyString::new(py, attribute));
    if name.starts_with("numpy.") || name.starts_with("pandas.") {
        // A scalar of theirs has the methods of an array too.
        return if name.ends_with("array") {
            "store its Python value: .tolist(), or .tobytes() with its shape and dtype".to_owned()
        } else if has("item") {
            "store its Python value: .item()".to_owned()
        } else {
            "store its Python value, such as .to_dict() or .to_pydatetime()".to_owned()
        };
    }
    let shaped = has("__dataclass_fields__")
        || has("__pydantic_fields__")
        || has("__pydantic_validator__")
        || obj.is_instance_of::<PyTuple>() && has("_fields");
    if shaped {
        return format!("give the cache its type, as Typed({short}), or store a dict");
    }
    if known::ENUM.is_base_of(class) {
        return "store its value".to_owned();
    }
    if known::PURE_PATH.is_base_of(class) {
        return "store its text: str(path)".to_owned();
    }
    // The value of a subclass would come back as that of its base.
    let base = if obj.is_instance_of::<PyString>() {
        "str"
    } else if obj.is_instance_of::<PyInt>() {
        "int"
    } else if obj.is_instance_of::<PyFloat>() {
        "float"
    } else if obj.is_instance_of::<PyBytes>() {
        "bytes"
    } else if obj.is_instance_of::<PyDict>() {
        "dict"
    } else if obj.is_instance_of::<PyList>() {
        "list"
    } else if obj.is_instance_of::<PyTuple>() {
        "tuple"
    } else if obj.is_instance_of::<PySet>() {
        "set"
    } else {
        ""
    };
    if !base.is_empty() {
        return format!(
            "it would come back as a plain {base}: store {base}(...) if that is what you want"
        );
    }
    match name {
        "memoryview" => "store bytes(...)".to_owned(),
        "complex" => "store a tuple of its real and imag".to_owned(),
        "range" | "collections.deque" | "dict_keys" | "dict_values" | "dict_items" => {
            "store list(...)".to_owned()
        }
        "coroutine" => "await it, and store what it returns".to_owned(),
        "generator" | "map" | "filter" | "zip" | "enumerate" | "list_iterator" => {
            "store list(...): an iterator can be read once".to_owned()
        }
        "async_generator" => "collect what it yields, and store the list".to_owned(),
        "function" | "builtin_function_or_method" | "method" | "type" | "module" => {
            "store its name, or what it returns".to_owned()
        }
        _ => {
            "store the data in it (a dict, a dataclass with Typed), or use a serializer that knows the type".to_owned()
        }
    }
}
