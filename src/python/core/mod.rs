//! The native base of `omnicache.Cache`: a near store of Python objects.
//!
//! The rule that everything here keeps: under the store's lock no Python runs and no Python object is made or dropped.
//! Keys are encoded and values weighed before the lock; what leaves the cache is dropped after it.

mod beyond;
mod choice;
mod docs;
pub(super) mod hot;
mod install;
mod listing;
mod ops;
mod refresh;
mod settings;
mod single;
mod terms;
mod tier;

use super::clock::ManualClock;
use super::flight::Flights;
use super::key::Key;
use super::lock::StoreLock;
use crate::clock::Clock;
use crate::entry::{Gone, Life};
use crate::near::Near;
use crate::policy::Kind;
use crate::shard::Limits;
use crate::sync::Mutex;
use parking_lot::lock_api;
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use terms::Defaults;
use tier::Tier;

/// Bits of [`Core::flags`]: what sends an operation to its slow path.
pub(super) mod flag {
    /// The cache is closed: every operation is an error.
    pub(crate) const CLOSED: u32 = 1;
    /// Reads call `_on_hit` and `_on_miss`.
    pub(crate) const READ_HOOK: u32 = 2;
    /// Writes call `_on_write`.
    pub(crate) const WRITE_HOOK: u32 = 4;
    /// Values are written with the cache's own life unless the call says otherwise.
    pub(crate) const LIFE: u32 = 8;
    /// Entries are weighed.
    pub(crate) const WEIGH: u32 = 16;
    /// The next read is timed.
    pub(crate) const SAMPLE: u32 = 32;
    /// Somewhere a caller has a budget, which reads and writes ask for.
    pub(crate) const BUDGET: u32 = 64;
    /// What is here are copies of what lies elsewhere: a hit asks whether they are still true, a miss goes on there.
    pub(crate) const FAR: u32 = 128;
    /// What keeps a read from the hot path.
    pub(crate) const SLOW_READ: u32 = CLOSED | READ_HOOK | SAMPLE | BUDGET | FAR;
    /// What keeps a write from the hot path.
    pub(crate) const SLOW_WRITE: u32 = CLOSED | WRITE_HOOK | WEIGH | BUDGET;
}

/// One read in this many is timed.
const SAMPLE_EVERY: u32 = 1024;

/// The native base of `Cache`.
#[pyclass(subclass, frozen, module = "omnicache._omnicache")]
pub(super) struct Core {
    pub(super) near: Near<Key, Py<PyAny>, StoreLock>,
    pub(super) clock: Clock,
    pub(super) flags: AtomicU32,
    /// Reads so far, loosely counted, to choose which to time.
    ticker: AtomicU32,
    /// Nanoseconds of the timed reads, and their number.
    timed: [AtomicU64; 2],
    /// State of the generator behind jitter.
    random: AtomicU64,
    defaults: lock_api::Mutex<StoreLock, Defaults>,
    /// What the near store was last told to be.
    settings: Mutex<(Kind, Limits)>,
    /// The loads that are under way.
    pub(super) flights: Py<Flights>,
    /// What the entries are copies of, if they are.
    tier: OnceLock<Box<Tier>>,
    created: f64,
    reset: AtomicU64,
}

impl Core {
    /// The next number of a generator that is good enough to spread expiry times (`SplitMix64`).
    fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[inline]
    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    /// Whether nothing keeps a read from the hot path.
    #[inline]
    pub(super) fn reads_hot(&self) -> bool {
        let slow = self.flags.load(Relaxed) & flag::SLOW_READ;
        slow == 0 || (slow == flag::FAR && self.follows())
    }

    fn set_flag(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }

    /// Counts reads; every so often the next one is to be timed.
    #[inline]
    fn count_reads(&self, count: u32) {
        // Not an atomic addition: a lost count only moves a sample.
        let before = self.ticker.load(Relaxed);
        let reads = before.wrapping_add(count);
        self.ticker.store(reads, Relaxed);
        if reads / SAMPLE_EVERY != before / SAMPLE_EVERY {
            self.set_flag(flag::SAMPLE, true);
        }
    }

    fn wall_now(&self) -> f64 {
        self.clock.wall(self.clock.now())
    }
}

/// Drops what left the cache. This may run any Python code, so no lock may be held.
#[inline]
pub(super) fn release(py: Python<'_>, gone: Gone<Key, Py<PyAny>>) {
    for removed in gone {
        removed.key.into_object().drop_ref(py);
        removed.value.drop_ref(py);
    }
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (*_args, **options))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        options: Option<&Bound<'_, PyDict>>,
        py: Python<'_>,
    ) -> PyResult<Self> {
        let clock = match options
            .map(|options| options.get_item("clock"))
            .transpose()?
            .flatten()
        {
            Some(clock) if !clock.is_none() => match clock.cast::<ManualClock>() {
                Ok(clock) => clock.get().clock(),
                Err(_) => {
                    let got = clock.get_type().name()?;
                    return Err(PyTypeError::new_err(format!(
                        "clock: a ManualClock or None, not {got}"
                    )));
                }
            },
            _ => Clock::System,
        };
        let (kind, limits, now) = (Kind::Lru, Limits::default(), clock.now());
        let created = clock.wall(now);
        Ok(Self {
            near: Near::new(kind, limits, shards(py)?, now),
            clock,
            flags: AtomicU32::new(0),
            ticker: AtomicU32::new(0),
            timed: [AtomicU64::new(0), AtomicU64::new(0)],
            random: AtomicU64::new(now ^ u64::from(std::process::id())),
            defaults: lock_api::Mutex::new(Defaults {
                life: Life::FOREVER,
                windows: (0, 0),
                jitter: 0.0,
                refresh_at: None,
            }),
            settings: Mutex::new((kind, limits)),
            flights: Py::new(py, Flights::new())?,
            tier: OnceLock::new(),
            created,
            reset: AtomicU64::new(created.to_bits()),
        })
    }

    #[allow(clippy::needless_pass_by_value)] // the signature pyo3 asks for
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // On the GIL no other thread can hold the lock now; without it, a shard whose lock is held is skipped, and the
        // collector takes what it holds for alive.
        let mut outcome = visit.call(&self.flights);
        self.near.try_for_each(|key, value| {
            if outcome.is_ok() {
                outcome = visit.call(key.object()).and_then(|()| visit.call(value));
            }
        });
        outcome
    }

    fn __clear__(&self) {
        let gone = self.near.clear(self.clock.now());
        Python::attach(|py| release(py, gone));
    }
}

/// How many shards: one where the GIL already lets only one thread in.
fn shards(py: Python<'_>) -> PyResult<usize> {
    static SHARDS: pyo3::sync::PyOnceLock<usize> = pyo3::sync::PyOnceLock::new();
    SHARDS
        .get_or_try_init(py, || {
            let sys = py.import("sys")?;
            let gil = match sys.getattr_opt("_is_gil_enabled")? {
                Some(enabled) => enabled.call0()?.is_truthy()?,
                None => true,
            };
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            Ok(if gil {
                1
            } else {
                (threads * 4).next_power_of_two().min(64)
            })
        })
        .copied()
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Core>()?;
    module.add_function(wrap_pyfunction!(install::install, module)?)?;
    module.add_function(wrap_pyfunction!(install::install_far, module)?)
}
