"""Reading one key of a far cache, or many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._sentinels import MISSING
from ..entry import CacheEntry
from .arguments import encoded, keys_of
from .base import FarBase
from .drive import Operation, adrive, coloured, drive

if TYPE_CHECKING:
    from .._omnicache import FarEntry

__all__ = ["Reading"]


class Reading(FarBase):
    """The part of a far cache that reads by keys."""

    __slots__ = ()

    # `get` and `cache[key]` are native: they serve a copy that is true, go on with `_beyond` where there is none, and
    # leave everything else to `_read`.

    def _read(self, key: Any, default: Any = None) -> Any:
        return drive(self._port, self._get(key, default))

    def _beyond(self, key: Any, default: Any) -> Any:
        if self._behind is not None:
            return drive(self._port, self._get_far(key, default))
        # As `_get_far`, without its steps, which take a part of the time that a server takes.
        ticket = self._near.ticket(key)
        value = self._fresh(key, self._port.call("get", encoded(key), self._wall()), ticket)
        return default if value is MISSING else value

    async def aget(self, key: Any, default: Any = None) -> Any:
        """As :meth:`Cache.get`."""
        self._open("get")
        value = self._near.get(key)
        if value is not MISSING:
            return value
        if self._passes_by():
            return default
        if self._behind is not None:
            return await adrive(self._port, self._get_far(key, default))
        # As `_get_far`, without its steps, which are a third of the time that one of many reads at once takes.
        ticket = self._near.ticket(key)
        value = self._fresh(key, await self._port.acall("get", encoded(key), self._wall()), ticket)
        return default if value is MISSING else value

    def _get(self, key: Any, default: Any) -> Operation[Any]:
        self._open("get")
        value = self._near.get(key)
        if value is not MISSING:
            return value
        return default if self._passes_by() else (yield from self._get_far(key, default))

    def _get_far(self, key: Any, default: Any) -> Operation[Any]:
        yield from self._settled()
        ticket = self._near.ticket(key)
        entry = yield ("get", encoded(key), self._wall())
        value = self._fresh(key, entry, ticket)
        return default if value is MISSING else value

    def _follow(self) -> None:
        """What is near may not be true any more, or the file may not be there."""
        if self._near.on:
            self._near.follow()

    def _fresh(self, key: Any, entry: FarEntry | None, ticket: int) -> Any:
        """The value of an entry if it is fresh and can be read; it is kept near. What happened is told."""
        value = MISSING if entry is None or entry.stale else self._value_of(key, entry)
        if entry is None or value is MISSING:
            self._missed(key)
            return MISSING
        if self._near.on:
            self._near.keep(key, value, entry, self._wall(), ticket, self._due(key, entry, self._options.refresh_at))
        self._found(key, value)
        return value

    def _get_many(self, keys: Iterable[Any]) -> Operation[dict[Any, Any]]:
        self._open("get_many")
        wanted = keys_of(keys, "get_many")
        near = self._near
        values = [near.get(key) for key in wanted]
        missed = [at for at, value in enumerate(values) if value is MISSING]
        data = [encoded(wanted[at]) for at in missed]
        if missed and not self._passes_by():
            yield from self._settled()
            tickets = [near.ticket(wanted[at]) for at in missed]
            entries = yield ("get_many", data, self._wall())
            for at, entry, ticket in zip(missed, entries, tickets, strict=True):
                values[at] = self._fresh(wanted[at], entry, ticket)
        # A key that no dict takes is an error, as it is in memory.
        return {key: value for key, value in zip(wanted, values, strict=True) if value is not MISSING}

    get_many, aget_many = coloured(_get_many)

    def _holds(self, key: Any) -> Operation[bool]:
        self._open("key in cache")
        return (yield from self._seen_far(key)) is not None

    def _seen_far(self, key: Any) -> Operation[tuple[Any, FarEntry] | None]:
        """The value and the entry of a key, if it is fresh and can be read. It counts as no read."""
        data = encoded(key)
        yield from self._settled()
        entry: FarEntry | None = yield ("get", data, self._wall())
        value = MISSING if entry is None or entry.stale else self._value_of(key, entry)
        return None if entry is None or value is MISSING else (value, entry)

    def __contains__(self, key: object) -> bool:
        return drive(self._port, self._holds(key))

    def _entry(self, key: Any) -> Operation[CacheEntry | None]:
        self._open("entry")
        found = yield from self._seen_far(key)
        return None if found is None else _row(key, *found)

    entry, aentry = coloured(_entry)

    def _ttl(self, key: Any, default: Any = MISSING) -> Operation[Any]:
        self._open("ttl")
        found = yield from self._seen_far(key)
        if found is None:
            return default
        until = found[1].fresh_until
        # Seconds since 1970 are known to some tenths of a microsecond.
        return None if until is None else max(round(until - self._wall(), 6), 0.0)

    ttl, attl = coloured(_ttl)

    def _peek(self, key: Any) -> tuple[Any, bool] | None:
        return drive(self._port, self._peek_far(key))

    async def _apeek(self, key: Any) -> tuple[Any, bool] | None:
        return await adrive(self._port, self._peek_far(key))

    def _peek_far(self, key: Any) -> Operation[tuple[Any, bool] | None]:
        self._open("peek")
        data = encoded(key)
        yield from self._settled()
        entry: FarEntry | None = yield ("get", data, self._wall())
        value = MISSING if entry is None else self._value_of(key, entry)
        return None if entry is None or value is MISSING else (value, not entry.stale)


def _row(key: Any, value: Any, found: FarEntry) -> CacheEntry:
    """A snapshot. A store outside the process notes no reads."""
    ttl = None if found.fresh_until is None else round(found.fresh_until - found.created, 6)
    return CacheEntry(
        key=key,
        value=value,
        created=found.created,
        updated=found.created,
        accessed=found.created,
        hits=0,
        ttl=ttl,
        expires=found.fresh_until,
        size=found.size,
        tags=found.tags,
        priority=found.priority,
        version=found.version,
    )
