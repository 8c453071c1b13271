//! What stands in the store for a value that could not be loaded, where `errors=` keeps that for a while.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

/// An exception in the place of a value.
///
/// ```python
/// kept = CachedError(LookupError("no such user"))
/// assert isinstance(kept.error, LookupError)
/// ```
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct CachedError {
    error: Py<PyAny>,
}

#[pymethods]
impl CachedError {
    #[new]
    #[pyo3(signature = (error, /))]
    fn new(error: Py<PyAny>) -> Self {
        Self { error }
    }

    /// The exception, without its traceback.
    #[getter]
    fn error(&self, py: Python<'_>) -> Py<PyAny> {
        self.error.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("CachedError({})", self.error.bind(py).repr()?))
    }

    // No __clear__: an exception can be cleared, and every cycle goes on through it.
    #[expect(clippy::needless_pass_by_value)] // the protocol's own signature
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.error)
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CachedError>()
}
