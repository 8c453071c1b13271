"""The copies in this process in front of a far store, and how they follow what other processes write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._omnicache import Core, decode_key
from .._sentinels import MISSING

if TYPE_CHECKING:
    from .._omnicache import FarEntry
    from ..backends import TieredBackend
    from .cache import FarCache
    from .guard import Guard
    from .terms import Written

__all__ = ["Near"]

_UNTOLD: Final = 5.0
"""Seconds that a near copy lives where the far store cannot tell what others wrote."""


class Near:
    """The near slot of a cache; empty for one that is far only, which still counts its reads here."""

    __slots__ = ("_at", "_cache", "_port", "_ttl", "on")

    def __init__(self, cache: FarCache, port: Guard, tiers: TieredBackend | None) -> None:
        """The slot that `tiers` describes."""
        self._cache: Final = cache
        self._port: Final = port
        self.on: Final = tiers is not None
        ttl = None if tiers is None else tiers.near_ttl
        self._ttl: Final = _UNTOLD if ttl is None and not port.coherent else ttl
        # The position up to which near follows far.
        self._at = port.position() or 0

    def get(self, key: Any) -> Any:
        """The copy, or MISSING; counted."""
        if self.on:
            self.follow()
        return Core.get(self._cache, key, MISSING)

    def follow(self) -> None:
        """Drops what others have written since the last look."""
        port = self._port
        if port.degraded or not port.coherent:
            return  # what is near lives no longer than it may
        position = port.position()
        if position is not None and position == self._at:
            return
        at, keys, tags = port.primary.call("changes", self._at, self._cache._wall())
        if keys is None or self._at == 0:
            self.clear()
        else:
            for key in keys:
                self.drop(decode_key(key))
            if tags:
                self.drop_tags([tag for tag, _ in tags])
        self._at = at

    def keep(self, key: Any, value: Any, entry: FarEntry, now: float) -> None:
        """Keeps what was read far, as long as it is fresh there."""
        if not self.on:
            return
        left = None if entry.fresh_until is None else entry.fresh_until - now
        if left is None or left > 0:
            self._put(key, value, left, entry.tags)

    def put(self, key: Any, value: Any, terms: Written) -> None:
        """Keeps what was written."""
        if self.on:
            self._put(key, value, terms.ttl, terms.tags)

    def _put(self, key: Any, value: Any, ttl: float | None, tags: tuple[str, ...]) -> None:
        lives = [limit for limit in (ttl, self._ttl) if limit is not None]
        Core.set(self._cache, key, value, min(lives, default=None), tags=tags, stale=None, jitter=None, refresh_at=None)

    def drop(self, key: Any) -> None:
        """Forgets one."""
        if self.on:
            Core.delete(self._cache, key)

    def drop_tags(self, tags: list[str]) -> None:
        """Forgets whatever carries one of these."""
        if self.on:
            Core._invalidate(self._cache, None, None, tags, True)

    def clear(self) -> None:
        """Forgets all."""
        if self.on:
            Core._clear(self._cache)
