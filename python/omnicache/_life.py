"""The cache as a whole: its strategy and limits, its events, its statistics, its beginning and end."""

from __future__ import annotations

import copy as copying
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from . import _janitor, _registry
from ._events import READS, WRITES, CacheEvent, Callback, EventKind
from ._sentinels import DEFAULT
from .entry import CacheEntry
from .exceptions import CacheClosedError, CacheConfigError, CacheError, CacheStrategyError
from .statistics import Statistics
from .strategies import CustomStrategy, LFUStrategy, SizeStrategy, Strategy, strategy_from

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import ParamSpec, Self

    from ._types import CopyMode, Ttl
    from .backends import Backend
    from .cache import Cache
    from .decorators import AsyncCachedFunction, CachedFunction, Decorator

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["Life", "checked_copier", "checked_sizer"]

CallbackT = TypeVar("CallbackT", bound=Callback)

_COPIERS: dict[str, Callable[[Any], Any] | None] = {
    "none": None,
    "shallow": copying.copy,
    "deep": copying.deepcopy,
}
_CANDIDATES = 64
"""How many of the coldest entries a custom strategy is shown."""
_CAUSES: dict[str, EventKind] = {"evicted": "evict", "expired": "expire", "deleted": "delete"}


def checked_copier(mode: object) -> Callable[[Any], Any] | None:
    """The function that copies values, None for ``"none"``."""
    if not isinstance(mode, str) or mode not in _COPIERS:
        raise CacheConfigError(f'copy: "none", "shallow" or "deep", not {mode!r}')
    return _COPIERS[mode]


def checked_sizer(sizer: object) -> Callable[[Any, Any], int] | None:
    """`sizer`, if it can be called or is None."""
    if sizer is not None and not callable(sizer):
        raise CacheConfigError(f"sizer: a function of key and value, or None, not {type(sizer).__name__}")
    return cast("Callable[[Any, Any], int] | None", sizer)


class Advising(threading.local):
    """Whether the running thread is asking the cache's adviser already."""

    now = False


