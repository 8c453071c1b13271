//! Whole records, for stores that keep one run of bytes under a key.

use super::entry::FarEntry;
use super::nanos;
use super::terms::FarTerms;
use crate::far::record;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

pyo3::import_exception!(omnicache.exceptions, CacheSerializationError);

/// `pack_record(key, payload, now, terms, tags)`: the envelope of a value, with generations in the place of the tags.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // pyo3 hands the arguments over by value
pub(super) fn pack_record<'py>(
    py: Python<'py>,
    key: &[u8],
    payload: &[u8],
    now: f64,
    terms: &FarTerms,
    tags: Vec<(String, u64)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let terms = FarTerms::of(Some(terms), nanos(now)?);
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
