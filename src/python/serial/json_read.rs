//! Simple JSON straight into Python objects: several times as fast as the standard library.
//!
//! Simple is what has the same meaning here and in `json`: no number that a float would cut, nothing that only Python
//! writes. Anything else is an error, and for `json` to judge.

use std::fmt;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::names::{Borrowed, new_text};

/// From here on a whole number is cut by being a float.
const EXACT: f64 = 9.2e18;

/// The value of this JSON.
pub(super) fn read<'py>(py: Python<'py>, data: &[u8]) -> serde_json::Result<Bound<'py, PyAny>> {
    let mut names = Borrowed::take(py);
    let mut json = serde_json::Deserializer::from_slice(data);
    let value = Seed {
        py,
        names: &mut names,
    }
    .deserialize(&mut json)
    .and_then(|value| json.end().map(|()| value));
    names.put_back(py);
    value
}

/// What the next value is made with.
struct Seed<'py, 'a> {
    py: Python<'py>,
    names: &'a mut Borrowed,
}

/// The same for a key.
struct Key<'py, 'a>(Seed<'py, 'a>);

fn unknown<E: Error>(_: impl Sized) -> E {
    E::custom("Python refused it")
}

impl<'py> Seed<'py, '_> {
    fn again(&mut self) -> Seed<'py, '_> {
        Seed {
            py: self.py,
            names: self.names,
        }
    }
}

impl<'py, 'de> DeserializeSeed<'de> for Seed<'py, '_> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'py, 'de> DeserializeSeed<'de> for Key<'py, '_> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'py> Visitor<'_> for Key<'py, '_> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.0
            .names
            .text(self.0.py, text.as_bytes())
            .map_err(unknown)
    }
}

impl<'py, 'de> Visitor<'de> for Seed<'py, '_> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.py.None().into_bound(self.py))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(PyBool::new(self.py, value).to_owned().into_any())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.py, value).into_any())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(PyInt::new(self.py, value).into_any())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        // It may have been a long int; and `-0` is an int to Python.
        if value.abs() >= EXACT || value == 0.0 && value.is_sign_negative() {
            return Err(E::custom("a number that may not be a float"));
        }
        Ok(PyFloat::new(self.py, value).into_any())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        new_text(self.py, text.as_bytes()).map_err(unknown)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut from: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.py);
        while let Some(item) = from.next_element_seed(self.again())? {
            list.append(item).map_err(unknown)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.py);
        while let Some(key) = from.next_key_seed(Key(self.again()))? {
            let value = from.next_value_seed(self.again())?;
            dict.set_item(key, value).map_err(unknown)?;
        }
        Ok(dict.into_any())
    }
}
