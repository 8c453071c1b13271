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
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Starts counting anew."""
        self.runs = 0
        self.errors = 0
        self.stale_served = 0

    def ran(self, *, failed: bool) -> None:
        """Counts one run."""
        with self._lock:
            self.runs += 1
            self.errors += failed


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
        cache._loads.ran(failed=True)
        if cache._events.has("error"):
            cache._events.emit(CacheEvent("error", cache.name, key, error=error))

    def storing(self, key: Any, store: Callable[[Any], object]) -> Callable[[Any], None]:
        """`store`, with the run counted and reported."""
        cache = self._cache

        def stored(value: Any) -> None:
            store(value)
            cache._loads.ran(failed=False)
            if cache._events.has("load"):
                cache._events.emit(CacheEvent("load", cache.name, key, value))

        return stored
