//! Values to JSON and back, as `json` of the standard library has it; what would not come back the same is an error.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::error::{Outcome, Trouble};
use super::json_read;
use super::native::bytes_of;
use super::objects::refusal;
use crate::pack::MAX_DEPTH;
use crate::python::keys::known;

/// Python reads ints of at most 4,300 digits from text; all of so many bits have no more.
const INT_BITS: usize = 14_284;

const LOSSY: &str = "or use Json(lossy=True)";

/// Builds the JSON of one value.
struct Writer {
    out: Vec<u8>,
    /// Whether what has some JSON is written though it comes back as another value.
    lossy: bool,
}

/// `json_dumps(value, lossy)`: the JSON of a value; `CacheSerializationError` names the part that has none, or (unless
/// `lossy`) would come back as another value.
#[pyfunction]
#[pyo3(signature = (value, lossy = false))]
pub(super) fn json_dumps<'py>(
    value: &Bound<'py, PyAny>,
    lossy: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    let mut writer = Writer {
        out: Vec::with_capacity(256),
        lossy,
    };
    match writer.value(value, 0) {
        Ok(()) => Ok(PyBytes::new(py, &writer.out)),
        Err(trouble) => Err(trouble.unwritable(py)),
    }
}

/// `json_loads(data)`: the value of simple JSON; `ValueError` for what should be left to `json.loads`.
#[pyfunction]
pub(super) fn json_loads<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    json_read::read(data.py(), &bytes_of(data)?)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

