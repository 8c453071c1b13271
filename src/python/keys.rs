//! temporary
use pyo3::prelude::*;
pub(crate) fn encode(_py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(key.repr()?.to_string().into_bytes())
}
pub(crate) fn decode(py: Python<'_>, b: &[u8]) -> PyResult<Py<PyAny>> {
    Ok(pyo3::types::PyBytes::new(py, b).into_any().unbind())
}
pub(crate) fn text(b: &[u8]) -> String {
    String::from_utf8_lossy(b).into()
}
