//! A whole configuration from the text of a file, or from a dict, for Python.

use crate::config::{FileConfig, Source};
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};

pyo3::import_exception!(omnicache.exceptions, CacheConfigError);

/// Adds the functions of this file to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_file, module)?)?;
    module.add_function(wrap_pyfunction!(parse_sections, module)?)
}

/// The configuration in `text`, and over it what variables say, checked and in normal form.
///
/// `within` names the table that is the configuration; without it the answer is None. Raises `CacheConfigError`; the message names file, line and keys.
#[pyfunction]
#[pyo3(signature = (text, /, *, name, within = Vec::new(), variables = Vec::new()))]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a list is made of what Python gives"
)]
fn parse_file<'py>(
    py: Python<'py>,
    text: &str,
    name: &str,
    within: Vec<String>,
    variables: Vec<(String, String)>,
) -> PyResult<Bound<'py, PyAny>> {
    let within: Vec<&str> = within.iter().map(String::as_str).collect();
    let source = Source {
        text,
        name,
        within: &within,
    };
    let config = source
        .read(&variables)
        .map_err(CacheConfigError::new_err::<String>)?;
    Ok(pythonize(py, &config)?)
}

/// The sections of `table`, a dict of plain data, checked and in normal form. Raises `CacheConfigError`.
#[pyfunction]
#[pyo3(signature = (table, /))]
fn parse_sections<'py>(table: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let config: FileConfig = depythonize(table)
        .map_err(|error| CacheConfigError::new_err(format!("configuration: {error}")))?;
    Ok(pythonize(table.py(), &config)?)
}
