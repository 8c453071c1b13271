//! Many entries at once: listings, bulk removal, what an adviser may choose from.

// What stands above the methods are Python's docstrings, as `_omnicache.pyi` has them.
#![allow(
    clippy::doc_markdown,
    clippy::doc_lazy_continuation,
    clippy::doc_link_with_quotes
)]

use super::Core;
use super::choice::{each, read_pattern};
use super::terms::{seconds, tags as read_tags};
use crate::entry::{Gone, View};
use crate::python::key::{Key, KeyRef};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

impl Core {
    /// What is known of an entry, in the order of the fields of `CacheEntry`.
    fn row<'py>(
        &self,
        py: Python<'py>,
        key: &Key,
        value: &Py<PyAny>,
        view: &View,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let wall = |at: u64| self.clock.wall(at);
        let end = view.fresh.min(view.end);
        let expires = (end != crate::clock::NEVER).then(|| wall(end));
        let tags = PyTuple::new(
            py,
            view.tags
                .iter()
                .map(AsRef::as_ref as fn(&std::sync::Arc<str>) -> &str),
        )?;
        (
            key.shown(py)?,
            value,
            wall(view.created),
            wall(view.updated),
            wall(view.accessed),
            view.hits,
            seconds(view.life.ttl),
            expires,
            view.weight,
            tags,
            f64::from(view.priority),
            view.version,
        )
            .into_pyobject(py)
    }

    /// Removes entries by their keys; how many went.
    fn remove_all(slf: &Bound<'_, Self>, keys: Vec<Key>) -> PyResult<usize> {
        let (core, py) = (slf.get(), slf.py());
        let now = core.clock.now();
        let mut gone = Gone::new();
        for key in keys {
            let sought = KeyRef::again(py, &key)?;
            gone.extend(core.near.remove(sought.hash(), |key| sought.same(key), now));
            key.into_object().drop_ref(py);
        }
        let count = gone.len();
        core.after(slf, gone)?;
        Ok(count)
    }
}

