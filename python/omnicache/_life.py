"""The cache as a whole: its strategy and limits, its statistics, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from . import _janitor, _registry
from ._hooks import Advising, Hooks
from ._options import Options, checked_copier, options_from
from ._sentinels import DEFAULT
from .exceptions import CacheConfigError, CacheError, CacheStrategyError
from .statistics import Statistics
from .strategies import CustomStrategy, LFUStrategy, SizeStrategy, Strategy, strategy_from

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import ParamSpec, Self

    from ._types import CopyMode
    from .decorators import AsyncCachedFunction, CachedFunction, Decorator

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["Life", "checked_sizer"]


def checked_sizer(sizer: object) -> Callable[[Any, Any], int] | None:
    """`sizer`, if it can be called or is None."""
    if sizer is not None and not callable(sizer):
        raise CacheConfigError(f"sizer: a function of key and value, or None, not {type(sizer).__name__}")
    return cast("Callable[[Any, Any], int] | None", sizer)


class Life(Hooks):
    """The part of :class:`Cache` that concerns all entries at once."""

    __slots__ = ()

    # --- strategy and limits ---

    def set_strategy(self, strategy: Strategy | type[Strategy] | str | Mapping[str, Any]) -> None:
        """Switches to another strategy; every entry stays, as far as the new limits allow.

        Limits and the default ttl remain as they are where the new strategy does not set them; a default ttl that the
        cache itself was given remains in any case.

        Raises:
            CacheStrategyError: There is no such strategy, or a limit of it cannot be used.
            CacheClosedError: The cache is closed.

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

    def _chosen(self, strategy: Strategy | type[Strategy] | str | Mapping[str, Any]) -> Strategy:
        """The strategy that is meant; one that cannot be without a limit in bytes is made with the cache's own."""
        by_name = isinstance(strategy, str) or strategy is SizeStrategy
        try:
            return strategy_from(strategy)
        except CacheStrategyError:
            if not by_name or self.max_bytes is None:
                raise
            return strategy_from(strategy, max_bytes=self.max_bytes)

    def configure(
        self,
        *,
        max_size: Any = DEFAULT,
        max_bytes: Any = DEFAULT,
        default_ttl: Any = DEFAULT,
        default_idle: Any = DEFAULT,
        copy: CopyMode | None = None,
        options: Options | None = None,
        **freshness: Any,
    ) -> None:
        """Changes limits and defaults of a live cache. What is not given stays; None takes a limit away.

        New defaults hold for values that are written from now on. `options` and `freshness` are as for
        :class:`Cache`.

        Raises:
            CacheConfigError, CacheStrategyError: A value cannot be used; then nothing is changed.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("configured-anew", max_size=100) as cache:
        ...     cache.configure(max_size=10, default_ttl="1h")
        ...     cache.max_size, cache.default_ttl
        (10, 3600.0)
        """
        self._open("configure")
        given = options_from("configure", freshness, options)
        if given.copy is not DEFAULT:
            copy = given.copy
        copier = self._copy if copy is None else checked_copier(copy)
        limits = {"max_size": max_size, "max_bytes": max_bytes}
        changed = {name: value for name, value in limits.items() if value is not DEFAULT}
        before = {name: getattr(self, name) for name in limits}
        try:
            strategy = self._strategy.with_limits(**changed) if changed else None
            self._set_freshness(
                given,
                ttl=given.ttl if default_ttl is DEFAULT and not callable(given.ttl) else default_ttl,
                idle=given.idle if default_idle is DEFAULT else default_idle,
            )
        except CacheError:
            if self._adviser is not None:
                self._adviser.with_limits(**before)
            raise
        self._own_ttl |= default_ttl is not DEFAULT or given.ttl is not DEFAULT
        if copy is not None:
            self._copy_mode, self._copy = copy, copier
        if strategy is not None:
            self._use(strategy)
        self._hook()

    def _set_freshness(self, given: Options, *, ttl: Any, idle: Any) -> None:
        """Puts options into force, of which a plain write takes its life and a load the rest."""
        options = replace(given.over(self._options), idle=DEFAULT, jitter=DEFAULT, copy=DEFAULT)
        if not callable(options.ttl):
            options = replace(options, ttl=DEFAULT)
        if callable(options.tags):
            raise CacheConfigError("tags: an iterable of str; a function is for @cached, which has arguments")
        self._set_defaults(
            ttl=ttl,
            idle=idle,
            stale=options.stale,
            stale_on_error=options.stale_on_error,
            jitter=given.jitter,
            refresh_at=options.refresh_at,
        )
        self._options = options
        if given.jitter is not DEFAULT:
            self._jitter = given.jitter

    def _use(self, strategy: Strategy) -> None:
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

    def _watch(self) -> None:
        if self._strategy.cleanup_interval is not None:
            _janitor.watch(self, self._strategy.cleanup_interval)
        else:
            _janitor.unwatch(self)

    # --- statistics ---

    def stats(self) -> Statistics:
        """What the cache did since the last :meth:`reset_stats`, and what it holds.

        >>> from omnicache import Cache
        >>> with Cache("observed") as cache:
        ...     cache["a"] = 1
        ...     _ = cache.get("a"), cache.get("b")
        ...     cache.stats().hit_rate, cache.stats().entry_count
        (0.5, 1)
        """
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
            disk_size_bytes=0,
            backend_status="disconnected" if self.closed else "connected",
        )

    def reset_stats(self) -> None:
        """Starts counting anew.

        >>> from omnicache import Cache
        >>> with Cache("counted-anew") as cache:
        ...     _ = cache.get("a")
        ...     cache.reset_stats()
        ...     cache.stats().miss_count
        0
        """
        self._reset_counts()
        self._loads.reset()
        self._flights.reset_coalesced()
        self._events.errors = 0

    # --- what lies on a disk ---

    def check(self) -> list[str]:
        """Reads and compares everything that lies on a disk: what is not right, in words; nothing of a whole cache.

        Raises:
            CacheBackendError: It cannot be read.

        >>> from omnicache import Cache
        >>> with Cache("checked") as cache:
        ...     cache.check()
        []
        """
        self._open("check")
        return []

    def compact(self) -> int:
        """Gives the disk back what the entries do not need any more; how many bytes. Writers wait for that long.

        Raises:
            CacheBackendError: It cannot be done now.

        >>> from omnicache import Cache
        >>> with Cache("compacted") as cache:
        ...     cache.compact()
        0
        """
        self._open("compact")
        return 0

    # --- functions: filled in by the layer above ---

    if TYPE_CHECKING:
        # A coroutine function is a function too; the first that fits is taken.
        @overload
        def cached(  # type: ignore[overload-overlap]
            self, function: Callable[P, Coroutine[Any, Any, R]], /
        ) -> AsyncCachedFunction[P, R]: ...
        @overload
        def cached(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...
        @overload
        def cached(
            self,
            *,
            key: Callable[..., object] | None = ...,
            version: str | int | None = ...,
            prefix: str | None = ...,
            options: Options | None = ...,
            ttl: Any = ...,
            idle: Any = ...,
            stale: Any = ...,
            stale_on_error: Any = ...,
            retry_after: Any = ...,
            refresh_at: float | Literal["auto"] | None = ...,
            timeout: Any = ...,
            jitter: float | None = ...,
            tags: Iterable[str] | Callable[..., Iterable[str]] = ...,
            priority: float = ...,
            store_if: Callable[[Any], object] | None = ...,
            errors: Mapping[type[Exception], Any] | Iterable[type[Exception]] | None = ...,
            copy: CopyMode = ...,
        ) -> Decorator: ...
        def cached(self, *args: Any, **options: Any) -> Any:
            """Makes a function remember what it returned in this cache; see :func:`omnicache.cached`."""

    else:

        def cached(self, *args, **options):
            """As the layer above has it, which puts itself in this place when it is imported."""
            import_module(".decorators", __package__)
            return self.cached(*args, **options)

    # --- the end ---

    def close(self) -> None:
        """Drops every entry and frees the name; every later operation raises ``CacheClosedError``. May be repeated.

        >>> from omnicache import Cache
        >>> cache = Cache("ended")
        >>> cache.close()
        >>> cache.closed, cache.status
        (True, 'shutdown')
        """
        _janitor.unwatch(self)
        _registry.release(self._namespace, self._name, self)
        self._flights.invalidate_all()
        self._close()

    def __enter__(self) -> Self:
        """The cache itself; it is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the cache."""
        self.close()
