//! A clock that tests move by hand.

use super::units;
use crate::clock::Clock;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that stands still until it is moved, for tests of anything that expires.
///
/// ```python
/// clock = ManualClock()
/// cache = Cache("sessions", clock=clock, default_ttl=60)
/// cache["a"] = 1
/// clock.advance(61)
/// assert "a" not in cache
/// ```
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct ManualClock {
    nanos: Arc<AtomicU64>,
}

#[pymethods]
impl ManualClock {
    #[new]
    fn new() -> Self {
        // A day after its beginning, so that a moment before the first one can be named.
        Self {
            nanos: Arc::new(AtomicU64::new(86_400_000_000_000)),
        }
    }

    /// Moves the clock forward by a duration: seconds, a timedelta, or text such as "5m".
    fn advance(&self, duration: &Bound<'_, PyAny>) -> PyResult<()> {
        self.nanos
            .fetch_add(units::nanos(duration)?, Ordering::AcqRel);
        Ok(())
    }

    /// Seconds on the clock.
    #[getter]
    #[allow(clippy::cast_precision_loss)] // for people: microseconds survive
    fn now(&self) -> f64 {
        self.nanos.load(Ordering::Acquire) as f64 / 1e9
    }

    fn __repr__(&self) -> String {
        format!("ManualClock(now={:?})", self.now())
    }
}

impl ManualClock {
    /// The engine's view of it.
    pub(crate) fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.nanos))
    }
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ManualClock>()
}