#[pymethods]
impl Core {
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let core = slf.get();
        let now = core.clock.now();
        core.after(slf, core.near.settle(now))?;
        Ok(core.near.fresh_len(now))
    }

    #[allow(clippy::unused_self)] // the protocol's own signature
    fn __bool__(&self) -> bool {
        // A cache is not false for being empty: `cache or other` asks for the cache.
        true
    }

    /// The keys of all fresh entries, as a list. One that is no plain builtin is shown as its canonical bytes say.
    ///
    /// Raises:
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("keyed") as cache:
    /// ...     cache["a"] = cache[("b", 1)] = 0
    /// ...     sorted(cache.keys(), key=str)
    /// [('b', 1), 'a']
    fn keys<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let (core, py) = (slf.get(), slf.py());
        core.open(slf, "keys")?;
        let keys = core
            .near
            .collect(core.clock.now(), |_, _, key, _| Some(key.clone_ref(py)));
        let list = PyList::empty(py);
        for key in keys {
            list.append(key.shown(py)?)?;
            key.into_object().drop_ref(py);
        }
        Ok(list)
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(Self::keys(slf)?.try_iter()?.into_any())
    }

    /// (key, value) of all fresh entries, as a list. They are not counted as reads.
    ///
    /// Raises:
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("itemised") as cache:
    /// ...     cache["a"] = 1
    /// ...     cache.items()
    /// [('a', 1)]
    fn items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let (core, py) = (slf.get(), slf.py());
        core.open(slf, "items")?;
        let take = |key: &Key, value: &Py<PyAny>| Some((key.clone_ref(py), value.clone_ref(py)));
        let items = core
            .near
            .collect(core.clock.now(), |_, _, key, value| take(key, value));
        let list = PyList::empty(py);
        for (key, value) in items {
            list.append((key.shown(py)?, value))?;
            key.into_object().drop_ref(py);
        }
        Ok(list)
    }

    /// The rows of up to `limit` fresh entries that match.
    #[pyo3(signature = (pattern=None, tags=None, limit=None))]
    fn _rows<'py>(
        slf: &Bound<'py, Self>,
        pattern: Option<Bound<'py, PyAny>>,
        tags: Option<Bound<'py, PyAny>>,
        limit: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (core, py) = (slf.get(), slf.py());
        core.open(slf, "entries")?;
        let pattern = read_pattern(pattern)?;
        let tags = tags.map(|tags| read_tags(&tags)).transpose()?;
        let list = PyList::empty(py);
        for key in core
            .select(py, false, pattern.as_ref(), tags.as_deref())?
            .into_iter()
            .take(limit.unwrap_or(usize::MAX))
        {
            if let Some(row) = core.row_of(py, &KeyRef::again(py, &key)?)? {
                list.append(row)?;
            }
            key.into_object().drop_ref(py);
        }
        Ok(list)
    }

    /// The row of one fresh entry, or None.
    fn _row<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        slf.get().open(slf, "entry")?;
        slf.get().row_of(slf.py(), &KeyRef::of(key)?)
    }

    /// The tags of the entry under a key, stale or not: (name, the generation since which it holds, that of the entry).
    fn _generations(&self, key: &Bound<'_, PyAny>) -> PyResult<Vec<(String, u64, u64)>> {
        let sought = KeyRef::of(key)?;
        let told = self.near.generations(sought.hash(), |key| sought.same(key));
        Ok(told
            .into_iter()
            .map(|(name, since, written)| (name.as_ref().to_owned(), since, written))
            .collect())
    }

    /// The rows of the coldest entries, for an adviser.
    fn _coldest<'py>(slf: &Bound<'py, Self>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let (core, py) = (slf.get(), slf.py());
        let rows = core
            .near
            .coldest(limit, core.clock.now(), |key, value, view| {
                (key.clone_ref(py), value.clone_ref(py), view)
            });
        let list = PyList::empty(py);
        for (key, value, view) in rows {
            list.append(core.row(py, &key, &value, &view)?)?;
            key.into_object().drop_ref(py);
            value.drop_ref(py);
        }
        Ok(list)
    }

    /// Evicts the entries an adviser named, as far as they are there and a limit is still passed; how many.
    fn _evict(slf: &Bound<'_, Self>, keys: &Bound<'_, PyAny>) -> PyResult<usize> {
        let core = slf.get();
        let mut count = 0;
        for key in keys.try_iter()? {
            if core.near.is_within_limits() {
                break;
            }
            let sought = KeyRef::of(&key?)?;
            let removed = core
                .near
                .evict(sought.hash(), |key| sought.same(key), core.clock.now());
            count += usize::from(removed.is_some());
            core.after(slf, removed.into_iter().collect())?;
        }
        Ok(count)
    }

    /// How many entries must go at least; 1 if it is bytes that are too many.
    fn _excess(&self) -> usize {
        let max = self
            .settings
            .lock()
            .1
            .entries
            .map_or(usize::MAX, |max| max as usize);
        let over = self.near.len().saturating_sub(max);
        over.max(usize::from(!self.near.is_within_limits()))
    }

    /// Evicts until the limits hold.
    fn _enforce(slf: &Bound<'_, Self>) -> PyResult<()> {
        let core = slf.get();
        core.after(slf, core.near.enforce())
    }

    /// The values of those of `keys` that are fresh, as a dict.
    ///
    /// Raises:
    ///     InvalidKeyError: A key, or a part of it, cannot be used.
    ///     TypeError: `keys` is no iterable, or is one str or bytes.
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache
    /// >>> with Cache("got-many") as cache:
    /// ...     cache.update(a=1, b=2)
    /// ...     cache.get_many(["a", "b", "c"])
    /// {'a': 1, 'b': 2}
    fn get_many<'py>(
        slf: &Bound<'py, Self>,
        keys: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        slf.get().open(slf, "get_many")?;
        let found = PyDict::new(slf.py());
        for key in each(keys, "get_many")? {
            let key = key?;
            if let Some(value) = Self::read(slf, &key)? {
                found.set_item(key, value)?;
            }
        }
        Ok(found)
    }

    /// Removes the entries that are named by `keys`, and those that match `pattern` and `tags`.
    #[pyo3(signature = (keys=None, pattern=None, tags=None))]
    fn _delete_many(
        slf: &Bound<'_, Self>,
        keys: Option<Bound<'_, PyAny>>,
        pattern: Option<Bound<'_, PyAny>>,
        tags: Option<Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (core, py) = (slf.get(), slf.py());
        let pattern = read_pattern(pattern)?;
        let tags = tags.map(|tags| read_tags(&tags)).transpose()?;
        let mut count = 0;
        if let Some(keys) = keys {
            for key in each(&keys, "delete_many")? {
                count += usize::from(Self::delete(slf, &key?)?);
            }
        }
        if pattern.is_some() || tags.is_some() {
            core.forbid_matching(py, pattern.as_ref())?;
            let selected = core.select(py, true, pattern.as_ref(), tags.as_deref())?;
            count += Self::remove_all(slf, selected)?;
        }
        Ok(count)
    }

    /// Removes everything; how many entries went that could still be served.
    fn _clear(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let core = slf.get();
        core.flights.get().forbid_all();
        let now = core.clock.now();
        core.after(slf, core.near.settle(now))?;
        let gone = core.near.clear(now);
        let count = gone.len();
        core.after(slf, gone)?;
        Ok(count)
    }

    /// Invalidates entries: stale if they have a stale window and it is not `hard`, else gone.
    #[pyo3(signature = (keys=None, pattern=None, tags=None, hard=false))]
    fn _invalidate(
        slf: &Bound<'_, Self>,
        keys: Option<Bound<'_, PyAny>>,
        pattern: Option<Bound<'_, PyAny>>,
        tags: Option<Bound<'_, PyAny>>,
        hard: bool,
    ) -> PyResult<()> {
        let (core, py) = (slf.get(), slf.py());
        let pattern = read_pattern(pattern)?;
        let tags = tags.map(|tags| read_tags(&tags)).transpose()?;
        let mut named = Vec::new();
        if let Some(keys) = keys {
            for key in each(&keys, "invalidate")? {
                named.push(KeyRef::of(&key?)?);
            }
        }
        let now = core.clock.now();
        for tag in tags.into_iter().flatten() {
            core.near.invalidate_tag(&tag, hard, now);
        }
        if pattern.is_some() {
            core.forbid_matching(py, pattern.as_ref())?;
            for key in core.select(py, true, pattern.as_ref(), None)? {
                named.push(KeyRef::again(py, &key)?);
                key.into_object().drop_ref(py);
            }
        }
        for sought in named {
            core.flights.get().forbid(&sought);
            let gone = if hard {
                core.near
                    .remove(sought.hash(), |key| sought.same(key), now)
                    .into_iter()
                    .collect()
            } else {
                core.near
                    .invalidate(sought.hash(), |key| sought.same(key), now)
                    .1
            };
            core.after(slf, gone)?;
        }
        Ok(())
    }

    /// Removes what is over; how many entries went. They go anyway while the cache is used.
    ///
    /// Raises:
    ///     CacheClosedError: The cache is closed.
    ///
    /// >>> from omnicache import Cache, ManualClock
    /// >>> clock = ManualClock()
    /// >>> with Cache("purged", clock=clock) as cache:
    /// ...     cache.set("a", 1, ttl=5)
    /// ...     clock.advance(5)
    /// ...     cache.purge_expired(), cache.purge_expired()
    /// (1, 0)
    fn purge_expired(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let core = slf.get();
        core.open(slf, "purge_expired")?;
        let gone = core.near.settle(core.clock.now());
        let count = gone.len();
        core.after(slf, gone)?;
        Ok(count)
    }
}

impl Core {
    fn row_of<'py>(
        &self,
        py: Python<'py>,
        sought: &KeyRef<'py>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let take = |key: &Key, value: &Py<PyAny>, view: View| {
            (key.clone_ref(py), value.clone_ref(py), view)
        };
        let found = self.near.entry(
            sought.hash(),
            |key| sought.same(key),
            self.clock.now(),
            take,
        );
        found
            .map(|(key, value, view)| self.row(py, &key, &value, &view))
            .transpose()
    }
}
