//! Operations on one key.

use super::terms::{Arguments, Given, read_ttl, seconds};
use super::{Core, flag, release};
use crate::clock::NEVER;
use crate::entry::Gone;
use crate::python::key::{Key, KeyRef};
use crate::python::sentinel::missing;
use crate::python::weigh::weigh;
use crate::shard::{Found, Mode, Put, Stored, Terms};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList};
use std::sync::atomic::Ordering::Relaxed;

pyo3::import_exception!(omnicache.exceptions, CacheClosedError);
pyo3::import_exception!(omnicache.exceptions, MissingKeyError);

/// The `KeyError` of `cache[key]`, with the key as a dict's has it.
#[cold]
pub(super) fn missing_key(key: &Bound<'_, PyAny>) -> PyErr {
    MissingKeyError::new_err((key.clone().unbind(),))
}

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
        let (core, py) = (slf.get(), slf.py());
        let sought = KeyRef::of(key)?;
        let mut gone = Gone::new();
        let started = core
            .has(flag::SAMPLE)
            .then(|| crate::clock::Clock::System.now());
        let take = |value: &Py<PyAny>| value.clone_ref(py);
        let found = core.near.get(
            sought.hash(),
            |key| sought.same(key),
            &core.clock,
            take,
            &mut gone,
        );
        if let Some(started) = started {
            core.timed[0].fetch_add(crate::clock::Clock::System.now() - started, Relaxed);
            core.timed[1].fetch_add(1, Relaxed);
            core.set_flag(flag::SAMPLE, false);
        }
        core.count_read();
        core.after(slf, gone)?;
        let value = match found {
            Found::Fresh(value) => Some(value.into_bound(py)),
            Found::Stale(_) | Found::Missing => None,
        };
        if !core.has(flag::READ_HOOK) {
            return Ok(value);
        }
        match value {
            Some(value) => slf.call_method1("_on_hit", (key, value)).map(Some),
            None => slf.call_method1("_on_miss", (key,)).map(|_| None),
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
        let core = slf.get();
        let sought = KeyRef::of(key)?;
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
        let Stored {
            stored,
            replaced,
            over,
            gone,
        } = core.near.put(put, |key| sought.same(key), core.clock.now());
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
    fn take<'py>(
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
    fn add_number(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        arguments: &Arguments<'_>,
    ) -> PyResult<Py<PyAny>> {
        let (core, py) = (slf.get(), slf.py());
        let sought = KeyRef::of(key)?;
        number(delta, "delta")?;
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
                if Self::write(slf, key, delta, arguments, Mode::Add)?
                    || !Self::__contains__(slf, key)?
                {
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
}

/// Checks that this is an int or a float.
fn number(value: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
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

#[pymethods]
impl Core {
    /// The value under `key` if it is fresh, else `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        slf.get().open(slf, "get")?;
        Ok(Self::read(slf, key)?.or(default))
    }

    /// Writes `value` under `key`.
    #[pyo3(
        signature = (key, value, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., jitter=...)"
    )]
    fn set<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        slf.get().open(slf, "set")?;
        Self::write(
            slf,
            key,
            value,
            &Arguments::read("set", ttl, options)?,
            Mode::Always,
        )
        .map(drop)
    }

    /// Writes `value` only if there is no fresh entry; whether it did.
    #[pyo3(
        signature = (key, value, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., jitter=...)"
    )]
    fn add<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<bool> {
        slf.get().open(slf, "add")?;
        Self::write(
            slf,
            key,
            value,
            &Arguments::read("add", ttl, options)?,
            Mode::Add,
        )
    }

    /// Writes `value` only if there is a fresh entry; whether it did.
    #[pyo3(
        signature = (key, value, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., jitter=...)"
    )]
    fn replace<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<bool> {
        slf.get().open(slf, "replace")?;
        Self::write(
            slf,
            key,
            value,
            &Arguments::read("replace", ttl, options)?,
            Mode::Replace,
        )
    }

    /// Removes an entry; whether a fresh one was there.
    pub(super) fn delete(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        slf.get().open(slf, "delete")?;
        Ok(Self::take(slf, key)?.is_some())
    }

    /// Removes an entry and returns its value; without one `default`, or `MissingKeyError` if there is none.
    #[pyo3(signature = (key, default=Given::ABSENT))]
    fn pop<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Given<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().open(slf, "pop")?;
        match Self::take(slf, key)? {
            Some(value) => Ok(value),
            None => default.into_inner().ok_or_else(|| missing_key(key)),
        }
    }

    /// Gives a fresh entry a new ttl, counted from now; whether there was one.
    #[allow(clippy::needless_pass_by_value)] // how pyo3 hands arguments over
    #[pyo3(signature = (key, ttl=Given::ABSENT))]
    fn touch(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, ttl: Given<'_>) -> PyResult<bool> {
        let core = slf.get();
        core.open(slf, "touch")?;
        let sought = KeyRef::of(key)?;
        let ttl = read_ttl(ttl.get(), core.default_ttl())?;
        let (there, gone) =
            core.near
                .touch(sought.hash(), |key| sought.same(key), ttl, core.clock.now());
        core.after(slf, gone)?;
        Ok(there)
    }

    /// Seconds a fresh entry has left, `None` if it lives for ever, `default` if there is none.
    #[pyo3(signature = (key, default=Given::ABSENT))]
    #[allow(clippy::cast_precision_loss)] // for people: microseconds survive
    fn ttl<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Given<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (core, py) = (slf.get(), slf.py());
        core.open(slf, "ttl")?;
        let sought = KeyRef::of(key)?;
        let now = core.clock.now();
        let end = core.near.entry(
            sought.hash(),
            |key| sought.same(key),
            now,
            |_, _, view| view.fresh.min(view.end),
        );
        match end {
            None => Ok(default.into_inner().unwrap_or_else(|| missing(py).clone())),
            Some(NEVER) => Ok(py.None().into_bound(py)),
            Some(end) => Ok(seconds(end - now).into_pyobject(py)?),
        }
    }

    /// Adds `delta` to the number under `key`, atomically; an absent one counts as 0. Keeps the entry's life.
    #[pyo3(
        signature = (key, delta=Given::ABSENT, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, delta=1, ttl=..., *, tags=..., priority=..., idle=..., stale=..., jitter=...)"
    )]
    fn incr<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        delta: Given<'py>,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        slf.get().open(slf, "incr")?;
        let delta = match delta.into_inner() {
            Some(delta) => delta,
            None => 1i32.into_pyobject(slf.py())?.into_any(),
        };
        Self::add_number(slf, key, &delta, &Arguments::read("incr", ttl, options)?)
    }

    /// Takes `delta` off the number under `key`, as `incr` adds it.
    #[pyo3(
        signature = (key, delta=Given::ABSENT, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, delta=1, ttl=..., *, tags=..., priority=..., idle=..., stale=..., jitter=...)"
    )]
    fn decr<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        delta: Given<'py>,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        slf.get().open(slf, "decr")?;
        let delta = match delta.into_inner() {
            Some(delta) => {
                number(&delta, "delta")?;
                delta.neg()?
            }
            None => (-1i32).into_pyobject(slf.py())?.into_any(),
        };
        Self::add_number(slf, key, &delta, &Arguments::read("decr", ttl, options)?)
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().open(slf, "cache[key]")?;
        Self::read(slf, key)?.ok_or_else(|| missing_key(key))
    }

    fn __setitem__(
        slf: &Bound<'_, Self>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        slf.get().open(slf, "cache[key] = value")?;
        Self::write(slf, key, value, &Arguments::NONE, Mode::Always).map(drop)
    }

    fn __delitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().open(slf, "del cache[key]")?;
        Self::take(slf, key)?
            .map(drop)
            .ok_or_else(|| missing_key(key))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let core = slf.get();
        core.open(slf, "key in cache")?;
        let sought = KeyRef::of(key)?;
        let found = core.near.peek(
            sought.hash(),
            |key| sought.same(key),
            core.clock.now(),
            |_, _, _| (),
        );
        Ok(matches!(found, Found::Fresh(())))
    }

    /// An error if `set` would refuse these options; for what is written only after a loader has run.
    #[pyo3(signature = (method, ttl, **options))]
    fn _check(
        &self,
        method: &str,
        ttl: Given<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        self.life(&Arguments::read(method, ttl, options)?).map(drop)
    }

    /// The value under `key` without counting or using it: (value, whether it is fresh), or None.
    fn _peek<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, bool)>> {
        let (core, py) = (slf.get(), slf.py());
        let sought = KeyRef::of(key)?;
        let take = |_: &Key, value: &Py<PyAny>, _| value.clone_ref(py);
        Ok(
            match core.near.peek(
                sought.hash(),
                |key| sought.same(key),
                core.clock.now(),
                take,
            ) {
                Found::Fresh(value) => Some((value.into_bound(py), true)),
                Found::Stale(value) => Some((value.into_bound(py), false)),
                Found::Missing => None,
            },
        )
    }
}
