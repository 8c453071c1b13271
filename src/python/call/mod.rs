//! The native part of a cached function: it binds the arguments of a call, makes or only hashes the key, and looks it
//! up. A miss, and everything else that a cached function can do, is the Python class's below it.

mod install;
mod instances;
mod look;
mod parts;
mod plan;
mod vector;

use super::core::Core;
use super::plain;
use plan::Plan;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Whether threads run Python at the same time.
static PARALLEL: AtomicBool = AtomicBool::new(false);

/// What is called: `CachedCall(cache, prefix, plan, absent=None, copier=None)`.
///
/// Without `absent` it is called as the function is, and answers a miss with `_fetch(_request(key, args, kwargs))`. With
/// it, it is called with every parameter bound, in order and by position, and answers a miss with `absent`.
#[pyclass(subclass, frozen, module = "omnicache._omnicache")]
pub(super) struct CachedCall {
    /// What the interpreter calls; it finds this field by its offset.
    vectorcall: ffi::vectorcallfunc,
    core: Py<Core>,
    prefix: Py<PyString>,
    /// The state of a key's hash after the prefix.
    seed: u64,
    plan: Plan,
    absent: Option<Py<PyAny>>,
    /// What a hit is handed out through: it makes a copy.
    copier: Option<Py<PyAny>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl CachedCall {
    /// Where an instance has its `vectorcall`, from the object's start.
    fn offset(slf: &Bound<'_, Self>) -> usize {
        let inside = std::ptr::from_ref(slf.get()).addr() - slf.as_ptr().addr();
        inside + offset_of!(Self, vectorcall)
    }
}

/// One more, exactly. Under the GIL nobody else adds at the same time, and a plain addition is a third of the price.
#[inline]
fn count(counter: &AtomicU64) {
    if PARALLEL.load(Relaxed) {
        counter.fetch_add(1, Relaxed);
    } else {
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }
}

#[pymethods]
impl CachedCall {
    #[new]
    #[pyo3(signature = (cache, prefix, plan, absent=None, copier=None))]
    fn new(
        cache: &Bound<'_, Core>,
        prefix: &Bound<'_, PyString>,
        plan: &Bound<'_, PyTuple>,
        absent: Option<Py<PyAny>>,
        copier: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        // SAFETY: a Bound is live and proves that we are attached.
        let Some(part) = (unsafe { plain::plain_part(prefix.as_ptr()) }) else {
            return Err(PyTypeError::new_err("prefix: exactly a str"));
        };
        Ok(Self {
            vectorcall: if absent.is_none() {
                vector::call
            } else {
                vector::look_up
            },
            core: cache.clone().unbind(),
            prefix: prefix.clone().unbind(),
            seed: plain::hash_seed(part),
            plan: Plan::read(plan)?,
            absent,
            copier,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// The key of a call with these arguments, or None if they do not fit the signature.
    fn _key<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        parts::key(slf, args, kwargs)
    }

    /// The lookup as a builtin function, which the interpreter calls quicker than any other object.
    fn _function<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        vector::function(slf)
    }

    /// (hits, misses) since the last reset.
    fn _calls(&self) -> (u64, u64) {
        (self.hits.load(Relaxed), self.misses.load(Relaxed))
    }

    /// Counts calls from 0 again.
    fn _reset_calls(&self) {
        self.hits.store(0, Relaxed);
        self.misses.store(0, Relaxed);
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kwargs = kwargs.map_or(std::ptr::null_mut(), Bound::as_ptr);
        // SAFETY: all three are live; `install_call` told the interpreter where the class has its vectorcall.
        unsafe {
            let value = ffi::PyVectorcall_Call(slf.as_ptr(), args.as_ptr(), kwargs);
            Bound::from_owned_ptr_or_err(slf.py(), value)
        }
    }

    #[allow(clippy::needless_pass_by_value)] // the signature pyo3 asks for
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // No __clear__: every cycle goes on through the cache, or through what the function was given as a default,
        // and each of these can be cleared.
        visit.call(&self.core)?;
        visit.call(&self.absent)?;
        visit.call(&self.copier)?;
        self.plan.traverse(&visit)
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let sys = module.py().import("sys")?;
    if let Some(enabled) = sys.getattr_opt("_is_gil_enabled")? {
        PARALLEL.store(!enabled.call0()?.is_truthy()?, Relaxed);
    }
    module.add_class::<CachedCall>()?;
    module.add_function(wrap_pyfunction!(install::install_call, module)?)?;
    instances::register(module)
}
