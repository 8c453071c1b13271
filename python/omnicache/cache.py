"""``Cache``: a named set of entries with one strategy, one backend and one set of statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from . import _omnicache, _registry
from ._context import takes_context
from ._events import Events
from ._face import AsyncFace
from ._fetch import afetch, fetch
from ._leases import Leases
from ._life import checked_sizer
from ._load_counts import LoadCounts
from ._loading import Call, Request
from ._options import LIBRARY, Options, checked_copier, options_from
from ._sentinels import DEFAULT, MISSING
from ._types import CopyMode
from .backends import Backend, MemoryBackend, backend_from
from .config import arguments_of
from .exceptions import CacheConfigError
from .strategies import Strategy, strategy_from

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Cache"]


class Cache(AsyncFace):
    """A cache for threads and tasks alike.

    It behaves like a dict with limits: ``cache[key]``, ``key in cache``, ``len(cache)``, iteration over the keys. Every
    method that may one day have to wait has an awaitable twin whose name starts with ``a``: ``await cache.aget(key)``.

    Args:
        name: Letters, digits, ``_`` and ``-``; unique in its namespace within the process.
        strategy: Who is evicted: a strategy, the class of one, or ``"lru"``, ``"lfu"``, ``"ttl"``, ``"size"``,
            ``"tinylfu"``.
        namespace: Caches of different namespaces share nothing.
        backend: Where entries live: a :class:`Backend`, ``"memory"``, a URL such as ``"file:./cache"``, or a dict.
        max_size: The largest number of entries; None for no limit. The same as the strategy's own.
        max_bytes: The largest sum of sizes, in bytes or as text such as ``"64MiB"``; None for no limit.
        default_ttl: How long entries live unless the call says otherwise: seconds, a ``timedelta`` or text such as
            ``"5m"``; None for ever.
        default_idle: Entries end when they were not read for this long; None for never.
        copy: What a read hands out: the very object (``"none"``), or a copy, ``"shallow"`` or ``"deep"``.
        sizer: A function of key and value that returns bytes; without one, ``sys.getsizeof`` of both and of what
            builtin containers hold.
        clock: A :class:`ManualClock`, for tests.
        options: An :class:`Options`: how values are loaded and kept fresh, unless a function or a call says otherwise.
        serializer: How values become bytes, where entries leave the process: what
            :func:`omnicache.serializers.serializer_from` takes; None for ``"native"``.
        type: The type of the values, in the place of `serializer`: a dataclass, a pydantic model, ``list[User]``.
        compression: A :class:`omnicache.serializers.Compression`; None for none.
        fallback: The backend that serves while `backend` is down.
        on_error: What happens where `backend` fails and there is no fallback: ``"degrade"``, reads find nothing and
            writes do nothing, or ``"raise"``.
        on_serialization_error: What happens to a value that cannot be written: ``"raise"``, or ``"skip"``, it is not
            kept, counted and logged.
        freshness: The fields of :class:`Options` one by one, which go before `options`: ``stale="1h"``,
            ``jitter=0.1``.

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

    _shared: ClassVar[bool] = False
    """Whether other processes may see the entries."""
    _far_kind: ClassVar[Any] = None
    """The class of caches whose entries leave the process; the layer above says which."""

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """A cache of the kind that its backend asks for."""
        kind: Any = cls
        if cls is Cache and not isinstance(backend_from(options.get("backend")), MemoryBackend):
            if Cache._far_kind is None:  # nobody asked the package for its names yet
                import_module("._far.cache", __package__)
            kind = Cache._far_kind
        return super().__new__(kind, *args, **options)  # type: ignore[no-any-return]

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
        default_idle: Any = DEFAULT,
        copy: CopyMode = "none",
        sizer: Callable[[Any, Any], int] | None = None,
        clock: _omnicache.ManualClock | None = None,  # noqa: ARG002 - taken by `Core.__new__`
        options: Options | None = None,
        serializer: Any = None,
        type: Any = None,  # noqa: A002 - the word that users look for
        compression: Any = DEFAULT,
        fallback: Backend | str | Mapping[str, Any] | None = None,
        on_error: Literal["degrade", "raise"] = "degrade",
        on_serialization_error: Literal["skip", "raise"] = "raise",
        **freshness: Any,
    ) -> None:
        if hasattr(self, "_name"):
            raise CacheConfigError(f"{self._label} is made already; make another one instead of calling __init__ again")
        given = options_from("Cache", freshness, options)
        self._build(strategy, backend, max_size, max_bytes, default_ttl, default_idle, copy, sizer, given)
        self._name = _registry.check_name("cache name", name)
        self._namespace = self._events.namespace = _registry.check_name("namespace", namespace)
        self._connect(
            serializer=serializer if type is None else type,
            compression=compression,
            fallback=fallback,
            on_error=on_error,
            on_serialization_error=on_serialization_error,
        )
        # From here on others can find it.
        _registry.claim(self._namespace, self._name, self)
        self._watch()

    def _connect(self, *, serializer: Any, compression: Any, fallback: Any, **_policies: Any) -> None:
        """Refuses what is for caches whose entries leave the process; these have their own."""
        given = {"serializer or type": serializer, "fallback": fallback}
        wrong = [name for name, value in given.items() if value is not None]
        if compression is not DEFAULT:
            wrong.append("compression")
        if wrong:
            raise CacheConfigError(
                f"cache {self._name!r}: {', '.join(wrong)}: for entries that leave the process; name a backend such as "
                "FileSystemBackend(...), or leave it out"
            )

    @classmethod
    def _anonymous(cls, name: str, *, max_size: int | None = None, strategy: Any = "lru", clock: Any = None) -> Self:
        """A cache that no registry knows, for the functions that make their own."""
        cache = cls.__new__(cls, clock=clock)
        cache._name, cache._namespace = name, ""
        cache._build(strategy, None, max_size, None, DEFAULT, DEFAULT, "none", None, Options())
        return cache

    def _build(
        self,
        strategy: Any,
        backend: Any,
        max_size: int | None,
        max_bytes: int | str | None,
        default_ttl: Any,
        default_idle: Any,
        copy: Any,
        sizer: Any,
        options: Options,
    ) -> None:
        self._backend = backend_from(backend)
        self._events = Events()
        self._loads = LoadCounts()
        self._leases = Leases(self._flights)
        self._sizer = checked_sizer(sizer)
        if options.copy is not DEFAULT:
            copy = options.copy
        self._copy_mode, self._copy = copy, checked_copier(copy)
        self._adviser = None
        self._budgets = 0
        self._jitter = 0.0
        chosen = strategy_from(strategy, max_size=max_size, max_bytes=max_bytes)
        if default_ttl is DEFAULT and not callable(options.ttl):
            default_ttl = options.ttl
        self._own_ttl = default_ttl is not DEFAULT
        self._options = LIBRARY
        self._set_freshness(
            options,
            ttl=default_ttl if self._own_ttl else chosen.default_ttl,
            idle=options.idle if default_idle is DEFAULT else default_idle,
        )
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

        The keys are the arguments of :class:`Cache`, as plain data: ``"backend"`` and ``"fallback"`` are a name, a URL,
        or a table such as ``{"type": "filesystem", "directory": "./cache", "max_bytes": "1GiB"}``; ``"serializer"`` is
        a name; ``"compression"`` is true, false, or a table of the arguments of
        :class:`omnicache.serializers.Compression`. A strategy, a backend or a serializer may also be an object.

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
        return cls(name, **arguments_of(config if config is not None else {}))

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

    def get_or_set(
        self, key: Any, loader: Any, ttl: Any = DEFAULT, *, options: Options | None = None, **freshness: Any
    ) -> Any:
        """The value under `key`; if there is none, what `loader` returns, stored.

        One loader runs per key at a time, whatever mix of threads and tasks asks; the others wait for its value. What
        it raises is raised to those who wait now, and to no one later, unless ``errors`` keeps it. A value that is
        written under the key while the loader runs is the newer one, and stays; a key or tag that is invalidated
        meanwhile keeps the value out of the store.

        Args:
            key: The key.
            loader: A value, or a function without arguments, or with one: the :class:`LoadContext`.
            ttl: As for :meth:`set`, or a function of the value. It counts from the moment the value is there.
            options: An :class:`Options`, for all calls of a kind.
            freshness: The fields of :class:`Options` one by one, which go before `options`.

        Raises:
            ReentrantLoadError: The loader asks, directly or through others, for the key it is loading.
            CacheTimeoutError: A limit of ``timeout`` or of :meth:`using` was passed, and no old value may be served.
            MissingKeyError: Nothing is there, and the caller's budget says ``"offline"``.
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used; the loader has not been called then.
            CacheClosedError: The cache is closed.
            TypeError: The loader is a coroutine function: await :meth:`aget_or_set`; or an option is unknown.

        >>> from omnicache import Cache
        >>> with Cache("loaded") as cache:
        ...     cache.get_or_set("answer", lambda: 42), cache.get("answer")
        (42, 42)
        """
        value = self._seek(key, MISSING)
        if value is not MISSING:
            return value if options is None and "copy" not in freshness else _handed(value, options, freshness)
        call = _call(loader, ttl, options, freshness)
        if iscoroutinefunction(loader):
            raise TypeError(
                f"get_or_set: cache {self._name!r}: the loader of {key!r} is a coroutine function; await "
                "aget_or_set(), or give it a plain function"
            )
        return fetch(self._request(key, call))

    async def aget_or_set(
        self, key: Any, loader: Any, ttl: Any = DEFAULT, *, options: Options | None = None, **freshness: Any
    ) -> Any:
        """As :meth:`Cache.get_or_set`, where the loader may be a coroutine function.

        The loader runs in a task of its own: cancelling a caller takes that caller away, and the load goes on while
        anyone waits for it. A plain function is called in that task, so it should not block.
        """
        value = self._seek(key, MISSING)
        if value is not MISSING:
            return value if options is None and "copy" not in freshness else _handed(value, options, freshness)
        return await afetch(self._request(key, _call(loader, ttl, options, freshness)))

    def _request(self, key: Any, call: Call) -> Request:
        """What is asked for by a request that a plain hit did not answer."""
        return Request(self, key, call)


def _call(loader: Any, ttl: Any, options: Options | None, freshness: dict[str, Any]) -> Call:
    """What is to be called on a miss: a function, or one that returns the value given in its place."""
    if ttl is not DEFAULT:
        freshness["ttl"] = ttl
    given = options_from("get_or_set", freshness, options)
    if callable(given.tags):
        raise CacheConfigError("get_or_set: tags: an iterable of str; a function is for @cached, which has arguments")
    if not callable(loader):
        return Call(lambda: loader, given)
    return Call(loader, given, context=takes_context(loader))


def _handed(value: Any, options: Options | None, freshness: dict[str, Any]) -> Any:
    """A hit, as this call wants it."""
    mode = options_from("get_or_set", freshness, options).copy
    copier = None if mode is DEFAULT else checked_copier(mode)
    return value if copier is None else copier(value)


MutableMapping.register(Cache)  # pyright: ignore[reportAttributeAccessIssue] # the stub of `collections.abc` hides it
_omnicache.install(Cache)
