//! A fork waits until no other thread opens or closes a store, or connects to a server, so that the child does not inherit
//! anything half done.

use crate::far::{fs, redis};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

#[pyfunction]
fn before(py: Python<'_>) {
    py.detach(|| {
        fs::before_fork();
        redis::before_fork();
    });
}

#[pyfunction]
fn after() {
    redis::after_fork();
    fs::after_fork();
}

/// Has Python call the functions of this file, once per interpreter.
pub(super) fn watch(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED.get_or_try_init(py, || register(py)).copied()
}

fn register(py: Python<'_>) -> PyResult<()> {
    let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
        return Ok(()); // no fork here
    };
    let calls = PyDict::new(py);
    calls.set_item("before", pyo3::wrap_pyfunction!(before, py)?)?;
    calls.set_item("after_in_parent", pyo3::wrap_pyfunction!(after, py)?)?;
    calls.set_item("after_in_child", pyo3::wrap_pyfunction!(after, py)?)?;
    register.call((), Some(&calls))?;
    Ok(())
}
