"""A cache whose entries are bytes that other processes see too, with or without objects of this one before them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from .._events import CacheEvent
from .._omnicache import decode_key, encode_key, install_far, match_keys
from .._sentinels import DEFAULT, MISSING
from ..backends import FileSystemBackend, StoreBackend, TieredBackend, backend_from
from ..cache import Cache
from ..entry import CacheEntry
from ..exceptions import CacheConfigError, CacheSerializationError, MissingKeyError
from ..serializers import Compression
from .behind import Behind
from .codec import Codec
from .drive import Operation, adrive, coloured, drive
from .guard import Guard
from .near import Near
from .ports import CustomPort, FilePort
from .request import FarRequest
from .terms import written

if TYPE_CHECKING:
    from .._loading import Call
    from .._omnicache import FarEntry
    from ..backends import Backend
    from ..statistics import Statistics
    from .drive import Port

__all__ = ["FarCache"]

_PAGE: Final = 500
_log: Final = logging.getLogger("omnicache")


class FarCache(Cache):
    """What :class:`Cache` makes where the backend is outside the process; it is used as any other cache is."""

    __slots__ = ("_behind", "_codec", "_near", "_port", "_retries", "_skips")

    _behind: Behind | None
    _codec: Codec
    _near: Near
    _port: Guard

    # --- making it ---

    def _connect(
        self,
        *,
        serializer: Any,
        compression: Any,
        fallback: Any,
        on_error: str = "degrade",
        on_serialization_error: str = "raise",
    ) -> None:
        if on_error not in {"degrade", "raise"}:
            raise CacheConfigError(f'on_error: "degrade" or "raise", not {on_error!r}')
        if on_serialization_error not in {"skip", "raise"}:
            raise CacheConfigError(f'on_serialization_error: "skip" or "raise", not {on_serialization_error!r}')
        if compression is not None and compression is not DEFAULT and not isinstance(compression, Compression):
            raise CacheConfigError(f"compression: a Compression or None, not {type(compression).__name__}")
        self._codec = Codec(serializer, Compression() if compression is DEFAULT else compression)
        self._skips = on_serialization_error == "skip"
        self._retries: dict[bytes, float] = {}
        backend = self._backend
        tiered = backend if isinstance(backend, TieredBackend) else None
        far = backend.far if isinstance(backend, TieredBackend) else backend
        self._port = Guard(
            self._open_port(far),
            fallback=None if fallback is None else self._open_port(backend_from(fallback)),
            raises=on_error == "raise",
            now=self._now,
            told=self._hear,
        )
        self._near = Near(self, self._port, tiered)
        self._behind = (
            Behind(self._port, tiered.queue_size) if tiered is not None and tiered.write == "behind" else None
        )

    def _open_port(self, backend: Backend) -> Port:
        if isinstance(backend, FileSystemBackend):
            directory = backend.directory / self._namespace / self._name
            limit = backend.max_bytes
            if limit is None and not isinstance(self._backend, TieredBackend):
                limit = self.max_bytes
            port = FilePort(directory, limit, backend.durability)
            if port.store.set_aside is not None:
                path, reason = port.store.set_aside
                _log.warning("cache %r: its file could not be used and lies in %s: %s", self._name, path, reason)
            return port
        if isinstance(backend, StoreBackend):
            return CustomPort(backend, f"{self._namespace}:{self._name}")
        raise CacheConfigError(f"fallback: a backend outside the objects of this process, not {type(backend).__name__}")

    def _hear(self, error: Exception, opened: bool) -> None:
        """A store failed."""
        self._events.failed(
            self._name, None, error, "the backend, which is left alone for a while," if opened else "the backend"
        )

    # --- reading ---

    def _fresh(self, key: Any, entry: FarEntry | None, ticket: int) -> Any:
        """The value of an entry if it is fresh and can be read; it is kept near."""
        if entry is None or entry.stale:
            return MISSING
        try:
            value = self._codec.unpack(entry)
        except CacheSerializationError as error:
            self._unreadable(key, error)
            return MISSING
        self._count_far(hits=1)
        self._near.keep(key, value, entry, self._wall(), ticket)
        if self._events.has("hit"):
            self._events.emit(CacheEvent("hit", self._name, key, value))
        return value

    def _unreadable(self, key: Any, error: CacheSerializationError) -> None:
        """What cannot be read is a miss that is counted and logged."""
        self._events.failed(self._name, key, error, "reading an entry")

    # `get` and `cache[key]` are native: they serve a copy that is true, go on with `_beyond` where there is none, and
    # leave everything else to `_read`.

    def _read(self, key: Any, default: Any = None) -> Any:
        return drive(self._port, self._get(key, default))

    def _beyond(self, key: Any, default: Any) -> Any:
        return drive(self._port, self._get_far(key, default))

    async def aget(self, key: Any, default: Any = None) -> Any:
        """As :meth:`get`."""
        self._open("get")
        value = self._near.get(key)
        if value is not MISSING:
            return value
        return default if self._passes_by() else await adrive(self._port, self._get_far(key, default))

    def _get(self, key: Any, default: Any) -> Operation[Any]:
        self._open("get")
        value = self._near.get(key)
        if value is not MISSING:
            return value
        return default if self._passes_by() else (yield from self._get_far(key, default))

    def _get_far(self, key: Any, default: Any) -> Operation[Any]:
        yield from self._settled()
        ticket = self._near.ticket(key)
        entry = yield ("get", encode_key(key), self._wall())
        value = self._fresh(key, entry, ticket)
        return default if value is MISSING else value

    def _follow(self, looks: bool) -> None:
        """What is near is not known to be true, or a read `looks` whether the file is still there."""
        if self._near.on:
            self._near.follow()

    def _get_many(self, keys: Iterable[Any]) -> Operation[dict[Any, Any]]:
        self._open("get_many")
        wanted = _listed(keys, "get_many")
        found: dict[Any, Any] = {}
        missed = []
        for key in wanted:
            value = self._near.get(key)
            if value is MISSING:
                missed.append(key)
            else:
                found[key] = value
        if missed and not self._passes_by():
            yield from self._settled()
            tickets = [self._near.ticket(key) for key in missed]
            entries = yield ("get_many", [encode_key(key) for key in missed], self._wall())
            for key, entry, ticket in zip(missed, entries, tickets, strict=True):
                value = self._fresh(key, entry, ticket)
                if value is not MISSING:
                    found[key] = value
        return {key: found[key] for key in wanted if key in found}

    get_many, aget_many = coloured(_get_many)

    def _holds(self, key: Any) -> Operation[bool]:
        self._open("key in cache")
        yield from self._settled()
        entry = yield ("get", encode_key(key), self._wall())
        return entry is not None and not entry.stale

    def __contains__(self, key: object) -> bool:
        return drive(self._port, self._holds(key))

    def _entry(self, key: Any) -> Operation[CacheEntry | None]:
        self._open("entry")
        yield from self._settled()
        found = yield ("get", encode_key(key), self._wall())
        if found is None or found.stale:
            return None
        try:
            return self._row_of(key, self._codec.unpack(found), found)
        except CacheSerializationError as error:
            self._unreadable(key, error)
            return None

    entry, aentry = coloured(_entry)

    def _row_of(self, key: Any, value: Any, found: FarEntry) -> CacheEntry:
        ttl = None if found.fresh_until is None else found.fresh_until - found.created
        times = (found.created, found.created, found.created)
        return CacheEntry(
            key, value, *times, 0, ttl, found.fresh_until, found.size, found.tags, found.priority, found.version
        )

    def _ttl(self, key: Any, default: Any = MISSING) -> Operation[Any]:
        self._open("ttl")
        yield from self._settled()
        now = self._wall()
        entry = yield ("get", encode_key(key), now)
        if entry is None or entry.stale:
            return default
        return None if entry.fresh_until is None else entry.fresh_until - now

    ttl, attl = coloured(_ttl)  # type: ignore[assignment]

    # --- writing ---

    def _store(self, key: Any, value: Any, ttl: Any, options: Mapping[str, Any], **conditions: Any) -> Operation[bool]:
        """Writes a value; whether it was written."""
        if self._keeps_nothing():
            return False
        terms = written(self, ttl, options)
        kb = encode_key(key)
        try:
            payload, flags = self._codec.pack(value)
        except CacheSerializationError as error:
            if not self._skips:
                raise
            self._events.failed(self._name, key, error, "writing a value, which is not kept,")
            yield from self._settled()
            yield ("delete", kb, self._wall())
            self._near.drop(key)
            return False
        now, ticket = self._wall(), self._near.ticket(key)
        fields = terms.fields(now, self._codec.serializer, flags) | conditions
        if self._behind is not None and not conditions:
            self._behind.add("set", kb, payload, now, fields)
            self._near.put(key, value, terms, ticket)
            self._tell_set(key, value)
            return True
        yield from self._settled()
        version = yield ("set", kb, payload, now, fields)
        if version:
            self._near.put(key, value, terms, ticket)
            self._tell_set(key, value)
            return True
        self._near.drop(key)
        return False

    def _tell_set(self, key: Any, value: Any) -> None:
        self._count_far(sets=1)
        if self._events.has("set"):
            self._events.emit(CacheEvent("set", self._name, key, value))

    def _settled(self) -> Operation[None]:
        """Has what is to be written behind written first, so that what is read or removed now is not older."""
        if self._behind is not None:
            self._behind.flush()
        return
        yield

    def _set(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[None]:
        self._open("set")
        yield from self._store(key, value, ttl, options)

    set, aset = coloured(_set)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)

    def _add(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[bool]:
        self._open("add")
        return (yield from self._store(key, value, ttl, options, mode="add"))

    add, aadd = coloured(_add)

    def _replace(self, /, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[bool]:
        self._open("replace")
        return (yield from self._store(key, value, ttl, options, mode="replace"))

    replace, areplace = coloured(_replace)

    def _set_many(self, /, items: Any, ttl: Any = DEFAULT, **options: Any) -> Operation[int]:
        self._open("set_many")
        count = 0
        for key, value in items.items() if isinstance(items, Mapping) else items:
            yield from self._store(key, value, ttl, options)
            count += 1
        return count

    set_many, aset_many = coloured(_set_many)

    def _incr(self, /, key: Any, delta: Any = 1, ttl: Any = DEFAULT, **options: Any) -> Operation[Any]:
        self._open("incr")
        _number(delta, "delta")
        if self._keeps_nothing():
            return delta
        kb, terms = encode_key(key), written(self, ttl, options)
        yield from self._settled()
        while True:
            now = self._wall()
            entry = yield ("get", kb, now)
            if entry is None or entry.stale:
                if (yield from self._store(key, delta, ttl, options, mode="add")):
                    return delta
                if (yield ("get", kb, self._wall())) is None:
                    return delta  # it is heavier than the cache may be, or the store is down
                continue
            old = self._codec.unpack(entry)
            _number(old, "the value")
            payload, flags = self._codec.pack(old + delta)
            fields = terms.fields(now, self._codec.serializer, flags)
            kept = {"fresh_until": entry.fresh_until, "expires": entry.expires, "tags": list(entry.tags)}
            version = yield ("set", kb, payload, now, {**fields, **kept, "version": entry.version})
            if version:
                self._near.drop(key)
                self._tell_set(key, old + delta)
                return old + delta

    incr, aincr = coloured(_incr)

    def _decr(self, /, key: Any, delta: Any = 1, ttl: Any = DEFAULT, **options: Any) -> Operation[Any]:
        _number(delta, "delta")
        return (yield from self._incr(key, -delta, ttl, **options))

    decr, adecr = coloured(_decr)

    def _touch(self, key: Any, ttl: Any = DEFAULT) -> Operation[bool]:
        self._open("touch")
        terms = written(self, ttl, {})
        kb, now = encode_key(key), self._wall()
        yield from self._settled()
        entry = yield ("get", kb, now)
        if entry is None or entry.stale:
            return False
        stale = 0.0 if entry.expires is None or entry.fresh_until is None else entry.expires - entry.fresh_until
        fresh_until = None if terms.ttl is None else now + terms.ttl
        expires = None if fresh_until is None else fresh_until + max(stale, 0.0)
        touched = yield ("touch", kb, fresh_until, expires, now)
        self._near.drop(key)
        return bool(touched)

    touch, atouch = coloured(_touch)

    # --- removing ---

    def _delete(self, key: Any) -> Operation[bool]:
        self._open("delete")
        return (yield from self._taken(key)) is not MISSING

    delete, adelete = coloured(_delete)

    def _taken(self, key: Any) -> Operation[Any]:
        """Removes an entry; its value if it was fresh."""
        kb = encode_key(key)
        self._flights.invalidate(key)
        yield from self._settled()
        self._near.drop(key)
        entry = yield ("take", kb, self._wall())
        # 1. It is dropped here. 2. Another thread reads it there, and keeps it here. 3. It is taken there.
        self._near.drop(key)
        if entry is None or entry.stale:
            return MISSING
        self._count_far(deletes=1)
        try:
            value = self._codec.unpack(entry)
        except CacheSerializationError as error:
            self._unreadable(key, error)
            return MISSING
        if self._events.has("delete"):
            self._events.emit(CacheEvent("delete", self._name, key, value))
        return value

    def _pop(self, key: Any, default: Any = DEFAULT) -> Operation[Any]:
        self._open("pop")
        value = yield from self._taken(key)
        if value is not MISSING:
            return value
        if default is DEFAULT:
            raise MissingKeyError(key, self._name)
        return default

    pop, apop = coloured(_pop)  # type: ignore[assignment]

    def __delitem__(self, key: Any) -> None:
        if not self.delete(key):
            raise MissingKeyError(key, self._name)

    def _many(
        self, keys: Iterable[Any] | None, pattern: str | None, tags: Iterable[str] | None
    ) -> Operation[list[bytes]]:
        """The fresh entries that are meant, by their keys, or by pattern and tags together."""
        chosen = [] if keys is None else [encode_key(key) for key in _listed(keys, "delete_many")]
        if pattern is not None or tags is not None:
            rows = yield from self._rows_of(pattern, tags, None)
            chosen += [cast("bytes", row.key) for row in rows]
        return chosen

    def _forbid(self, pattern: str | None) -> None:
        """Keeps loads that run for a key which `pattern` matches out of the store."""
        if pattern is None:
            return
        for flight in self._flights.running():
            if match_keys(pattern, [encode_key(flight.key)]):
                flight.invalidate()

    def _removed(
        self, keys: Iterable[Any] | None = None, *, pattern: str | None = None, tags: Iterable[str] | None = None
    ) -> Operation[int]:
        self._open("delete_many")
        tags = self._end_leases(tags)
        yield from self._settled()
        self._forbid(pattern)
        chosen = yield from self._many(keys, pattern, tags)
        for kb in chosen:
            key = decode_key(kb)
            self._flights.invalidate(key)
            self._near.drop(key)
        count: int = yield ("delete_many", chosen, self._wall())
        self._count_far(deletes=count)
        for kb in chosen:
            self._near.drop(decode_key(kb))
        return count

    delete_many, adelete_many = coloured(_removed)

    def _cleared(self, *, pattern: str | None = None, tags: Iterable[str] | None = None) -> Operation[int]:
        self._open("clear")
        if pattern is not None or tags is not None:
            return (yield from self._removed(pattern=pattern, tags=tags))
        self._flights.invalidate_all()
        yield from self._settled()
        count: int = yield ("clear", self._wall())
        self._near.clear()
        return count

    clear, aclear = coloured(_cleared)

    def _invalidated(
        self,
        keys: Iterable[Any] | None = None,
        *,
        tags: Iterable[str] | None = None,
        pattern: str | None = None,
        hard: bool = False,
    ) -> Operation[None]:
        self._open("invalidate")
        tags = self._end_leases(tags)
        yield from self._settled()
        if tags is not None:
            yield ("invalidate_tags", _tags(tags), hard, self._wall())
            self._near.drop_tags(_tags(tags))
        self._forbid(pattern)
        chosen = yield from self._many(keys, pattern, None)
        for kb in chosen:
            self._flights.invalidate(decode_key(kb))
        if chosen:
            yield ("invalidate", chosen, hard, self._wall())
        for kb in chosen:
            self._near.drop(decode_key(kb))

    invalidate, ainvalidate = coloured(_invalidated)

    # --- listing ---

    def _rows_of(self, pattern: str | None, tags: Iterable[str] | None, limit: int | None) -> Operation[list[FarEntry]]:
        """What is fresh and matches, without the values."""
        wanted = None if tags is None else set(_tags(tags))
        yield from self._settled()
        found: list[FarEntry] = []
        cursor: Any = None
        while limit is None or len(found) < limit:
            page, cursor = yield ("scan", cursor, _PAGE, self._wall())
            rows = [row for row in page if not row.stale and (wanted is None or wanted.intersection(row.tags))]
            if pattern is not None:
                matching = set(match_keys(pattern, [row.key for row in rows]))
                rows = [row for row in rows if row.key in matching]
            found += rows
            if cursor is None:
                break
        return found if limit is None else found[:limit]

    def _keys(self) -> Operation[list[Any]]:
        self._open("keys")
        rows = yield from self._rows_of(None, None, None)
        return [decode_key(cast("bytes", row.key)) for row in rows]

    keys, akeys = coloured(_keys)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        self._open("len")
        return len(drive(self._port, self._rows_of(None, None, None)))

    def _entries(
        self, *, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None
    ) -> Operation[list[CacheEntry]]:
        self._open("entries")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise CacheConfigError(f"entries: limit: a whole number of at least 0, not {limit!r}")
        rows = yield from self._rows_of(pattern, tags, limit)
        found = []
        for at in range(0, len(rows), _PAGE):
            keys = [cast("bytes", row.key) for row in rows[at : at + _PAGE]]
            for kb, entry in zip(keys, (yield ("get_many", keys, self._wall())), strict=True):
                if entry is None or entry.stale:
                    continue
                key = decode_key(kb)
                try:
                    found.append(self._row_of(key, self._codec.unpack(entry), entry))
                except CacheSerializationError as error:
                    self._unreadable(key, error)
        return found

    entries, aentries = coloured(_entries)

    def _items(self) -> Operation[list[tuple[Any, Any]]]:
        return [(entry.key, entry.value) for entry in (yield from self._entries())]

    items, aitems = coloured(_items)

    def _values(self) -> Operation[list[Any]]:
        return [entry.value for entry in (yield from self._entries())]

    values, avalues = coloured(_values)

    def _popitem(self) -> Operation[tuple[Any, Any]]:
        for key in (yield from self._keys()):
            value = yield from self._taken(key)
            if value is not MISSING:
                return key, value
        raise KeyError(f"popitem: the cache {self.name!r} is empty")

    popitem, apopitem = coloured(_popitem)

    def _setdefault(self, key: Any, default: Any = None) -> Operation[Any]:
        while True:
            found = yield from self._get(key, MISSING)
            if found is not MISSING:
                return found
            if (yield from self._add(key, default)) or not (yield from self._holds(key)):
                return default

    setdefault, asetdefault = coloured(_setdefault)

    def _rows(self, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None) -> Any:
        return drive(self._port, self._rows_of(pattern, tags, limit))

    # --- loads ---

    def _request(self, key: Any, call: Call) -> FarRequest:
        return FarRequest(self, key, call)

    def _peek(self, key: Any) -> tuple[Any, bool] | None:
        entry = self._port.call("get", encode_key(key), self._wall())
        if entry is None:
            return None
        try:
            return self._codec.unpack(entry), not entry.stale
        except CacheSerializationError:
            return None

    # --- what the near store tells ---

    def _on_set(self, key: Any, value: Any, replaced: bool, over: bool) -> None:
        """A copy is kept near: no event, for the write is one, or there was none."""
        if self._adviser is not None:
            super()._on_set(key, value, replaced, over)

    def _on_gone(self, gone: Iterable[tuple[str, Any, Any]]) -> None:
        """A copy left the near store, which is nothing to those who listen unless it had to."""
        super()._on_gone(one for one in gone if one[0] == "evicted" or self._adviser is not None)

    # --- life ---

    def purge_expired(self) -> int:
        """Removes what is over; how many entries went."""
        self._open("purge_expired")
        super().purge_expired()
        return int(self._port.call("purge", self._wall()) or 0)

    async def apurge_expired(self) -> int:
        """As :meth:`purge_expired`."""
        self._open("purge_expired")
        super().purge_expired()
        return int(await self._port.acall("purge", self._wall()) or 0)

    def stats(self) -> Statistics:
        """What the cache did since the last :meth:`reset_stats`, and what it holds; sizes are the far store's."""
        near = super().stats()
        far = {} if self.closed else self._port.call("stats", self._wall())
        hits, sets, deletes = self._far_counts()
        return replace(
            near,
            hit_count=near.hit_count + hits,
            miss_count=max(near.miss_count - hits, 0),
            set_count=sets,
            delete_count=deletes,
            entry_count=far.get("entries", 0),
            total_size_bytes=far.get("bytes", 0),
            eviction_count=near.eviction_count + far.get("evictions", 0),
            expiration_count=near.expiration_count + far.get("expirations", 0),
            backend_status="disconnected" if self.closed else "degraded" if self._port.degraded else "connected",
        )

    def reset_stats(self) -> None:
        """Starts counting anew."""
        super().reset_stats()
        self._reset_far_counts()

    @property
    def status(self) -> Any:
        """``"active"``, ``"degraded"`` while the backend is down, or ``"shutdown"`` once it is closed."""
        return "shutdown" if self.closed else "degraded" if self._port.degraded else "active"

    def close(self) -> None:
        """Frees the name; the entries stay where they are. Whatever is to be written behind is written first."""
        if not self.closed:
            if self._behind is not None:
                self._behind.close()
            for port in (self._port.primary, self._port.fallback):
                if port is not None:
                    port.call("close")
        super().close()


def _listed(keys: Iterable[Any], method: str) -> list[Any]:
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"{method}: keys: an iterable of keys, not one {type(keys).__name__}; write [key]")
    return list(keys)


def _tags(tags: Iterable[str]) -> list[str]:
    if isinstance(tags, str):
        raise TypeError('tags: an iterable of str, not one str; write tags=["name"]')
    return list(tags)


def _number(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"incr: {name} is an int or a float, not {type(value).__name__}; use set() to replace it")


install_far(FarCache)
Cache._far_kind = FarCache
