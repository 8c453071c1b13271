//! What a store hands out.

use super::{seconds, seconds_or_never};
use crate::far::Stored;
use crate::far::fs::{Found, Item, Leased};
use crate::far::record::{Flags, Header, Terms};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

/// An entry of a store, or what a scan tells of it.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct FarEntry {
    #[pyo3(get)]
    key: Option<Py<PyBytes>>,
    #[pyo3(get)]
    payload: Option<Py<PyBytes>>,
    terms: Terms,
    tags: Vec<String>,
    #[pyo3(get)]
    version: u64,
    #[pyo3(get)]
    size: u64,
    #[pyo3(get)]
    stale: bool,
}

/// An entry without its payload, made without the GIL.
pub(super) struct Facts {
    terms: Terms,
    tags: Vec<String>,
    version: u64,
    stale: bool,
}

impl Facts {
    pub(super) fn new(found: &Found<'_>) -> Self {
        Self {
            terms: found.terms,
            tags: found.tags().map(str::to_owned).collect(),
            version: found.version,
            stale: found.stale,
        }
    }

    /// The entry with its payload.
    pub(super) fn with(self, py: Python<'_>, payload: &[u8]) -> FarEntry {
        FarEntry {
            key: None,
            payload: Some(PyBytes::new(py, payload).unbind()),
            terms: self.terms,
            tags: self.tags,
            version: self.version,
            size: payload.len() as u64,
            stale: self.stale,
        }
    }
}

impl FarEntry {
    /// An entry that was read from a whole record.
    pub(super) fn of_record(py: Python<'_>, header: &Header<'_>, payload: &[u8]) -> Self {
        Facts {
            terms: header.terms,
            tags: header.tags().map(|(name, _)| name.to_owned()).collect(),
            version: 0,
            stale: false,
        }
        .with(py, payload)
    }

    /// An entry that was copied out.
    pub(super) fn of_stored(py: Python<'_>, stored: Stored) -> Self {
        let Stored {
            terms,
            tags,
            version,
            stale,
            payload,
        } = stored;
        Facts {
            terms,
            tags,
            version,
            stale,
        }
        .with(py, &payload)
    }

    /// An entry of a scan.
    pub(super) fn of_item(py: Python<'_>, item: Item) -> Self {
        Self {
            key: Some(PyBytes::new(py, &item.key).unbind()),
            payload: None,
            terms: item.terms,
            tags: item.tags,
            version: item.version,
            size: item.size,
            stale: item.stale,
        }
    }
}

#[pymethods]
impl FarEntry {
    #[getter]
    fn serializer(&self) -> u8 {
        self.terms.serializer
    }

    #[getter]
    fn flags(&self) -> u8 {
        self.terms.flags.bits() & !Flags::SOFT.bits()
    }

    #[getter]
    fn soft(&self) -> bool {
        self.terms.flags.has(Flags::SOFT)
    }

    #[getter]
    fn priority(&self) -> f64 {
        priority_of(self.terms.priority)
    }

    #[getter]
    fn created(&self) -> f64 {
        seconds(self.terms.created)
    }

    #[getter]
    fn fresh_until(&self) -> Option<f64> {
        seconds_or_never(self.terms.fresh_until)
    }

    #[getter]
    fn expires(&self) -> Option<f64> {
        seconds_or_never(self.terms.expires)
    }

    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let schema = self.terms.schema.as_ref();
        schema.map(|schema| PyBytes::new(py, schema))
    }

    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tags.iter().map(|tag| PyString::new(py, tag)))
    }

    fn __repr__(&self) -> String {
        format!(
            "FarEntry(version={}, size={}, stale={})",
            self.version,
            self.size,
            if self.stale { "True" } else { "False" }
        )
    }
}

/// What is kept of a priority: 255 steps.
#[allow(clippy::cast_sign_loss)] // it was found to lie between 0 and 1
pub(super) fn priority_from(priority: f64) -> u8 {
    // So that 0.5 is the middle one, exactly, and nothing but 1.0 is the last.
    if priority >= 1.0 {
        u8::MAX
    } else {
        (priority * 256.0).min(254.0) as u8
    }
}

fn priority_of(step: u8) -> f64 {
    if step == u8::MAX {
        1.0
    } else {
        f64::from(step) / 256.0
    }
}

/// The answer to who asked for a lease.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(super) struct FarLease {
    leased: Leased,
}

impl FarLease {
    pub(super) fn new(leased: Leased) -> Self {
        Self { leased }
    }
}

#[pymethods]
impl FarLease {
    #[getter]
    fn acquired(&self) -> bool {
        matches!(self.leased, Leased::Acquired { .. })
    }

    #[getter]
    fn token(&self) -> Option<u64> {
        match self.leased {
            Leased::Acquired { token, .. } => Some(token),
            Leased::Held { .. } => None,
        }
    }

    #[getter]
    fn generation(&self) -> Option<u64> {
        match self.leased {
            Leased::Acquired { generation, .. } => Some(generation),
            Leased::Held { .. } => None,
        }
    }

    #[getter]
    fn pid(&self) -> Option<u32> {
        match self.leased {
            Leased::Acquired { .. } => None,
            Leased::Held { owner, .. } => Some(owner.pid),
        }
    }

    #[getter]
    fn until(&self) -> Option<f64> {
        match self.leased {
            Leased::Acquired { .. } => None,
            Leased::Held { until, .. } => seconds_or_never(until),
        }
    }

    fn __repr__(&self) -> String {
        match self.leased {
            Leased::Acquired { token, .. } => format!("FarLease(acquired=True, token={token})"),
            Leased::Held { owner, .. } => format!("FarLease(acquired=False, pid={})", owner.pid),
        }
    }
}
