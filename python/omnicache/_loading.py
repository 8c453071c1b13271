"""What a running load needs of its cache."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ._events import LOCK, CacheEvent
from ._omnicache import Flights

if TYPE_CHECKING:
    from .cache import Cache

__all__ = ["Lease", "Leases", "LoadCounts", "Port"]


class LoadCounts:
    """Exact counts of loader runs."""

    __slots__ = ("errors", "runs", "stale_served")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Starts counting anew."""
        self.runs = 0
        self.errors = 0
        self.stale_served = 0

    def started(self) -> None:
        """Counts a run."""
        with LOCK:
            self.runs += 1

    def failed(self) -> None:
        """Counts a run that raised."""
        with LOCK:
            self.errors += 1


class Lease:
    """Whether what a load brings may be stored: not if one of its tags was invalidated while the loader ran."""

    __slots__ = ("__weakref__", "key", "tags", "valid")

    def __init__(self, key: Any, tags: frozenset[str]) -> None:
        self.key = key
        self.tags = tags
        self.valid = True


class Leases:
    """The leases of the loads of one cache that are under way."""

    __slots__ = ("_flights", "_held")

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        # A load holds its lease, so that one that ends in any way gives it back.
        self._held: set[weakref.ref[Lease]] = set()

    def take(self, key: Any, tags: frozenset[str]) -> Lease:
        """A lease for a load of `key` with these tags."""
        lease = Lease(key, tags)
        self._held.add(weakref.ref(lease, self._held.discard))
        return lease

    def end(self, tags: Collection[str]) -> None:
        """Ends the leases of loads with any of these tags. To be called before the entries are invalidated."""
        for held in self._held.copy():
            lease = held()
            if lease is not None and any(tag in tags for tag in lease.tags):
                lease.valid = False
                # Who asks from now on waits for the end of that load, and then loads anew.
                self._flights.invalidate(lease.key)


class Port:
    """The face of a cache towards one load. Made for each load, so that a cache and its port are no cycle."""

    __slots__ = ("_cache", "flights", "name")

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.name: str = cache.name
        self.flights: Flights = cache._flights

    def peek(self, key: Any, default: Any, /) -> Any:
        """The fresh value of `key` as a read hands it out, else `default`; counts as no request."""
        found = self._cache._peek(key)
        if found is None or not found[1]:
            return default
        copy = self._cache._copy
        return found[0] if copy is None else copy(found[0])

    def discard(self, key: Any, value: Any, /) -> None:
        """Removes the entry of `key` if its value is still this very object."""
        found = self._cache._peek(key)
        # A cache that copies what it stores never has this very object; what it has may be the load's.
        if found is not None and found[1] and (found[0] is value or self._cache._copy is not None):
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
