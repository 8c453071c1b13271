//! Whole records, for stores that keep one run of bytes under a key.

use super::entry::FarEntry;
use super::nanos;
use super::write::terms_of;
use crate::far::record;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

pyo3::import_exception!(omnicache.exceptions, CacheSerializationError);

/// `pack_record(key, payload, now, ...)`: the envelope of a value.
#[pyfunction]
#[pyo3(signature = (
    key, payload, now, *, serializer = 0, flags = 0, priority = 0.5, created = None, fresh_until = None,
    expires = None, schema = None, tags = Vec::new(),
))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // what there is to say, as pyo3 hands it over
pub(super) fn pack_record<'py>(
    py: Python<'py>,
    key: &[u8],
    payload: &[u8],
    now: f64,
    serializer: u8,
    flags: u8,
    priority: f64,
    created: Option<f64>,
    fresh_until: Option<f64>,
    expires: Option<f64>,
    schema: Option<[u8; 8]>,
    tags: Vec<(String, u64)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let terms = terms_of(
        nanos(now)?,
        serializer,
        flags,
        priority,
        created,
        fresh_until,
        expires,
        schema,
    )?;
    let tags = tags
        .iter()
        .map(|(name, generation)| (name.as_str(), *generation));
    Ok(PyBytes::new(py, &record::seal(&terms, tags, key, payload)))
}

/// `unpack_record(key, data)`: the entry in an envelope, and the generations of its tags.
#[pyfunction]
pub(super) fn unpack_record(
    py: Python<'_>,
    key: &[u8],
    data: &[u8],
) -> PyResult<(FarEntry, Vec<(String, u64)>)> {
    let (header, payload) = record::open(data, key)
        .map_err(|error| CacheSerializationError::new_err(format!("not a record: {error}")))?;
    let tags = header
        .tags()
        .map(|(name, generation)| (name.to_owned(), generation));
    Ok((FarEntry::of_record(py, &header, payload), tags.collect()))
}