impl Writer {
    fn value(&mut self, obj: &Bound<'_, PyAny>, depth: u32) -> Outcome {
        if let Ok(text) = obj.cast_exact::<PyString>() {
            return self.text(text);
        }
        if obj.is_none() {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        if let Ok(value) = obj.cast_exact::<PyBool>() {
            let word: &[u8] = if value.is_true() { b"true" } else { b"false" };
            self.out.extend_from_slice(word);
            return Ok(());
        }
        if let Ok(number) = obj.cast_exact::<PyInt>() {
            return self.int(number);
        }
        if let Ok(number) = obj.cast_exact::<PyFloat>() {
            return self.float(number);
        }
        if depth >= MAX_DEPTH {
            return Err(Trouble::deep());
        }
        if let Ok(list) = obj.cast_exact::<PyList>() {
            return self.items(obj, list.iter(), depth);
        }
        if let Ok(dict) = obj.cast_exact::<PyDict>() {
            return self.dict(obj, dict, depth);
        }
        self.other(obj, depth)
    }

    fn items<'py>(
        &mut self,
        container: &Bound<'py, PyAny>,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        depth: u32,
    ) -> Outcome {
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.value(&item, depth + 1)
                .map_err(|trouble| trouble.within(container, || format!("[{at}]")))?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn dict(
        &mut self,
        container: &Bound<'_, PyAny>,
        dict: &Bound<'_, PyDict>,
        depth: u32,
    ) -> Outcome {
        self.out.push(b'{');
        // A snapshot: the code of a subclass may change the dict.
        for (at, item) in dict.items().iter().enumerate() {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            if at > 0 {
                self.out.push(b',');
            }
            self.key(&key)
                .map_err(|trouble| trouble.within(container, || ".keys()".to_owned()))?;
            self.out.push(b':');
            self.value(&value, depth + 1)
                .map_err(|trouble| trouble.within(container, || known::step(&key)))?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn key(&mut self, key: &Bound<'_, PyAny>) -> Outcome {
        if let Ok(text) = key.cast_exact::<PyString>() {
            return self.text(text);
        }
        let simple = key.is_none()
            || key.is_instance_of::<PyString>()
            || key.is_instance_of::<PyInt>()
            || key.is_instance_of::<PyFloat>();
        if !(self.lossy && simple) {
            let name = known::shown(&key.get_type());
            return Err(Trouble::new(
                format!("holds a key of type {name}, and a key in JSON is text"),
                if simple {
                    format!("use str keys, {LOSSY}")
                } else {
                    "use str keys, or the native serializer".to_owned()
                },
            ));
        }
        if let Ok(text) = key.cast::<PyString>() {
            return self.text(text);
        }
        self.out.push(b'"');
        if let Ok(number) = key.cast::<PyFloat>() {
            // Text like any other: here the form is part of the value.
            let text = key
                .py()
                .get_type::<PyFloat>()
                .call_method1("__repr__", (number,))?;
            let text = match text.extract::<String>()?.as_str() {
                "nan" => "NaN".to_owned(),
                "inf" => "Infinity".to_owned(),
                "-inf" => "-Infinity".to_owned(),
                other => other.to_owned(),
            };
            self.out.extend_from_slice(text.as_bytes());
        } else {
            self.value(key, 0)?;
        }
        self.out.push(b'"');
        Ok(())
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Outcome {
        if let Ok(plain) = text.to_str() {
            // Writing into memory does not fail.
            return serde_json::to_writer(&mut self.out, plain)
                .map_err(|error| PyValueError::new_err(error.to_string()).into());
        }
        if !self.lossy {
            return Err(Trouble::new(
                "is text with a lone surrogate, which JSON does not carry reliably",
                format!("use the native serializer, {LOSSY}"),
            ));
        }
        let escaped = text.py().import("json")?.call_method1("dumps", (text,))?;
        self.out
            .extend_from_slice(escaped.extract::<String>()?.as_bytes());
        Ok(())
    }

    fn int(&mut self, number: &Bound<'_, PyInt>) -> Outcome {
        if let Ok(number) = number.extract::<i64>() {
            return serde_json::to_writer(&mut self.out, &number)
                .map_err(|error| PyValueError::new_err(error.to_string()).into());
        }
        // The methods of `int` itself: those of a subclass may be anything.
        let int = number.py().get_type::<PyInt>();
        let bits: usize = int.call_method1("bit_length", (number,))?.extract()?;
        if bits > INT_BITS {
            return Err(Trouble::new(
                "is an int of more than 4,300 digits, which Python does not read from text",
                "use the native serializer, or store hex(...)",
            ));
        }
        let text: String = int.call_method1("__repr__", (number,))?.extract()?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn float(&mut self, number: &Bound<'_, PyFloat>) -> Outcome {
        let value = number.value();
        if value.is_finite() {
            return serde_json::to_writer(&mut self.out, &value)
                .map_err(|error| PyValueError::new_err(error.to_string()).into());
        }
        let word = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        if !self.lossy {
            return Err(Trouble::new(
                format!("is {word}, which JSON has no word for"),
                format!("store None in its place, {LOSSY}"),
            ));
        }
        self.out.extend_from_slice(word.as_bytes());
        Ok(())
    }

    /// Subclasses and tuples, which become what they derive from.
    fn other(&mut self, obj: &Bound<'_, PyAny>, depth: u32) -> Outcome {
        let class = obj.get_type();
        let base = if let Ok(tuple) = obj.cast::<PyTuple>() {
            if self.lossy {
                return self.items(obj, tuple.iter(), depth);
            }
            "list"
        } else if let Ok(list) = obj.cast::<PyList>() {
            if self.lossy {
                return self.items(obj, list.iter(), depth);
            }
            "plain list"
        } else if let Ok(dict) = obj.cast::<PyDict>() {
            if self.lossy {
                return self.dict(obj, dict, depth);
            }
            "plain dict"
        } else if let Ok(text) = obj.cast::<PyString>() {
            if self.lossy {
                return self.text(text);
            }
            "plain str"
        } else if let Ok(number) = obj.cast::<PyInt>() {
            if self.lossy {
                return self.int(number);
            }
            "plain int"
        } else if let Ok(number) = obj.cast::<PyFloat>() {
            if self.lossy {
                return self.float(number);
            }
            "plain float"
        } else {
            return Err(refusal(obj, &class, "the json serializer"));
        };
        Err(Trouble::new(
            format!(
                "is of type {} and would come back as a {base}",
                known::shown(&class)
            ),
            format!("convert it, use the native serializer, {LOSSY}"),
        ))
    }
}
