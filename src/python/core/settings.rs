//! The cache as a whole: its strategy, its limits, its statistics, its end.

use super::terms::{Given, seconds};
use super::{Core, flag, release};
use crate::policy::Kind;
use crate::python::flight::Flights;
use crate::python::key::Key;
use crate::python::weigh::weigh;
use crate::shard::Limits;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

pyo3::import_exception!(omnicache.exceptions, CacheStrategyError);

#[pymethods]
impl Core {
    /// Switches policy and limits; the entries stay, as far as the limits allow.
    #[pyo3(signature = (kind, ageing, max_size, max_bytes))]
    fn _reconfigure(
        slf: &Bound<'_, Self>,
        kind: &str,
        ageing: bool,
        max_size: Option<u32>,
        max_bytes: Option<u64>,
    ) -> PyResult<()> {
        let core = slf.get();
        let kind = match kind {
            "lru" => Kind::Lru,
            "lfu" => Kind::Lfu { ageing },
            "ttl" => Kind::Ttl,
            "size" => Kind::Size,
            "tinylfu" => Kind::TinyLfu,
            "custom" => Kind::Adviser,
            other => {
                return Err(CacheStrategyError::new_err(format!(
                    "no strategy is called {other:?}"
                )));
            }
        };
        let limits = Limits {
            entries: max_size,
            bytes: max_bytes,
        };
        let weighs = max_bytes.is_some() || kind == Kind::Size;
        if weighs != core.has(flag::WEIGH) {
            Self::start_weighing(slf, weighs)?;
        }
        *core.settings.lock() = (kind, limits);
        core.after(slf, core.near.reconfigure(kind, limits, core.clock.now()))
    }

    /// What entries live by unless the call says otherwise.
    #[allow(clippy::needless_pass_by_value)] // how pyo3 hands arguments over
    #[pyo3(signature = (
        *, ttl=Given::ABSENT, idle=Given::ABSENT, stale=Given::ABSENT, stale_on_error=Given::ABSENT,
        jitter=Given::ABSENT, refresh_at=Given::ABSENT
    ))]
    fn _set_defaults(
        &self,
        ttl: Given<'_>,
        idle: Given<'_>,
        stale: Given<'_>,
        stale_on_error: Given<'_>,
        jitter: Given<'_>,
        refresh_at: Given<'_>,
    ) -> PyResult<()> {
        self.set_defaults(&ttl, &idle, &stale, &stale_on_error, &jitter, &refresh_at)
    }

    /// Seconds that a value lives unless the call says otherwise, `None` for ever.
    #[getter(default_ttl)]
    fn get_default_ttl(&self) -> Option<f64> {
        seconds(self.default_ttl())
    }

    /// The loads that are under way.
    #[getter]
    fn _flights(&self, py: Python<'_>) -> Py<Flights> {
        self.flights.clone_ref(py)
    }

    /// When the cache was made, in seconds since 1970-01-01 UTC.
    #[getter]
    fn _created(&self) -> f64 {
        self.created
    }

    /// Sends reads, or writes, by the hooks in Python, or no longer.
    fn _set_hooks(&self, reads: bool, writes: bool) {
        self.set_flag(flag::READ_HOOK, reads);
        self.set_flag(flag::WRITE_HOOK, writes);
    }

    /// The exact counts, and what is known of time and memory.
    fn _counts<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (core, py) = (slf.get(), slf.py());
        let now = core.clock.now();
        core.after(slf, core.near.settle(now))?;
        let counts = core.near.counters();
        let timed = [core.timed[0].load(Relaxed), core.timed[1].load(Relaxed)];
        #[allow(clippy::cast_precision_loss)] // an average for people
        let average = if timed[1] == 0 {
            0.0
        } else {
            timed[0] as f64 / timed[1] as f64 / 1e6
        };
        let dict = PyDict::new(py);
        dict.set_item("hit_count", counts.hits)?;
        dict.set_item("miss_count", counts.misses)?;
        dict.set_item("set_count", counts.sets)?;
        dict.set_item("delete_count", counts.deletes)?;
        dict.set_item("eviction_count", counts.evictions)?;
        dict.set_item("expiration_count", counts.expirations)?;
        dict.set_item("entry_count", core.near.fresh_len(now))?;
        dict.set_item("avg_access_time_ms", average)?;
        dict.set_item("overhead_bytes", core.near.overhead())?;
        dict.set_item("last_reset", f64::from_bits(core.reset.load(Relaxed)))?;
        let weight = if core.has(flag::WEIGH) {
            core.near.weight()
        } else {
            Self::weigh_all(slf)?.values().sum()
        };
        dict.set_item("total_size_bytes", weight)?;
        Ok(dict)
    }

    /// Starts counting anew.
    fn _reset_counts(&self) {
        self.near.reset_counters();
        self.timed.iter().for_each(|sum| sum.store(0, Relaxed));
        self.reset.store(self.wall_now().to_bits(), Relaxed);
    }

    /// Drops everything; every later operation is an error.
    fn _close(&self, py: Python<'_>) {
        self.set_flag(flag::CLOSED, true);
        release(py, self.near.clear(self.clock.now()));
    }

    /// Whether the cache is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.has(flag::CLOSED)
    }

    /// Panics if a structure of the engine contradicts itself; for tests.
    fn _validate(&self) {
        self.near.validate();
    }
}

impl Core {
    /// The weight of every fresh entry, by the address of its key object.
    fn weigh_all(slf: &Bound<'_, Self>) -> PyResult<HashMap<usize, u64>> {
        let (core, py) = (slf.get(), slf.py());
        let take = |key: &Key, value: &Py<PyAny>| Some((key.clone_ref(py), value.clone_ref(py)));
        let entries = core
            .near
            .collect(core.clock.now(), |_, _, key, value| take(key, value));
        let mut weights = HashMap::with_capacity(entries.len());
        for (key, value) in entries {
            let address = key.object().as_ptr() as usize;
            weights.insert(
                address,
                weigh(slf.as_any(), key.shown(py)?.bind(py), value.bind(py))?,
            );
            key.into_object().drop_ref(py);
            value.drop_ref(py);
        }
        Ok(weights)
    }

    /// Weighs what is there, outside the lock, and gives the weights to the engine.
    fn start_weighing(slf: &Bound<'_, Self>, on: bool) -> PyResult<()> {
        let core = slf.get();
        if on {
            // From here on writes weigh by themselves; what was written before is weighed now.
            core.set_flag(flag::WEIGH, true);
            let weights = Self::weigh_all(slf)?;
            core.near.weigh(Some(|key: &Key, _: &Py<PyAny>| {
                weights
                    .get(&(key.object().as_ptr() as usize))
                    .copied()
                    .unwrap_or(0)
            }));
        } else {
            core.near.weigh(None::<fn(&Key, &Py<PyAny>) -> u64>);
            core.set_flag(flag::WEIGH, false);
        }
        Ok(())
    }
}
