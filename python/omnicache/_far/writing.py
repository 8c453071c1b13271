"""Writing to a far cache: one key or many, counting, other ends."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .._many import batches, pairs, whole
from .._omnicache import FarTerms
from .._sentinels import DEFAULT, MISSING
from ..exceptions import CacheSerializationError
from .arguments import counted, encoded
from .drive import WAIT, Operation, adrive, coloured, drive
from .listing import Listing
from .ports import Conditions
from .terms import Written, again, kept_until, window_of, written

if TYPE_CHECKING:
    from .._omnicache import FarEntry

__all__ = ["Writing"]

_BATCH: Final = 500
"""So many entries are written by one request."""
_SOON: Final = -1
"""In the place of a version: it will be written."""

_ALWAYS: Final[Conditions] = {}
"""No conditions."""

_Ready = tuple[tuple[bytes, bytes, float, FarTerms], Written, int]
"""The arguments of the request, its terms, and the ticket for what is near."""


class Writing(Listing):
    """The part of a far cache that writes."""

    __slots__ = ()

    def _store(self, key: Any, value: Any, ttl: Any, options: Mapping[str, Any], **conditions: Any) -> Operation[bool]:
        """Writes a value; whether it was written."""
        try:
            ready = self._ready(key, value, ttl, options)
        except CacheSerializationError as error:
            if not self._skips:
                raise
            self._events.failed(self._name, key, error, "writing a value, which is not kept,", "value_not_kept")
            yield from self._settled()
            yield ("delete", encoded(key), self._wall())
            self._near.drop(key)
            return False
        if ready is None:
            return False
        args = (*ready[0], conditions)
        if self._behind is not None and not conditions:
            step, lost = ("set", *args), partial(self._near.drop, key)
            if not self._behind.offer(step, lost):
                yield (WAIT, self._behind.add, step, lost)
            version = _SOON
        else:
            yield from self._settled()
            version = yield ("set", *args)
        return self._stored(key, value, ready, version)

    def _ready(self, key: Any, value: Any, ttl: Any, options: Mapping[str, Any]) -> _Ready | None:
        """What there is to be sent, and what is to be known afterwards; None if nothing is to be written.

        Raises:
            CacheSerializationError: The value cannot be written.
        """
        terms, data = written(self, ttl, options), encoded(key)
        if self._keeps_nothing() or self.closed:
            return None
        payload, flags = self._codec.pack(value)
        now, ticket = self._wall(), self._near.ticket(key)
        return (data, payload, now, terms.at(now, flags)), terms, ticket

    def _stored(self, key: Any, value: Any, ready: _Ready, version: int | None) -> bool:
        """Tells of what was written, and keeps it near; whether it was."""
        args, terms, ticket = ready
        if not version:
            self._near.drop(key)
            return False
        if self._near.on:
            self._near.put(key, value, terms, ticket, self._took.get(args[0]))
        self._tell_set(key, value)
        return True

    def _given(self, key: Any, value: Any, ttl: Any, options: Mapping[str, Any], **conditions: Any) -> Operation[bool]:
        """Writes what a caller gives, which is newer than what a load that is under way will bring."""
        if not self._port.leases:
            self._flights.invalidate(key)
        return (yield from self._store(key, value, ttl, options, **conditions))

    def _set(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[None]:
        self._open("set")
        yield from self._given(key, value, ttl, options)

    # Both are `_set` without its steps, where they are not needed: they are a third of the time that one of many writes
    # at once takes.

    def set(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> None:
        """As :meth:`Cache.set`."""
        if self._behind is not None or self._skips:
            return drive(self._port, self._set(key, value, ttl, **options))
        self._open("set")
        if not self._port.leases:
            self._flights.invalidate(key)
        ready = self._ready(key, value, ttl, options)
        if ready is not None:
            self._stored(key, value, ready, self._port.call("set", *ready[0], _ALWAYS))
        return None

    async def aset(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> None:
        """As :meth:`Cache.set`."""
        if self._behind is not None or self._skips:
            return await adrive(self._port, self._set(key, value, ttl, **options))
        self._open("set")
        if not self._port.leases:
            self._flights.invalidate(key)
        ready = self._ready(key, value, ttl, options)
        if ready is not None:
            self._stored(key, value, ready, await self._port.acall("set", *ready[0], _ALWAYS))
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)

    def _add(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[bool]:
        self._open("add")
        if (yield from self._given(key, value, ttl, options, mode="add")):
            return True
        entry = yield from self._illegible(key)
        return entry is not None and (yield from self._given(key, value, ttl, options, version=entry.version))

    add, aadd = coloured(_add)

    def _illegible(self, key: Any) -> Operation[FarEntry | None]:
        """The entry of a key if it is fresh and cannot be read: to every reader it is none."""
        entry: FarEntry | None = yield ("get", encoded(key), self._wall())
        if entry is None or entry.stale or self._value_of(key, entry) is not MISSING:
            return None
        return entry

    def _replace(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[bool]:
        self._open("replace")
        return (yield from self._given(key, value, ttl, options, mode="replace"))

    replace, areplace = coloured(_replace)

    def _setdefault(self, key: Any, default: Any = None) -> Operation[Any]:
        while True:
            found = yield from self._get(key, MISSING)
            if found is not MISSING:
                return found
            # Not added and not there: it is heavier than the cache may be, or was removed at once.
            if (yield from self._add(key, default)) or not (yield from self._holds(key)):
                return default

    setdefault, asetdefault = coloured(_setdefault)

    # --- many ---

    def _set_many(self, /, items: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[int]:
        self._open("set_many")
        count = 0
        for batch in batches(pairs(items, "set_many"), _BATCH):
            yield from self._given_many(batch, ttl, options)
            count += len(batch)
        return count

    def _given_many(self, batch: list[tuple[Any, Any]], ttl: Any, options: Mapping[str, Any]) -> Operation[None]:
        """As :meth:`_given` of many, with one request."""
        if self._behind is not None or self._skips or len(batch) == 1:
            for key, value in batch:
                yield from self._given(key, value, ttl, options)
            return
        # What cannot be written is found out before anything is.
        entries, rows, now = [], [], self._wall()
        for key, value in batch:
            data = encoded(key)
            payload, flags = self._codec.pack(value)
            terms = written(self, ttl, options)  # the end of each is spread by chance
            entries.append((data, payload, terms.at(now, flags)))
            rows.append((key, value, terms, self._near.ticket(key)))
        if self._keeps_nothing() or self.closed:
            return
        if not self._port.leases:
            for key, *_ in rows:
                self._flights.invalidate(key)
        yield from self._settled()
        versions = yield ("set_many", entries, now)
        for (key, value, terms, ticket), (data, *_), version in zip(rows, entries, versions, strict=True):
            if version:
                self._near.put(key, value, terms, ticket, self._took.get(data))
                self._tell_set(key, value)
            else:
                self._near.drop(key)

    set_many, aset_many = coloured(_set_many)

    def _update(self, items: Any = (), /, **named: Any) -> Operation[None]:
        yield from self._set_many(items)
        yield from self._set_many(named)

    update, aupdate = coloured(_update)

    def _warmed(
        self, made: Any, batch_size: int, ttl: Any, progress: Callable[[int], object] | None, options: dict[str, Any]
    ) -> Operation[int]:
        count = 0
        for batch in batches(pairs(made, "warm"), batch_size):
            yield from self._given_many(batch, ttl, options)
            count += len(batch)
            if progress is not None:
                progress(count)
        return count

    def warm(
        self,
        source: Any,
        *,
        batch_size: int = 100,
        ttl: Any = DEFAULT,
        progress: Callable[[int], object] | None = None,
        **options: Any,
    ) -> int:
        """As :meth:`Cache.warm`."""
        self._open("warm")
        batch_size = whole(batch_size, "warm: batch_size", least=1)
        made = source() if callable(source) else source
        return drive(self._port, self._warmed(made, batch_size, ttl, progress, options))

    async def awarm(
        self,
        source: Any,
        *,
        batch_size: int = 100,
        ttl: Any = DEFAULT,
        progress: Callable[[int], object] | None = None,
        **options: Any,
    ) -> int:
        """As :meth:`Cache.warm`, where the source may also be an asynchronous iterable or a coroutine function."""
        self._open("warm")
        batch_size = whole(batch_size, "warm: batch_size", least=1)
        made = source() if callable(source) else source
        if isinstance(made, Awaitable):
            made = await made
        if isinstance(made, AsyncIterable):
            made = [pair async for pair in made]
        return await adrive(self._port, self._warmed(made, batch_size, ttl, progress, options))

    # --- counting, and other ends ---

    def _incr(self, /, key: Any, delta: Any = 1, ttl: Any = DEFAULT, **options: Any) -> Operation[Any]:
        self._open("incr")
        counted(delta, "delta")
        data, terms = encoded(key), written(self, ttl, options)
        if self._keeps_nothing():
            return delta
        yield from self._settled()
        if not self._port.leases:
            self._flights.invalidate(key)
        while True:
            now = self._wall()
            entry = yield ("get", data, now)
            if entry is None or entry.stale:
                if (yield from self._store(key, delta, ttl, options, mode="add")):
                    return delta
                if (yield ("get", data, self._wall())) is None:
                    return delta  # it is heavier than the cache may be, or the store is down
                continue
            old = self._value_of(key, entry)
            if old is MISSING:  # it cannot be read: to every reader it is none
                new = delta
            else:
                counted(old, "the value")
                new = old + delta
            payload, flags = self._codec.pack(new)
            said = terms.at(now, flags) if old is MISSING else again(entry, now, flags)
            if (yield ("set", data, payload, now, said, {"version": entry.version})) is not None:
                self._near.drop(key)
                self._tell_set(key, new)
                return new

    incr, aincr = coloured(_incr)

    def _decr(self, /, key: Any, delta: Any = 1, ttl: Any = DEFAULT, **options: Any) -> Operation[Any]:
        self._open("decr")
        counted(delta, "delta")
        return (yield from self._incr(key, -delta, ttl, **options))

    decr, adecr = coloured(_decr)

    def _touch(self, key: Any, ttl: Any = DEFAULT) -> Operation[bool]:
        self._open("touch")
        terms, data = written(self, ttl, {}, "touch"), encoded(key)
        yield from self._settled()
        now = self._wall()
        entry = yield ("get", data, now)
        if entry is None or entry.stale:
            return False
        fresh_until = None if terms.ttl is None else now + terms.ttl
        touched = yield ("touch", data, fresh_until, kept_until(fresh_until, window_of(entry)), now)
        self._near.drop(key)
        return bool(touched)

    touch, atouch = coloured(_touch)
