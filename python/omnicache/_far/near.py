"""The copies in this process in front of a far store, and how they follow what other processes write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._omnicache import Core, decode_key
from .._sentinels import MISSING
from .terms import refresh_due

if TYPE_CHECKING:
    from .._omnicache import FarEntry
    from ..backends import TieredBackend
    from .base import FarBase
    from .guard import Guard
    from .terms import Written

__all__ = ["Near"]

_UNTOLD: Final = 5.0
"""Seconds that a near copy lives where the far store cannot tell what others wrote, or cannot at the moment."""


class Near:
    """The near slot of a cache; empty for one that is far only, which still counts its reads here.

    A ticket is taken before something is read or written far, and decides whether it may be kept here afterwards.
    """

    __slots__ = ("_cache", "_port", "_ttl", "on")

    def __init__(self, cache: FarBase, port: Guard, tiers: TieredBackend | None) -> None:
        """The slot that `tiers` describes."""
        self._cache: Final = cache
        self._port: Final = port
        self.on: Final = tiers is not None
        ttl = None if tiers is None else tiers.near_ttl
        store = port.followed if self.on else None
        self._ttl: Final = _UNTOLD if ttl is None and store is None else ttl
        cache._set_far(store)
        if store is not None:
            port.track(lambda: cache._set_followed(store.position() or 0))

    def get(self, key: Any) -> Any:
        """The copy, or MISSING; counted. What others wrote is dropped before, which is a part of every read."""
        return Core.get(self._cache, key, MISSING)

    def look(self, key: Any) -> Any:
        """As :meth:`get`, and counts as no read."""
        if not self.on or self._cache.closed:
            return MISSING
        if self._port.followed is not None:
            self.follow()
        found = Core._peek(self._cache, key)
        return found[0] if found is not None and found[1] else MISSING

    def follow(self) -> None:
        """Drops what others have written since the last look."""
        cache, since = self._cache, self._cache._followed()
        told = self._port.changes(since, cache._wall())
        if told is None:
            return  # the store is down: what is here lives no longer than it may, and goes when the store is back
        at, keys, tags = told
        if keys is None or since == 0:
            cache._flights.invalidate_all()
            self.clear()
        else:
            for data in keys:
                try:
                    key = decode_key(data)
                except ValueError:
                    continue  # not of a cache: nothing here can be a copy of it
                cache._flights.invalidate(key)
                cache._outdate(key)
            if tags:
                names = [tag for tag, _ in tags]
                cache._leases.end(names)
                self.drop_tags(names)
        cache._set_followed(at)

    def ticket(self, key: Any) -> int:
        """To be taken before `key` is read or written far."""
        return self._cache._ticket(key) if self.on else 0

    def keep(self, key: Any, value: Any, entry: FarEntry, now: float, ticket: int, due: float | None) -> None:
        """Keeps what was read far, as long as it is fresh there, and no refresh is `due`: who asks then has to know."""
        if self.on:
            left = min((end - now for end in (entry.fresh_until, due) if end is not None), default=None)
            if left is None or left > 0:
                self._cache._copy_read(key, value, ticket, self._lives(left), **_copied(entry.tags))

    def put(self, key: Any, value: Any, terms: Written, ticket: int, took: float | None) -> None:
        """Keeps what was written far, until a refresh is due; `took`: seconds that its load took, if that is known."""
        if self.on:
            due = None if terms.ttl is None else refresh_due(terms.refresh_at, 0.0, terms.ttl, took)
            ttl = terms.ttl if due is None else due
            if ttl is None or ttl > 0:
                self._cache._copy_written(key, value, ticket, self._lives(ttl), **_copied(terms.tags))
            else:
                self.drop(key)

    def _lives(self, ttl: float | None) -> float | None:
        told = self._ttl if self._ttl is not None or self._port.tells else _UNTOLD
        return min((limit for limit in (ttl, told) if limit is not None), default=None)

    def drop(self, key: Any) -> None:
        """Forgets one."""
        if self.on:
            self._cache._outdate(key)

    def drop_tags(self, tags: list[str]) -> None:
        """Forgets whatever carries one of these."""
        if self.on:
            self._cache._outdate_all()
            Core._invalidate(self._cache, None, None, tags, True)

    def clear(self) -> None:
        """Forgets all."""
        if self.on:
            self._cache._outdate_all()
            Core._clear(self._cache)


def _copied(tags: tuple[str, ...]) -> dict[str, Any]:
    """A copy has the tags of what it is one of, and otherwise lives as long as it is fresh."""
    return {"tags": tags, "stale": None, "stale_on_error": None, "jitter": None, "refresh_at": None, "idle": None}
