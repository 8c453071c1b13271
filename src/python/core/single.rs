//! Operations on one key, as Python calls them.

// What stands above the methods are Python's docstrings, as `_omnicache.pyi` has them.
#![allow(
    clippy::doc_markdown,
    clippy::doc_lazy_continuation,
    clippy::doc_link_with_quotes
)]

use super::Core;
use super::ops::{missing_key, number};
use super::terms::{Arguments, Given, read_ttl, seconds};
use crate::clock::NEVER;
use crate::python::key::{Key, KeyRef};
use crate::python::sentinel::missing;
use crate::shard::{Found, Mode};
use pyo3::prelude::*;
use pyo3::types::PyDict;

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
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., \
             stale_on_error=..., refresh_at=..., jitter=...)"
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

    /// Writes `value` only if there is no fresh entry; whether it did. Atomic.
    ///
    /// Args:
    ///     key: The key.
    ///     value: The value, any object.
    ///     ttl: Seconds, a timedelta, or text such as "5m"; None for ever; left out, the cache's own.
    ///     options: `tags`, `priority`, `idle`, `stale` and `jitter`, as for :meth:`set`.
    ///
    /// Raises:
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheConfigError: An option cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("added-to") as cache:
    /// ...     cache.add("a", 1), cache.add("a", 2), cache["a"]
    /// (True, False, 1)
    #[pyo3(
        signature = (key, value, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., \
             stale_on_error=..., refresh_at=..., jitter=...)"
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

    /// Writes `value` only if there is a fresh entry; whether it did. Atomic.
    ///
    /// Args:
    ///     key: The key.
    ///     value: The value, any object.
    ///     ttl: Seconds, a timedelta, or text such as "5m"; None for ever; left out, the cache's own.
    ///     options: `tags`, `priority`, `idle`, `stale` and `jitter`, as for :meth:`set`.
    ///
    /// Raises:
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheConfigError: An option cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("replaced") as cache:
    /// ...     cache["a"] = 1
    /// ...     cache.replace("a", 2), cache.replace("b", 2), cache["a"]
    /// (True, False, 2)
    #[pyo3(
        signature = (key, value, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, value, ttl=..., *, tags=..., priority=..., idle=..., stale=..., \
             stale_on_error=..., refresh_at=..., jitter=...)"
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

    /// Removes an entry; whether a fresh one was there. A load under way for `key` is not stored.
    ///
    /// Raises:
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("deleted-from") as cache:
    /// ...     cache["a"] = 1
    /// ...     cache.delete("a"), cache.delete("a")
    /// (True, False)
    pub(super) fn delete(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        slf.get().open(slf, "delete")?;
        Ok(Self::take(slf, key)?.is_some())
    }

    /// Removes an entry and returns its value; without one `default`, if it is given.
    ///
    /// Raises:
    ///     MissingKeyError: There is no fresh entry, and no default; it is a KeyError.
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("popped") as cache:
    /// ...     cache["a"] = 1
    /// ...     cache.pop("a"), cache.pop("a", 0)
    /// (1, 0)
    #[pyo3(signature = (key, default=Given::ABSENT))]
    fn pop<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Given<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().open(slf, "pop")?;
        match Self::take(slf, key)? {
            Some(value) => Ok(value),
            None => default.into_inner().ok_or_else(|| missing_key(slf, key)),
        }
    }

    /// Gives a fresh entry a new ttl, counted from now (the cache's own if none is given); whether there was one.
    ///
    /// Args:
    ///     key: The key.
    ///     ttl: Seconds, a timedelta, or text such as "5m"; None for ever.
    ///
    /// Raises:
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheConfigError: The ttl cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache, ManualClock
    /// >>> with Cache("touched", clock=ManualClock()) as cache:
    /// ...     cache.set("a", 1, ttl="1m")
    /// ...     cache.touch("a", "1h"), cache.ttl("a"), cache.touch("b", "1h")
    /// (True, 3600.0, False)
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

    /// Seconds a fresh entry has left, None if it lives for ever, `default` (MISSING) if there is none.
    ///
    /// Raises:
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache, ManualClock
    /// >>> with Cache("timed", clock=ManualClock()) as cache:
    /// ...     cache.set("a", 1, ttl="1m")
    /// ...     cache["b"] = 2
    /// ...     cache.ttl("a"), cache.ttl("b"), cache.ttl("c", "gone")
    /// (60.0, None, 'gone')
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

    /// Adds `delta` to the number under `key`, atomically, and returns the sum.
    ///
    /// An absent one counts as 0 and is written with the ttl and options given, which are those of :meth:`set`; one
    /// that is there keeps its life, tags and priority.
    ///
    /// Raises:
    ///     TypeError: The value, or `delta`, is no int or float.
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheConfigError: An option cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("counters") as cache:
    /// ...     cache.incr("visits"), cache.incr("visits", 10), cache["visits"]
    /// (1, 11, 11)
    #[pyo3(
        signature = (key, delta=Given::ABSENT, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, delta=1, ttl=..., *, tags=..., priority=..., idle=..., stale=..., \
             stale_on_error=..., refresh_at=..., jitter=...)"
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

    /// Takes `delta` off, as :meth:`incr` adds it.
    ///
    /// Raises:
    ///     TypeError: The value, or `delta`, is no int or float.
    ///     InvalidKeyError: The key, or a part of it, cannot be used.
    ///     CacheConfigError: An option cannot be used.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("countdown") as cache:
    /// ...     cache["left"] = 3
    /// ...     cache.decr("left"), cache.decr("left", 2)
    /// (2, 0)
    #[pyo3(
        signature = (key, delta=Given::ABSENT, ttl=Given::ABSENT, **options),
        text_signature = "($self, key, delta=1, ttl=..., *, tags=..., priority=..., idle=..., stale=..., \
             stale_on_error=..., refresh_at=..., jitter=...)"
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
        Self::read(slf, key)?.ok_or_else(|| missing_key(slf, key))
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
            .ok_or_else(|| missing_key(slf, key))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        slf.get().open(slf, "key in cache")?;
        Self::holds(slf, key)
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
                Found::Fresh(value) | Found::Early(value) => Some((value.into_bound(py), true)),
                Found::Stale(value) => Some((value.into_bound(py), false)),
                Found::Missing => None,
            },
        )
    }
}
