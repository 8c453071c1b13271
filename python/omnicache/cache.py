"""``Cache``: a named set of entries with one strategy, one backend and one set of statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from inspect import iscoroutinefunction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from . import _omnicache, _registry
from ._events import Events
from ._face import AsyncFace
from ._life import checked_copier, checked_sizer
from ._loading import Lease, Leases, LoadCounts, Port
from ._loads import load_async, load_sync
from ._sentinels import DEFAULT, MISSING
from ._types import CopyMode
from .backends import Backend, backend_from
from .exceptions import CacheClosedError, CacheConfigError
from .strategies import Strategy, strategy_from

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Cache"]

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Cache(AsyncFace):
    """A cache for threads and tasks alike.

    It behaves like a dict with limits: ``cache[key]``, ``key in cache``, ``len(cache)``, iteration over the keys. Every
    method that may one day have to wait has an awaitable twin whose name starts with ``a``: ``await cache.aget(key)``.

    Args:
        name: Letters, digits, ``_`` and ``-``; unique in its namespace within the process.
        strategy: Who is evicted: a strategy, the class of one, or ``"lru"``, ``"lfu"``, ``"ttl"``, ``"size"``,
            ``"tinylfu"``.
        namespace: Caches of different namespaces share nothing.
        backend: Where entries live; this version has ``"memory"``.
        max_size: The largest number of entries; None for no limit. The same as the strategy's own.
        max_bytes: The largest sum of sizes, in bytes or as text such as ``"64MiB"``; None for no limit.
        default_ttl: How long entries live unless the call says otherwise: seconds, a ``timedelta`` or text such as
            ``"5m"``; None for ever.
        default_idle: Entries end when they were not read for this long; None for never.
        stale: How long an entry is kept past its ttl, for a refresh or a failing loader.
        jitter: The part of a ttl, from 0 to 1, that chance may take off, so that entries made together do not end
            together.
        copy: What a read hands out: the very object (``"none"``), or a copy, ``"shallow"`` or ``"deep"``.
        sizer: A function of key and value that returns bytes; without one, ``sys.getsizeof`` of both and of what
            builtin containers hold.
        clock: A :class:`ManualClock`, for tests.

    Raises:
        CacheConfigError: An argument cannot be used; the message says which and why.
        CacheStrategyError: The strategy, or a limit of it, cannot be used.
        CacheExistsError: A living cache has this name in this namespace.

    A key that cannot be used raises ``InvalidKeyError`` in every method, and a closed cache ``CacheClosedError``.

    >>> from omnicache import Cache
    >>> with Cache("users", max_size=1000, default_ttl="5m") as cache:
    ...     cache["ada"] = {"name": "Ada"}
    ...     cache.get("ada"), cache.get("bob", "nobody"), "bob" in cache
    ({'name': 'Ada'}, 'nobody', False)
    """

    __slots__ = ()

    def __init__(
        self,
        name: str,
        *,
        strategy: Strategy | type[Strategy] | str | Mapping[str, Any] = "lru",
        namespace: str = _registry.DEFAULT_NAMESPACE,
        backend: Backend | str | None = None,
        max_size: int | None = None,
        max_bytes: int | str | None = None,
        default_ttl: Any = DEFAULT,
        default_idle: Any = None,
        stale: Any = None,
        jitter: float = 0.0,
        copy: CopyMode = "none",
        sizer: Callable[[Any, Any], int] | None = None,
        clock: _omnicache.ManualClock | None = None,  # noqa: ARG002 - taken by `Core.__new__`
    ) -> None:
        if hasattr(self, "_name"):
            raise CacheConfigError(f"{self._label} is made already; make another one instead of calling __init__ again")
        self._build(strategy, backend, max_size, max_bytes, default_ttl, default_idle, stale, jitter, copy, sizer)
        self._name = _registry.check_name("cache name", name)
        self._namespace = _registry.check_name("namespace", namespace)
        # From here on others can find it.
        _registry.claim(self._namespace, self._name, self)
        self._watch()

    @classmethod
    def _anonymous(cls, name: str, **options: Any) -> Self:
        """A cache that no registry knows, for the functions that make their own."""
        cache = cls.__new__(cls, **options)
        options.pop("clock", None)
        cache._name, cache._namespace = name, ""
        given: dict[str, Any] = {
            "strategy": "lru",
            "backend": None,
            "max_size": None,
            "max_bytes": None,
            "default_ttl": DEFAULT,
            "default_idle": None,
            "stale": None,
            "jitter": 0.0,
            "copy": "none",
            "sizer": None,
        }
        cache._build(**(given | options))
        return cache

    def _build(
        self,
        strategy: Any,
        backend: Any,
        max_size: int | None,
        max_bytes: int | str | None,
        default_ttl: Any,
        default_idle: Any,
        stale: Any,
        jitter: float,
        copy: Any,
        sizer: Any,
    ) -> None:
        self._backend = backend_from(backend)
        self._events = Events()
        self._loads = LoadCounts()
        self._leases = Leases(self._flights)
        self._sizer = checked_sizer(sizer)
        self._copy_mode, self._copy = copy, checked_copier(copy)
        self._adviser = None
        chosen = strategy_from(strategy, max_size=max_size, max_bytes=max_bytes)
        self._own_ttl = default_ttl is not DEFAULT
        ttl = default_ttl if self._own_ttl else chosen.default_ttl
        self._set_defaults(ttl=ttl, idle=default_idle, stale=stale, jitter=jitter)
        self._use(chosen)

    @overload
    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> Self: ...
    @overload
    @classmethod
    def from_config(cls, name: Mapping[str, Any]) -> Self: ...
    @classmethod
    def from_config(cls, name: Any, config: Any = None) -> Self:
        """A cache as a dict describes it; the name may be its key ``"name"``.

        Raises:
            CacheConfigError: A key is unknown (the message names the nearest right one) or a value cannot be used.

        >>> from omnicache import Cache
        >>> cache = Cache.from_config("configured", {"strategy": "lfu", "max_size": 100, "default_ttl": "1h"})
        >>> cache.strategy.name, cache.max_size, cache.default_ttl
        ('lfu', 100, 3600.0)
        >>> cache.close()
        """
        if config is None and isinstance(name, Mapping):
            config = dict(name)
            name = config.pop("name", None)
            if name is None:
                raise CacheConfigError('configuration: give the cache a name: {"name": "users", ...}')
        return cls(name, **_omnicache.parse_config(config if config is not None else {}))

    # --- one key ---

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value under `key`, which is set to `default` first if there is none.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("defaulted") as cache:
        ...     cache.setdefault("a", 1), cache.setdefault("a", 2)
        (1, 1)
        """
        while True:
            found = self.get(key, MISSING)
            if found is not MISSING:
                return found
            # Not added and not there: it is heavier than the cache may be, or was removed at once.
            if self.add(key, default) or key not in self:
                return default

    async def asetdefault(self, key: Any, default: Any = None) -> Any:
        """As :meth:`Cache.setdefault`."""
        return self.setdefault(key, default)

    def popitem(self) -> tuple[Any, Any]:
        """Removes and returns the entry that the strategy would evict next, as ``(key, value)``.

        Raises:
            KeyError: The cache is empty.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("emptied") as cache:
        ...     cache.update(a=1, b=2)
        ...     cache.popitem()
        ('a', 1)
        """
        self._open("popitem")
        while True:
            rows = self._coldest(1)
            if not rows:
                raise KeyError(f"popitem: the cache {self.name!r} is empty")
            value = self.pop(rows[0][0], MISSING)
            if value is not MISSING:
                return rows[0][0], value

    async def apopitem(self) -> tuple[Any, Any]:
        """As :meth:`Cache.popitem`."""
        return self.popitem()

    # --- loads ---

    def get_or_set(self, key: Any, loader: Any, ttl: Any = DEFAULT, **options: Any) -> Any:
        """The value under `key`; if there is none, what `loader` returns, stored.

        One loader runs per key at a time, whatever mix of threads and tasks asks; the others wait for its value. What
        it raises is raised to those who wait now, and to no one later. A value that is written under the key while the
        loader runs is the newer one, and stays.

        Args:
            key: The key.
            loader: A function without arguments, or a value.
            ttl: As for :meth:`set`, with the other options of :meth:`set`. It counts from the moment the value is
                there.

        Raises:
            ReentrantLoadError: The loader asks, directly or through others, for the key it is loading.
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used; the loader has not been called then.
            CacheClosedError: The cache is closed.
            TypeError: The loader is a coroutine function: await :meth:`aget_or_set`.

        >>> from omnicache import Cache
        >>> with Cache("loaded") as cache:
        ...     cache.get_or_set("answer", lambda: 42), cache.get("answer")
        (42, 42)
        """
        value = self.get(key, MISSING)
        if value is not MISSING:
            return value
        return self._load(key, loader, ttl, options)

    async def aget_or_set(self, key: Any, loader: Any, ttl: Any = DEFAULT, **options: Any) -> Any:
        """As :meth:`Cache.get_or_set`, where the loader may be a coroutine function.

        The loader runs in a task of its own: cancelling a caller takes that caller away, and the load goes on while
        anyone waits for it. A plain function is called in that task, so it should not block.
        """
        value = self.get(key, MISSING)
        if value is not MISSING:
            return value
        return await self._aload(key, loader, ttl, options)

    def _load(self, key: Any, loader: Any, ttl: Any = DEFAULT, options: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Runs, or waits for, the load of a key that was just missed."""
        if iscoroutinefunction(loader):
            raise TypeError(
                f"get_or_set: cache {self._name!r}: the loader of {key!r} is a coroutine function; await "
                "aget_or_set(), or give it a plain function"
            )
        port = Port(self)
        store = port.reported(key, self._storing(key, ttl, options))
        value = load_sync(port, key, port.counted(_loader(loader)), store)
        return value if self._copy is None else self._copy(value)

    async def _aload(self, key: Any, loader: Any, ttl: Any = DEFAULT, options: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """As :meth:`_load`, for tasks."""
        port = Port(self)
        store = port.reported(key, self._storing(key, ttl, options))
        value = await load_async(port, key, port.counted(_loader(loader)), store)
        return value if self._copy is None else self._copy(value)

    def _storing(self, key: Any, ttl: Any, options: Mapping[str, Any]) -> Callable[[Any], None]:
        if isinstance(options.get("tags"), Iterator):
            options = {**options, "tags": tuple(options["tags"])}
        # Before the loader runs, and not when its value is there and would be lost.
        self._check("get_or_set", ttl, **options)
        tags = options.get("tags", DEFAULT)
        lease = None if tags is DEFAULT or not tags else self._leases.take(key, frozenset(tags))
        return lambda value: self._store(key, value, ttl, options, lease)

    def _store(self, key: Any, value: Any, ttl: Any, options: Mapping[str, Any], lease: Lease | None) -> None:
        """As :meth:`add`; a cache that was closed during the load is no reason for the caller not to get the value.

        The load began because there was no fresh value, so one that is there now is newer.
        """
        if lease is not None and not lease.valid:
            return
        try:
            self.add(key, value, ttl, **options)
            # 1. The lease is found valid. 2. Another thread ends it and invalidates its tags. 3. This one stores.
            if lease is not None and not lease.valid:
                self.delete(key)
        except CacheClosedError:
            return


def _loader(given: Any) -> Callable[[], Any]:
    """`given` as a function: itself if it is one, else one that returns it."""
    return given if callable(given) else lambda: given


MutableMapping.register(Cache)  # pyright: ignore[reportAttributeAccessIssue] # the stub of `collections.abc` hides it
_omnicache.install(Cache)
