//! What loads need beside reading and writing: how the entry stands, who refreshes it, when to try again.

use super::terms::{Arguments, Given, nanos, seconds};
use super::{Core, flag};
use crate::clock::{Clock, NEVER};
use crate::python::key::KeyRef;
use crate::shard::{Found, Mode};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Seconds from `now` to `moment`, negative if it has passed, nothing for never.
#[allow(clippy::cast_precision_loss)] // microseconds survive
fn until(moment: u64, now: u64) -> Option<f64> {
    (moment != NEVER).then(|| {
        if moment >= now {
            (moment - now) as f64 / 1e9
        } else {
            -((now - moment) as f64 / 1e9)
        }
    })
}

#[pymethods]
impl Core {
    /// As `get`, but `absent` for a value that asks for a refresh, too: `_sight` then tells.
    fn _seek<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        absent: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().open(slf, "get_or_set")?;
        Ok(match Self::seek(slf, key)? {
            Found::Fresh(value) => value,
            _ => absent,
        })
    }

    /// How the entry under `key` stands, without counting or using it: (value, seconds it is still fresh, seconds until it
    /// asks for a refresh or until a load may be tried, version, whether it was made stale on request), or None.
    fn _sight<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let (core, py) = (slf.get(), slf.py());
        let (sought, now) = (KeyRef::of(key)?, core.clock.now());
        let found = core.near.sight(
            sought.hash(),
            |key| sought.same(key),
            now,
            |value, sight| (value.clone_ref(py), sight),
        );
        found
            .map(|(value, sight)| {
                let (left, early) = (until(sight.fresh, now), until(sight.early, now));
                (value, left, early, sight.version, sight.soft).into_pyobject(py)
            })
            .transpose()
    }

    /// Takes on the refresh that a fresh entry asks for: True for one caller.
    fn _claim(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let sought = KeyRef::of(key)?;
        Ok(self
            .near
            .claim(sought.hash(), |key| sought.same(key), self.clock.now()))
    }

    /// Has the entry ask for a refresh, or allow a load, only in so many seconds.
    fn _rearm(&self, key: &Bound<'_, PyAny>, after: &Bound<'_, PyAny>) -> PyResult<()> {
        let sought = KeyRef::of(key)?;
        let after = nanos(after, "retry_after")?.unwrap_or(0);
        let moment = self.clock.now().saturating_add(after);
        self.near
            .rearm(sought.hash(), |key| sought.same(key), moment);
        Ok(())
    }

    /// Writes what was loaded, unless something was written since the entry had this version; whether it did.
    #[pyo3(signature = (key, value, version, ttl, **options))]
    fn _keep(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        version: Option<u32>,
        ttl: Given<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        slf.get().open(slf, "get_or_set")?;
        let arguments = Arguments::read("get_or_set", ttl, options)?;
        Self::write(slf, key, value, &arguments, Mode::Unchanged(version))
    }

    /// Seconds on the cache's clock.
    fn _now(&self) -> Option<f64> {
        seconds(self.clock.now())
    }

    /// Seconds since 1970 on it.
    fn _wall(&self) -> f64 {
        self.wall_now()
    }

    /// Whether that clock is moved by hand.
    #[getter]
    fn _by_hand(&self) -> bool {
        matches!(self.clock, Clock::Manual(_))
    }

    /// Has reads and writes ask for the caller's budget, or no longer.
    fn _set_budgeted(&self, on: bool) {
        self.set_flag(flag::BUDGET, on);
    }
}
