//! Whether JSON text of a value would come back as that value.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use super::error::{Outcome, Trouble};
use super::objects::refusal;
use crate::pack::MAX_DEPTH;
use crate::python::keys::known;

/// Python reads ints of at most 4,300 digits from text; all of so many bits have no more.
const INT_BITS: usize = 14_284;

/// Where a value is refused in each case.
#[derive(Clone, Copy)]
struct Check {
    /// Whether only that is refused which has no JSON at all, as `json.dumps` does.
    lossy: bool,
}

/// `check_json(value, lossy)`: raises `CacheSerializationError` naming the part that JSON would lose, or (`lossy`) that
/// has no JSON at all.
#[pyfunction]
#[pyo3(signature = (value, lossy = false))]
pub(super) fn check_json(value: &Bound<'_, PyAny>, lossy: bool) -> PyResult<()> {
    Check { lossy }
        .value(value, 0)
        .map_err(|trouble| trouble.unwritable(value.py()))
}

const LOSSY: &str = "or use Json(lossy=True)";

impl Check {
    fn value(self, obj: &Bound<'_, PyAny>, depth: u32) -> Outcome {
        if let Ok(text) = obj.cast_exact::<PyString>() {
            return self.text(text);
        }
        if obj.is_none() || obj.is_exact_instance_of::<PyBool>() {
            return Ok(());
        }
        if let Ok(number) = obj.cast_exact::<PyInt>() {
            return int(number);
        }
        if let Ok(number) = obj.cast_exact::<PyFloat>() {
            return if self.lossy || number.value().is_finite() {
                Ok(())
            } else {
                Err(Trouble::new(
                    format!("is {}, which JSON has no word for", number.value()),
                    format!("store None in its place, {LOSSY}"),
                ))
            };
        }
        if depth >= MAX_DEPTH {
            return Err(Trouble::deep());
        }
        if let Ok(list) = obj.cast_exact::<PyList>() {
            return self.items(obj, list, depth);
        }
        if let Ok(dict) = obj.cast_exact::<PyDict>() {
            return self.dict(obj, dict, depth);
        }
        self.other(obj, depth)
    }

    fn items(self, obj: &Bound<'_, PyAny>, list: &Bound<'_, PyList>, depth: u32) -> Outcome {
        for (at, item) in list.iter().enumerate() {
            self.value(&item, depth + 1)
                .map_err(|trouble| trouble.within(obj, || format!("[{at}]")))?;
        }
        Ok(())
    }

    fn dict(self, obj: &Bound<'_, PyAny>, dict: &Bound<'_, PyDict>, depth: u32) -> Outcome {
        for item in dict.items().iter() {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            self.key(&key)
                .map_err(|trouble| trouble.within(obj, || ".keys()".to_owned()))?;
            self.value(&value, depth + 1)
                .map_err(|trouble| trouble.within(obj, || known::step(&key)))?;
        }
        Ok(())
    }

    fn key(self, key: &Bound<'_, PyAny>) -> Outcome {
        if let Ok(text) = key.cast_exact::<PyString>() {
            return self.text(text);
        }
        // What `json.dumps` makes text of by itself.
        let simple = key.is_none()
            || key.is_instance_of::<PyString>()
            || key.is_instance_of::<PyInt>()
            || key.is_instance_of::<PyFloat>();
        if self.lossy && simple {
            return Ok(());
        }
        let name = known::shown(&key.get_type());
        Err(Trouble::new(
            format!("hold a key of type {name}, and a key in JSON is text"),
            format!(
                "use str keys, {}",
                if simple {
                    LOSSY
                } else {
                    "or the native serializer"
                }
            ),
        ))
    }

    fn text(self, text: &Bound<'_, PyString>) -> Outcome {
        if self.lossy || text.to_str().is_ok() {
            return Ok(());
        }
        Err(Trouble::new(
            "is text with a lone surrogate, which JSON does not carry reliably",
            format!("use the native serializer, {LOSSY}"),
        ))
    }

    /// Subclasses and tuples, which become what they derive from.
    fn other(self, obj: &Bound<'_, PyAny>, depth: u32) -> Outcome {
        let class = obj.get_type();
        let advice = if let Ok(tuple) = obj.cast::<pyo3::types::PyTuple>() {
            if self.lossy {
                return self.items(obj, &tuple.to_list(), depth);
            }
            "it would come back as a list"
        } else if let Ok(list) = obj.cast::<PyList>() {
            if self.lossy {
                return self.items(obj, list, depth);
            }
            "it would come back as a plain list"
        } else if let Ok(dict) = obj.cast::<PyDict>() {
            if self.lossy {
                return self.dict(obj, dict, depth);
            }
            "it would come back as a plain dict"
        } else if obj.is_instance_of::<PyString>()
            || obj.is_instance_of::<PyInt>()
            || obj.is_instance_of::<PyFloat>()
        {
            if self.lossy {
                return Ok(());
            }
            "it would come back as a plain value"
        } else {
            return Err(refusal(obj, &class, "JSON"));
        };
        Err(Trouble::new(
            format!(
                "is of type {}, which JSON does not know",
                known::shown(&class)
            ),
            format!("{advice}: convert it, use the native serializer, {LOSSY}"),
        ))
    }
}

fn int(number: &Bound<'_, PyInt>) -> Outcome {
    if number.extract::<i64>().is_ok() {
        return Ok(());
    }
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    if bits <= INT_BITS {
        return Ok(());
    }
    Err(Trouble::new(
        "is an int of more than 4,300 digits, which Python does not read from text",
        "use the native serializer, or store hex(...)",
    ))
}
