//! What is said of an entry that is written, beside its key and its value.

use super::entry::priority_from;
use super::{nanos, nanos_or_never, seconds_or_never};
use crate::far::record::{Flags, Terms};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::sync::Arc;

/// Until when an entry holds, how its value was made, and its tags.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct FarTerms {
    terms: Terms,
    /// `None`: when it is written.
    created: Option<u64>,
    tags: Arc<[String]>,
}

impl FarTerms {
    /// What the record says of an entry written at `now` on these terms; on the plainest ones if there are none.
    pub(super) fn of(given: Option<&Self>, now: u64) -> Terms {
        Terms {
            created: given.and_then(|given| given.created).unwrap_or(now),
            ..given.map_or_else(Terms::default, |given| given.terms)
        }
    }

    /// The tags.
    pub(super) fn tags_of(given: Option<&Self>) -> Arc<[String]> {
        given.map_or_else(|| Arc::from([]), |given| Arc::clone(&given.tags))
    }
}

fn flags_of(bits: u8) -> PyResult<Flags> {
    Flags::from_bits(bits).ok_or_else(|| {
        PyValueError::new_err(format!(
            "flags {bits}: 1 is compressed, 2 is signed, nothing else is known"
        ))
    })
}

#[pymethods]
impl FarTerms {
    #[new]
    #[pyo3(signature = (
        *, serializer = 0, flags = 0, priority = 0.5, created = None, fresh_until = None, expires = None, schema = None,
        tags = Vec::new(),
    ))]
    #[allow(clippy::too_many_arguments)] // what there is to say of an entry
    fn new(
        serializer: u8,
        flags: u8,
        priority: f64,
        created: Option<f64>,
        fresh_until: Option<f64>,
        expires: Option<f64>,
        schema: Option<[u8; 8]>,
        tags: Vec<String>,
    ) -> PyResult<Self> {
        if !(0.0..=1.0).contains(&priority) {
            return Err(PyValueError::new_err(format!(
                "priority {priority}; it lies between 0 and 1"
            )));
        }
        Ok(Self {
            terms: Terms {
                serializer,
                flags: flags_of(flags)?,
                priority: priority_from(priority),
                created: 0,
                fresh_until: nanos_or_never(fresh_until)?,
                expires: nanos_or_never(expires)?,
                schema,
            },
            created: created.map(nanos).transpose()?,
            tags: tags.into(),
        })
    }

    /// The same for another entry.
    #[pyo3(signature = (created, fresh_until, expires, flags, /))]
    fn at(
        &self,
        created: f64,
        fresh_until: Option<f64>,
        expires: Option<f64>,
        flags: u8,
    ) -> PyResult<Self> {
        Ok(Self {
            terms: Terms {
                flags: flags_of(flags)?,
                fresh_until: nanos_or_never(fresh_until)?,
                expires: nanos_or_never(expires)?,
                ..self.terms
            },
            created: Some(nanos(created)?),
            tags: Arc::clone(&self.tags),
        })
    }

    #[getter]
    fn expires(&self) -> Option<f64> {
        seconds_or_never(self.terms.expires)
    }

    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tags.iter().map(|tag| PyString::new(py, tag)))
    }
}