class Life:
    """What concerns all entries at once; a part of :class:`Cache`."""

    __slots__ = ()

    # --- what it is ---

    @property
    def name(self: Cache) -> str:
        """The name, unique in the namespace."""
        return self._name

    @property
    def namespace(self: Cache) -> str:
        """The namespace."""
        return self._namespace

    @property
    def strategy(self: Cache) -> Strategy:
        """Who is evicted, with the limits in force."""
        return self._strategy

    @property
    def backend(self: Cache) -> Backend:
        """Where the entries live."""
        return self._backend

    @property
    def status(self: Cache) -> Literal["active", "degraded", "maintenance", "shutdown"]:
        """``"active"``, or ``"shutdown"`` once it is closed."""
        return "shutdown" if self.closed else "active"

    @property
    def max_size(self: Cache) -> int | None:
        """The largest number of entries, None for no limit."""
        return self._strategy.max_size

    @property
    def max_bytes(self: Cache) -> int | None:
        """The largest sum of sizes in bytes, None for no limit."""
        return self._strategy.max_bytes

    @property
    def created_at(self: Cache) -> datetime:
        """When the cache was made."""
        return datetime.fromtimestamp(self._created, UTC)

    @property
    def _label(self: Cache) -> str:
        return f"cache {self._name!r}"

    def __repr__(self: Cache) -> str:
        where = "" if self._namespace == _registry.DEFAULT_NAMESPACE else f", namespace={self._namespace!r}"
        state = "closed" if self.closed else f"{len(self)} entries"
        return f"<{type(self).__name__} {self._name!r}{where}, {self._strategy!r}, {state}>"

    def __reduce__(self: Cache) -> Any:
        from_registry = self._namespace != ""
        raise TypeError(
            f"{self._label} cannot be pickled: it lives in this process; "
            + ("pass its name and use get_cache(name) there" if from_registry else "pickle the function instead")
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    # --- strategy and limits ---

    def set_strategy(self: Cache, strategy: Strategy | type[Strategy] | str | Mapping[str, Any]) -> None:
        """Switches to another strategy; every entry stays, as far as the new limits allow.

        Limits and the default ttl remain as they are where the new strategy does not set them; a default ttl that the
        cache itself was given remains in any case.

        Raises:
            CacheStrategyError: There is no such strategy, or a limit of it cannot be used.

        >>> from omnicache import Cache
        >>> with Cache("switched", strategy="lru", max_size=100) as cache:
        ...     cache["a"] = 1
        ...     cache.set_strategy("lfu")
        ...     cache["a"], cache.strategy.name, cache.max_size
        (1, 'lfu', 100)
        """
        self._open("set_strategy")
        chosen = self._chosen(strategy)
        if not self._own_ttl and chosen.default_ttl is not None:
            self._set_defaults(ttl=chosen.default_ttl)
        kept = {name: getattr(self, name) for name in ("max_size", "max_bytes") if getattr(chosen, name) is None}
        self._use(chosen.with_limits(**kept))
        self._watch()

    def _chosen(self: Cache, strategy: Strategy | type[Strategy] | str | Mapping[str, Any]) -> Strategy:
        """The strategy that is meant; one that cannot be without a limit in bytes is made with the cache's own."""
        by_name = isinstance(strategy, str) or strategy is SizeStrategy
        try:
            return strategy_from(strategy)
        except CacheStrategyError:
            if not by_name or self.max_bytes is None:
                raise
            return strategy_from(strategy, max_bytes=self.max_bytes)

    def configure(
        self: Cache,
        *,
        max_size: Any = DEFAULT,
        max_bytes: Any = DEFAULT,
        default_ttl: Any = DEFAULT,
        default_idle: Any = DEFAULT,
        stale: Any = DEFAULT,
        jitter: Any = DEFAULT,
        copy: CopyMode | None = None,
    ) -> None:
        """Changes limits and defaults of a live cache. What is not given stays; None takes a limit away.

        New defaults hold for values that are written from now on.

        Raises:
            CacheConfigError, CacheStrategyError: A value cannot be used; then nothing is changed.
        """
        self._open("configure")
        copier = self._copy if copy is None else checked_copier(copy)
        limits = {"max_size": max_size, "max_bytes": max_bytes}
        changed = {name: value for name, value in limits.items() if value is not DEFAULT}
        before = {name: getattr(self, name) for name in limits}
        try:
            strategy = self._strategy.with_limits(**changed) if changed else None
            self._set_defaults(ttl=default_ttl, idle=default_idle, stale=stale, jitter=jitter)
        except CacheError:
            if self._adviser is not None:
                self._adviser.with_limits(**before)
            raise
        self._own_ttl |= default_ttl is not DEFAULT
        if copy is not None:
            self._copy_mode, self._copy = copy, copier
        if strategy is not None:
            self._use(strategy)
        self._hook()

    def _use(self: Cache, strategy: Strategy) -> None:
        """Puts a checked strategy into force."""
        custom = isinstance(strategy, CustomStrategy)
        kind = "custom" if custom else strategy.name
        ageing = strategy.ageing if isinstance(strategy, LFUStrategy) else True
        self._strategy = strategy
        self._adviser = cast("CustomStrategy", strategy) if custom else None
        self._advising = Advising() if custom else None
        self._hook()
        self._reconfigure(kind, ageing, strategy.max_size, strategy.max_bytes)
        if custom:
            self._advise()

    def _watch(self: Cache) -> None:
        if self._strategy.cleanup_interval is not None:
            _janitor.watch(self, self._strategy.cleanup_interval)
        else:
            _janitor.unwatch(self)

    # --- events ---

    def on(self: Cache, kind: EventKind, callback: CallbackT | None = None) -> Any:
        """Has `callback` called with a :class:`CacheEvent` at every event of this kind; usable as a decorator.

        Callbacks run in the thread of the operation, outside every lock, and may use the cache. What they raise is
        logged and counted, and changes nothing else.

        Args:
            kind: ``"evict" "expire" "set" "delete" "hit" "miss" "load" "error"``.
            callback: The function; without one, a decorator is returned.

        >>> from omnicache import Cache
        >>> gone = []
        >>> with Cache("watched", max_size=1) as cache:
        ...     _ = cache.on("evict", lambda event: gone.append(event.key))
        ...     cache["a"] = 1
        ...     cache["b"] = 2
        >>> gone
        ['a']
        """
        if callback is None:
            return lambda function: self.on(kind, function)
        self._events.add(kind, callback)
        self._hook()
        return callback

    def off(self: Cache, kind: EventKind, callback: Callback) -> bool:
        """Takes a callback away again; whether it was there."""
        there = self._events.remove(kind, callback)
        self._hook()
        return there

    def _hook(self: Cache) -> None:
        """Tells the native side which operations must come by here."""
        busy = self._copy is not None or self._adviser is not None
        self._set_hooks(busy or self._events.wants(READS), busy or self._events.wants(WRITES))

    def _on_hit(self: Cache, key: Any, value: Any) -> Any:
        if self._adviser is not None:
            self._tell("on_access", self.entry(key))
        if self._events.has("hit"):
            self._events.emit(CacheEvent("hit", self._name, key, value))
        return value if self._copy is None else self._copy(value)

    def _on_miss(self: Cache, key: Any) -> None:
        if self._events.has("miss"):
            self._events.emit(CacheEvent("miss", self._name, key))

    def _before_write(self: Cache, value: Any) -> Any:
        return value if self._copy is None else self._copy(value)

    def _on_set(self: Cache, key: Any, value: Any, replaced: bool, over: bool) -> None:
        if self._adviser is not None:
            self._tell("on_access" if replaced else "on_insert", self.entry(key))
            if over:
                self._advise()
        if self._events.has("set"):
            self._events.emit(CacheEvent("set", self._name, key, value))

    def _on_gone(self: Cache, gone: Iterable[tuple[str, Any, Any]]) -> None:
        for cause, key, value in gone:
            kind = _CAUSES.get(cause)
            if kind is None:
                continue  # replaced by a newer value, which is an event of its own
            if self._adviser is not None:
                self._tell("on_remove", _last_seen(key, value))
            if self._events.has(kind):
                self._events.emit(CacheEvent(kind, self._name, key, value))

    # --- a strategy written in Python ---

    def _tell(self: Cache, method: str, entry: CacheEntry | None) -> None:
        if entry is None:
            return
        try:
            getattr(self._adviser, method)(entry)
        except Exception as error:
            self._events.failed(self._name, entry.key, error, f"{type(self._adviser).__name__}.{method}")

    def _advise(self: Cache) -> None:
        """Asks the strategy who goes until the limits hold; what it leaves undone is done in LRU order.

        What a strategy writes to the cache while it is asked is evicted for in LRU order: it is not asked within its
        answer.
        """
        adviser, advising = self._adviser, self._advising
        if adviser is not None and advising is not None and not advising.now:
            advising.now = True
            try:
                while (need := self._excess()) > 0:
                    candidates = [CacheEntry(*row) for row in self._coldest(max(_CANDIDATES, 2 * need))]
                    if self._evict(list(adviser.victims(candidates, need))) == 0:
                        break
            except Exception as error:
                self._events.failed(self._name, None, error, f"{type(adviser).__name__}.victims")
            finally:
                advising.now = False
        self._enforce()

    # --- statistics ---

    def stats(self: Cache) -> Statistics:
        """What the cache did since the last :meth:`reset_stats`, and what it holds."""
        counts = self._counts()
        loads = self._loads
        del counts["overhead_bytes"]
        return Statistics(
            **{**counts, "last_reset": datetime.fromtimestamp(counts["last_reset"], UTC)},
            error_count=self._events.errors,
            load_count=loads.runs,
            load_error_count=loads.errors,
            stale_served_count=loads.stale_served,
            coalesced_count=self._flights.coalesced,
            backend_status="disconnected" if self.closed else "connected",
        )

    def reset_stats(self: Cache) -> None:
        """Starts counting anew."""
        self._reset_counts()
        self._loads.reset()
        self._flights.reset_coalesced()
        self._events.errors = 0

    # --- functions: filled in by the layer above ---

    if TYPE_CHECKING:

        @overload
        def cached(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncCachedFunction[P, R]: ...
        @overload
        def cached(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
        @overload
        def cached(
            self,
            *,
            ttl: Ttl = ...,
            tags: Iterable[str] = ...,
            key: Callable[..., object] | None = ...,
            version: str | int | None = ...,
            prefix: str | None = ...,
            idle: Ttl = ...,
            stale: Ttl = ...,
            jitter: float | None = ...,
            priority: float | None = ...,
        ) -> Decorator: ...
        def cached(self, *args: Any, **options: Any) -> Any:
            """Makes a function remember what it returned in this cache; see :func:`omnicache.cached`."""

    # --- the end ---

    def close(self: Cache) -> None:
        """Drops every entry and frees the name; every later operation raises ``CacheClosedError``. May be repeated."""
        _janitor.unwatch(self)
        _registry.release(self._namespace, self._name, self)
        self._flights.invalidate_all()
        self._close()

    def _open(self: Cache, operation: str) -> None:
        if self.closed:
            raise CacheClosedError(
                f"{self._label}: {operation}: the cache is closed; make a new one, or get_cache(name)"
            )

    def __enter__(self) -> Self:
        """The cache itself; it is closed at the end."""
        return self

    def __exit__(
        self: Cache, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the cache."""
        self.close()


def _last_seen(key: Any, value: Any) -> CacheEntry:
    """What is known of an entry that is gone: its key and value."""
    return CacheEntry(key, value, 0.0, 0.0, 0.0, 0, None, None, 0, (), 0.5, 0)
