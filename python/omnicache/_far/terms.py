"""What a value is written with, where it leaves the process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .._loading import LEAD
from .._omnicache import FarTerms
from .._options import AUTO, check_names, options_from
from .._sentinels import DEFAULT
from .._units import MAX_SECONDS, duration
from ..exceptions import CacheConfigError
from .arguments import tags_of

if TYPE_CHECKING:
    from .._omnicache import FarEntry
    from .._options import Options
    from ..serializers import Serializer
    from .base import FarBase

__all__ = ["FOREVER", "Written", "again", "kept_until", "refresh_due", "window_of", "written"]

_NAMES: Final = ("ttl", "tags", "priority", "idle", "stale", "stale_on_error", "refresh_at", "jitter")
"""What a plain write can be told."""
_NUMBERS: Final = (int, float)
_SHORTEST: Final = 0.001
FOREVER: Final = 1.8e10
"""A moment in the year 2540, behind which lies the end of what never ends by itself but may be served stale: for it
can be made stale on request, and is kept then."""


class Written(NamedTuple):
    """The terms of one write, resolved."""

    ttl: float | None
    stale: float
    tags: tuple[str, ...]
    refresh_at: Any
    said: FarTerms
    """What the store is told, whenever that is."""

    @classmethod
    def of(cls, own: Options, ttl: float | None, serializer: Serializer) -> Written:
        """What `own` says, this time to live, and who makes the bytes."""
        tags = tags_of(own.tags) if own.tags else []
        said = FarTerms(
            serializer=serializer.code,
            schema=serializer.fingerprint,
            priority=0.5 if own.priority is DEFAULT else own.priority,
            tags=tags,
        )
        return cls(ttl, own.kept or 0.0, tuple(tags), own.refresh_at, said)

    def at(self, now: float, flags: int) -> FarTerms:
        """What the store is told of a value that was made now, by the serializer with these flags."""
        fresh_until = None if self.ttl is None else now + self.ttl
        return self.said.at(now, fresh_until, kept_until(fresh_until, self.stale), flags)


def kept_until(fresh_until: float | None, stale: float) -> float | None:
    """The end of an entry that may be served stale for so long."""
    if fresh_until is None:
        return FOREVER + stale if stale else None
    return fresh_until + stale


def refresh_due(part: Any, created: float, fresh_until: float | None, took: float | None) -> float | None:
    """From when on a hit may start a refresh, by ``refresh_at`` and, for ``"auto"``, the time that the load `took`."""
    if fresh_until is None:
        return None
    if part == AUTO:
        return fresh_until - LEAD * took if took else None
    return created + part * (fresh_until - created) if isinstance(part, float) else None


def window_of(entry: FarEntry) -> float:
    """How long an entry may be served stale."""
    if entry.expires is None:
        return 0.0
    return max(entry.expires - (FOREVER if entry.fresh_until is None else entry.fresh_until), 0.0)


def again(entry: FarEntry, now: float, flags: int) -> FarTerms:
    """The terms of another value in the place of that of `entry`, made by the same serializer with these flags."""
    said = FarTerms(serializer=entry.serializer, schema=entry.schema, priority=entry.priority, tags=entry.tags)
    return said.at(now, entry.fresh_until, entry.expires, flags)


def written(cache: FarBase, ttl: Any, options: Mapping[str, Any], where: str = "set") -> Written:
    """The terms of a write with these arguments; the cache says the rest.

    Raises:
        CacheConfigError: One of them cannot be used, here or at all.
    """
    of, given_before, terms = cache._plain
    if not options and ttl is not DEFAULT and given_before is ttl and of is cache._options:
        return terms  # nothing to check, nor to merge, which takes as long as many a store
    plain = not options and _is_plain(ttl)
    life: Any
    if plain:
        own = cache._options
        life = float(ttl) if type(ttl) is int else ttl
        if ttl is DEFAULT:
            life = cache.default_ttl if own.ttl is DEFAULT else own.ttl
        elif type(ttl) is float:
            life = duration(ttl, where)
    else:
        check_names(where, options, _NAMES)
        given = options_from(where, {**options, **({} if ttl is DEFAULT else {"ttl": ttl})})
        if given.idle is not DEFAULT and given.idle is not None:
            raise CacheConfigError(f"{where}: idle: only entries in the memory of the process can end for want of use")
        own = given.over(cache._options)
        life = cache.default_ttl if own.ttl is DEFAULT else own.ttl
    jitter = cache._jitter if own.jitter is DEFAULT else own.jitter
    if callable(life):
        raise CacheConfigError(f"{where}: ttl: a duration; a function of the value is for what is loaded")
    if life is not None and jitter:
        life *= 1.0 - jitter * random.random()  # noqa: S311 - it spreads ends
    if not plain:
        return Written.of(own, life, cache._codec.serializer)
    if of is not own or terms.ttl != life:
        terms = Written.of(own, life, cache._codec.serializer)
    # What the default is, and where chance puts an end, has to be seen each time.
    cache._plain = own, DEFAULT if jitter else ttl, terms
    return terms


def _is_plain(ttl: Any) -> bool:
    """Whether a ttl is certainly one as it is."""
    if ttl is DEFAULT or ttl is None:
        return True
    return type(ttl) in _NUMBERS and _SHORTEST <= ttl <= MAX_SECONDS
