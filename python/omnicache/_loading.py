"""What a running load needs of its cache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._events import CacheEvent
from ._omnicache import Flights

if TYPE_CHECKING:
    from .cache import Cache

__all__ = ["LoadCounts", "Port"]


class LoadCounts:
    """Exact counts of loader runs."""

    __slots__ = ("_lock", "errors", "runs", "stale_served")

    def __init__(self) -> None:
        # May be taken again by the thread that has it: a collection may run a finalizer that loads.
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Starts counting anew."""
        self.runs = 0
        self.errors = 0
        self.stale_served = 0

    def started(self) -> None:
        """Counts a run."""
        with self._lock:
            self.runs += 1

    def failed(self) -> None:
        """Counts a run that raised."""
        with self._lock:
            self.errors += 1


class Port:
    """The face of a cache towards one load. Made for each load, so that a cache and its port are no cycle."""

    __slots__ = ("_cache", "flights", "name")

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.name: str = cache.name
        self.flights: Flights = cache._flights

    def peek(self, key: Any, default: Any, /) -> Any:
        """The fresh value of `key`, else `default`; counts as no request."""
        found = self._cache._peek(key)
        return found[0] if found is not None and found[1] else default

    def discard(self, key: Any, value: Any, /) -> None:
        """Removes the entry of `key` if its value is still this very object."""
        if self.peek(key, None) is value:
            self._cache.delete(key)

    def load_failed(self, key: Any, error: Exception, /) -> None:
        """Counts and reports a loader that raised."""
        cache = self._cache
        cache._loads.failed()
        if cache._events.has("error"):
            cache._events.emit(CacheEvent("error", cache.name, key, error=error))

    def counted(self, loader: Callable[[], Any]) -> Callable[[], Any]:
        """`loader`, with its runs counted."""
        started = self._cache._loads.started

        def run() -> Any:
            started()
            return loader()

        return run

    def reported(self, key: Any, store: Callable[[Any], object]) -> Callable[[Any], None]:
        """`store`, with the load reported to who listens."""
        cache = self._cache

        def stored(value: Any) -> None:
            store(value)
            if cache._events.has("load"):
                cache._events.emit(CacheEvent("load", cache.name, key, value))

        return stored
