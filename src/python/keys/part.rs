//! What stands for a value of a key that cannot be made again from its bytes: an enum member, an object, a class.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::decode;
use crate::key::{self, KeyValue, NamedKind, RefKind};

/// A part of a decoded key that stands for a value which only its own code can make: an enum member, a dataclass, a
/// class. Equal to another exactly if both stand for the same value, and usable in a key as that value.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct KeyPart {
    bytes: Box<[u8]>,
}

impl KeyPart {
    /// The part with these canonical bytes.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
        }
    }

    /// The canonical bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn decoded(&self) -> PyResult<KeyValue> {
        key::decode(&self.bytes).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

#[pymethods]
impl KeyPart {
    /// `"enum"`, `"object"`, `"custom"`, `"class"`, `"function"`, or `"value"` for any other type whose value cannot be
    /// made here, such as a time in a zone that this machine does not know.
    #[getter]
    fn kind(&self) -> PyResult<&'static str> {
        Ok(match self.decoded()? {
            KeyValue::Named(NamedKind::Enum, ..) => "enum",
            KeyValue::Named(NamedKind::Object, ..) => "object",
            KeyValue::Named(NamedKind::Custom, ..) => "custom",
            KeyValue::Reference(RefKind::Class, _) => "class",
            KeyValue::Reference(RefKind::Function, _) => "function",
            _ => "value",
        })
    }

    /// `"module:Qualified.name"` of the type, class or function; None for the kind `"value"`.
    #[getter]
    fn r#type(&self) -> PyResult<Option<String>> {
        Ok(match self.decoded()? {
            KeyValue::Named(_, name, _) | KeyValue::Reference(_, name) => {
                Some(name.display().into_owned())
            }
            _ => None,
        })
    }

    /// The enum member's name, the object's fields as a dict, what `__cache_key__` gave; the text of a `"value"`;
    /// None for a class or function.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.decoded()? {
            KeyValue::Named(_, _, value) => decode::object(py, &value),
            KeyValue::Reference(..) => Ok(py.None().into_bound(py)),
            _ => Ok(key::text(&self.bytes).into_pyobject(py)?.into_any()),
        }
    }

    fn __repr__(&self) -> String {
        format!("<KeyPart {}>", key::text(&self.bytes))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast_exact::<Self>()
            .is_ok_and(|other| self.bytes == other.get().bytes)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        hasher.finish()
    }
}
