"""Whether what a load brings may be stored: not if one of its tags was invalidated while the loader ran."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ._omnicache import Flights

__all__ = ["Lease", "Leases"]


class Lease:
    """What was invalidated since a load was asked for."""

    __slots__ = ("__weakref__", "ended", "key", "tags")

    def __init__(self, key: Any, tags: frozenset[str]) -> None:
        self.key: Final = key
        self.tags: Final = tags
        self.ended: frozenset[str] = frozenset()

    def holds(self, tags: Iterable[str]) -> bool:
        """Whether none of these tags, which the value will carry, was invalidated."""
        return not self.ended or self.ended.isdisjoint(tags)


class Leases:
    """The leases of the loads of one cache that are under way."""

    __slots__ = ("_flights", "_held")

    def __init__(self, flights: Flights) -> None:
        self._flights: Final = flights
        # A load holds its lease, so that one that ends in any way gives it back.
        self._held: Final[set[weakref.ref[Lease]]] = set()

    def take(self, key: Any, tags: frozenset[str]) -> Lease:
        """A lease for a load of `key` that is known to have these tags; a loader may add others."""
        lease = Lease(key, tags)
        self._held.add(weakref.ref(lease, self._held.discard))
        return lease

    def end(self, tags: Collection[str]) -> None:
        """Ends the leases of loads with any of these tags. To be called before the entries are invalidated."""
        for held in self._held.copy():
            lease = held()
            if lease is not None:
                lease.ended = lease.ended.union(tags)
                if not lease.tags.isdisjoint(tags):
                    # Who asks from now on waits for the end of that load, and then loads anew.
                    self._flights.invalidate(lease.key)
