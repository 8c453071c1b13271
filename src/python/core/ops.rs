//! What the operations on one key are made of: reading, writing, taking out and adding, each with its hooks.

use super::terms::Arguments;
use super::{Core, flag, release};
use crate::clock::Clock;
use crate::entry::Gone;
use crate::python::cached_error::CachedError;
use crate::python::key::{Key, KeyRef};
use crate::python::weigh::weigh;
use crate::shard::{BATCH, Found, Mode, Put, Stored, Terms};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList};
use std::sync::atomic::Ordering::Relaxed;

pyo3::import_exception!(omnicache.exceptions, CacheClosedError);
pyo3::import_exception!(omnicache.exceptions, MissingKeyError);

/// The `KeyError` of `cache[key]`, with the key as a dict's has it, and the cache's name for its message.
#[cold]
pub(super) fn missing_key(cache: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyErr {
    let name = cache.getattr("_name").ok().map(Bound::unbind);
    match name {
        Some(name) => MissingKeyError::new_err((key.clone().unbind(), name)),
        None => MissingKeyError::new_err((key.clone().unbind(),)),
    }
}

/// What a lookup found, as a value of Python's.
type Sought<'py> = Found<Bound<'py, PyAny>>;

impl Core {
    /// An error if the cache is closed.
    pub(in crate::python) fn open(&self, slf: &Bound<'_, Self>, operation: &str) -> PyResult<()> {
        if !self.has(flag::CLOSED) {
            return Ok(());
        }
        let name = slf
            .getattr("_label")
            .map_or_else(|_| "cache".to_owned(), |label| label.to_string());
        Err(CacheClosedError::new_err(format!(
            "{name}: {operation}: the cache is closed; make a new one, or get_cache(name)"
        )))
    }

    /// The fresh value under a key, counted, timed, and shown to the hooks.
    pub(in crate::python) fn read<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match Self::seek(slf, key)? {
            Found::Fresh(value) => Some(value),
            Found::Early(value) if !value.is_instance_of::<CachedError>() => Some(value),
            Found::Early(_) | Found::Stale(_) | Found::Missing => None,
        })
    }

    /// As [`Core::read`], telling apart what a load must know.
    pub(in crate::python) fn seek<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Sought<'py>> {
        let (core, py) = (slf.get(), slf.py());
        if core.has(flag::BUDGET) && slf.call_method0("_passes_by")?.is_truthy()? {
            return Ok(Found::Missing);
        }
        core.follow(slf)?;
        let sought = KeyRef::of(key)?;
        let mut gone = Gone::new();
        let started = core.has(flag::SAMPLE).then(|| Clock::System.now());
        let take = |value: &Py<PyAny>| value.clone_ref(py);
        let found = core.near.get(
            sought.hash(),
            |key| sought.same(key),
            &core.clock,
            take,
            &mut gone,
            || core.count_reads(BATCH as u32),
        );
        if let Some(started) = started {
            core.timed[0].fetch_add(Clock::System.now() - started, Relaxed);
            core.timed[1].fetch_add(1, Relaxed);
            core.set_flag(flag::SAMPLE, false);
        }
        if !matches!(found, Found::Fresh(_)) {
            core.count_reads(1);
        }
        core.after(slf, gone)?;
        let hooked = core.has(flag::READ_HOOK);
        let shown = |value: Py<PyAny>| {
            if hooked {
                slf.call_method1("_on_hit", (key, value))
            } else {
                Ok(value.into_bound(py))
            }
        };
        match found {
            Found::Fresh(value) => shown(value).map(Found::Fresh),
            Found::Early(value) => shown(value).map(Found::Early),
            Found::Stale(_) | Found::Missing => {
                if hooked {
                    slf.call_method1("_on_miss", (key,))?;
                }
                Ok(Found::Missing)
            }
        }
    }

    /// Drops what left the cache, after the hooks have seen it.
    pub(super) fn after(&self, slf: &Bound<'_, Self>, gone: Gone<Key, Py<PyAny>>) -> PyResult<()> {
        let py = slf.py();
        if gone.is_empty() || !self.has(flag::WRITE_HOOK) {
            release(py, gone);
            return Ok(());
        }
        let seen = PyList::empty(py);
        for removed in &gone {
            let cause = format!("{:?}", removed.cause).to_lowercase();
            seen.append((cause, removed.key.shown(py)?, &removed.value))?;
        }
        release(py, gone);
        slf.call_method1("_on_gone", (seen,)).map(drop)
    }

    /// Writes a value; whether it was written.
    pub(super) fn write(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        arguments: &Arguments<'_>,
        mode: Mode,
    ) -> PyResult<bool> {
        Self::write_if(slf, key, value, arguments, mode, || true)
    }

    /// As [`Core::write`], if `holds` says so in the moment of the write, under the lock.
    pub(super) fn write_if(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        arguments: &Arguments<'_>,
        mode: Mode,
        holds: impl FnOnce() -> bool,
    ) -> PyResult<bool> {
        let core = slf.get();
        let sought = KeyRef::of(key)?;
        if core.has(flag::BUDGET) && slf.call_method0("_keeps_nothing")?.is_truthy()? {
            return Ok(false);
        }
        let life = core.life(arguments)?;
        let hooked = core.has(flag::WRITE_HOOK);
        let value = if hooked {
            slf.call_method1("_before_write", (value,))?
        } else {
            value.clone()
        };
        let weight = core.weight(slf, key, &value)?;
        let terms = Terms {
            life,
            priority: arguments.priority,
            tags: &arguments.tags,
            weight,
        };
        let put = Put {
            key: sought.to_key()?,
            value: value.clone().unbind(),
            hash: sought.hash(),
            terms,
            mode,
        };
        let now = core.clock.now();
        let Stored {
            stored,
            replaced,
            over,
            gone,
        } = match core.near.put_if(put, |key| sought.same(key), now, holds) {
            Ok(stored) => stored,
            Err(unwritten) => {
                let mut gone = Gone::new();
                gone.push(unwritten);
                release(slf.py(), gone);
                return Ok(false);
            }
        };
        core.after(slf, gone)?;
        if hooked && stored {
            slf.call_method1("_on_set", (key, value, replaced, over))?;
        }
        Ok(stored)
    }

    /// What an entry weighs, 0 in a cache that does not weigh.
    fn weight(
        &self,
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        if self.has(flag::WEIGH) {
            weigh(slf.as_any(), key, value)
        } else {
            Ok(0)
        }
    }

    /// Takes an entry out.
    pub(super) fn take<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (core, py) = (slf.get(), slf.py());
        let sought = KeyRef::of(key)?;
        core.flights.get().forbid(&sought);
        let now = core.clock.now();
        let fresh = matches!(
            core.near
                .peek(sought.hash(), |key| sought.same(key), now, |_, _, _| ()),
            Found::Fresh(())
        );
        let Some(removed) = core.near.remove(sought.hash(), |key| sought.same(key), now) else {
            return Ok(None);
        };
        let value = removed.value.clone_ref(py).into_bound(py);
        let mut gone = Gone::new();
        gone.push(removed);
        core.after(slf, gone)?;
        Ok(fresh.then_some(value))
    }

    /// Adds `delta` to a number, whoever else does so at the same time.
    pub(super) fn add_number(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        arguments: &Arguments<'_>,
    ) -> PyResult<Py<PyAny>> {
        let (core, py) = (slf.get(), slf.py());
        let sought = KeyRef::of(key)?;
        number(delta, "delta")?;
        if core.has(flag::BUDGET) && slf.call_method0("_keeps_nothing")?.is_truthy()? {
            return Ok(delta.clone().unbind());
        }
        loop {
            let now = core.clock.now();
            let seen = core.near.peek(
                sought.hash(),
                |key| sought.same(key),
                now,
                |_, value, version| (value.clone_ref(py), version),
            );
            let Found::Fresh((old, version)) = seen else {
                // Not written: another was first, which the next round finds; or it is heavier than the cache may be, or
                // was removed at once, and then there is nothing to add to.
                if Self::write(slf, key, delta, arguments, Mode::Add)? || !Self::holds(slf, key)? {
                    return Ok(delta.clone().unbind());
                }
                continue;
            };
            let old = old.into_bound(py);
            number(&old, "the value")?;
            let sum = old.add(delta)?;
            let weight = core.weight(slf, key, &sum)?;
            let new = sum.clone().unbind();
            match core.near.swap(
                sought.hash(),
                |key| sought.same(key),
                version,
                new,
                weight,
                now,
            ) {
                Ok(old) => {
                    old.drop_ref(py);
                    let over = core.has(flag::WEIGH) && !core.near.is_within_limits();
                    if core.has(flag::WRITE_HOOK) {
                        slf.call_method1("_on_set", (key, &sum, true, over))?;
                    }
                    if over {
                        core.after(slf, core.near.enforce())?;
                    }
                    return Ok(sum.unbind());
                }
                Err(new) => new.drop_ref(py),
            }
        }
    }

    /// Whether a fresh entry is there; counts as no read.
    pub(super) fn holds(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (core, sought) = (slf.get(), KeyRef::of(key)?);
        let found = core.near.peek(
            sought.hash(),
            |key| sought.same(key),
            core.clock.now(),
            |_, _, _| (),
        );
        Ok(matches!(found, Found::Fresh(())))
    }
}

/// Checks that this is an int or a float.
pub(super) fn number(value: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
    if (value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>())
        && !value.is_instance_of::<PyBool>()
    {
        return Ok(());
    }
    let got = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "incr: {name} is an int or a float, not {got}; use set() to replace it"
    )))
}
