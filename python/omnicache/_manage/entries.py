"""Looking at entries from outside: one, or a page of them in the order of their keys."""

from __future__ import annotations

import base64
import heapq
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from .._far.arguments import encoded, pattern_of, tags_of
from .._far.cache import FarCache
from .._far.drive import drive
from .._far.files import FilePort
from .._far.reading import _row
from .._omnicache import decode_key, encode_key, match_keys
from .._sentinels import MISSING
from .errors import InvalidInput
from .keytext import text_of
from .models import EntryView, Page
from .values import described, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._far.drive import Operation
    from .._omnicache import FarEntry, FileStore
    from ..cache import Cache
    from ..entry import CacheEntry

__all__ = ["entry_of", "looked", "moment", "page_of", "view_of"]

LISTED: Final = 64 * 1024
"""Characters that a value may have in a listing; a longer one is described there."""
CHUNK: Final = 500
CHUNKS: Final = 400
"""How many times a store is asked for one page: a page of a rare pattern may be short."""


def moment(seconds: float | None) -> datetime | None:
    """A time since 1970 as a moment; what no calendar holds is the last or the first that one does."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)


def view_of(entry: CacheEntry, *, whole: bool = True) -> EntryView:
    """An entry as operators see it; a long value is described unless it is to be `whole`."""
    value, is_json = shown(entry.value)
    if not whole and is_json and isinstance(value, str | list | dict) and _length(value) > LISTED:
        value, is_json = described(value), False
    return EntryView(
        key=text_of(entry.key),
        value=value,
        ttl=entry.ttl,
        expires_at=moment(entry.expires),
        access_count=entry.hits,
        last_accessed=moment(entry.accessed),
        created_at=moment(entry.created),
        size_bytes=entry.size,
        tags=tuple(entry.tags),
        priority=entry.priority,
        value_is_json=is_json,
        version=entry.version,
    )


def _length(value: Any) -> int:
    """About how many characters a value has as JSON."""
    total, waiting = 0, [value]
    while waiting and total <= LISTED:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item) + 2
        elif isinstance(item, dict):
            total += sum(map(len, item)) + 4 * len(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            total += 2
            waiting.extend(item)
        else:
            total += 8
    return total


def page_of(cache: Cache, pattern: str | None, tags: Iterable[str] | None, limit: int, cursor: str | None) -> Page:
    """Up to `limit` entries from `cursor` on.

    Raises:
        InvalidInput: The cursor is none that a page ended with.
    """
    kind, after = _decoded(cursor)
    if isinstance(cache, FarCache):
        mark = b"k" if in_files(cache) is None else b"f"
        if kind not in {b"", mark}:
            raise InvalidInput("cursor: the backend has changed since the last page; begin without a cursor")
        walk = _by_store if mark == b"f" else _by_key
        found, end = drive(cache._port, walk(cache, pattern, tags, limit, after))
    else:
        if kind not in {b"", b"k"}:
            raise InvalidInput("cursor: it belongs to another cache; begin without a cursor")
        found, end = _near(cache, pattern, tags, limit, after)
        mark = b"k"
    return Page(tuple(view_of(entry, whole=False) for entry in found), _encoded(mark, end))


def _encoded(mark: bytes, after: bytes | None) -> str | None:
    return None if after is None else base64.urlsafe_b64encode(mark + after).decode().rstrip("=")


def _decoded(cursor: str | None) -> tuple[bytes, bytes | None]:
    if cursor is None:
        return b"", None
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, TypeError):
        data = b""
    if data[:1] not in {b"f", b"k"}:
        raise InvalidInput("cursor: not one that a page ended with; begin without a cursor")
    return data[:1], data[1:]


def _near(
    cache: Cache, pattern: str | None, tags: Iterable[str] | None, limit: int, after: bytes | None
) -> tuple[list[CacheEntry], bytes | None]:
    """From memory: all rows are looked at, and those of the next keys are shown."""
    rows = ((encode_key(row[0]), row) for row in cache._rows(pattern, tags))
    wanted = (item for item in rows if after is None or item[0] > after)
    first = heapq.nsmallest(limit + 1, wanted, key=lambda item: item[0])
    found = [cache._snapshot(row) for _, row in first[:limit]]
    return found, first[limit - 1][0] if len(first) > limit else None


def _by_key(
    cache: FarCache, pattern: str | None, tags: Iterable[str] | None, limit: int, after: bytes | None
) -> Operation[tuple[list[CacheEntry], bytes | None]]:
    """From a store that has no order of its own."""
    rows = yield from cache._rows_of(pattern, tags)
    keys = [key for row in rows if (key := cast("bytes", row.key)) and (after is None or key > after)]
    first = heapq.nsmallest(limit + 1, keys)
    found = yield from _valued(cache, first[:limit])
    return found, first[limit - 1] if len(first) > limit else None


def _by_store(
    cache: FarCache, pattern: str | None, tags: Iterable[str] | None, limit: int, cursor: bytes | None
) -> Operation[tuple[list[CacheEntry], bytes | None]]:
    """From files, which know where a page ended."""
    pattern, wanted = pattern_of(pattern), None if tags is None else set(tags_of(tags))
    yield from cache._settled()
    keys: list[bytes] = []
    for _ in range(CHUNKS):
        start = cursor
        page, cursor = yield ("scan", start, CHUNK, cache._wall())
        matching = _matching(page, pattern, wanted)
        room = limit - len(keys)
        keys += [cast("bytes", page[at].key) for at in matching[:room]]
        if len(matching) > room or (len(matching) == room and cursor is not None):
            # The page ends after this row: the store says where that is.
            _, cursor = yield ("scan", start, matching[room - 1] + 1, cache._wall())
        if cursor is None or len(keys) >= limit:
            break
    found = yield from _valued(cache, keys)
    return found, cursor


def _matching(page: list[FarEntry], pattern: str | None, wanted: set[str] | None) -> list[int]:
    """Which rows of a page are asked for."""
    rows = [at for at, row in enumerate(page) if not row.stale]
    if wanted is not None:
        rows = [at for at in rows if not wanted.isdisjoint(page[at].tags)]
    if pattern is not None:
        names = set(match_keys(pattern, [cast("bytes", page[at].key) for at in rows]))
        rows = [at for at in rows if page[at].key in names]
    return rows


def _valued(cache: FarCache, keys: list[bytes]) -> Operation[list[CacheEntry]]:
    """The entries of these keys that are still there."""
    found = []
    if keys:
        for data, entry in zip(keys, (yield from looked(cache, keys)), strict=True):
            row = _snapshot(cache, decode_key(data), entry)
            if row is not None:
                found.append(row)
    return found


def looked(cache: FarCache, keys: list[bytes]) -> Operation[list[FarEntry | None]]:
    """The entries of these keys, stale ones too; where the store can tell the difference, this is no read of them."""
    yield from cache._settled()
    store = in_files(cache)
    if store is not None:
        return [store.get(key, cache._wall(), use_it=False) for key in keys]
    found: list[FarEntry | None] = yield ("get_many", keys, cache._wall())
    return found


def in_files(cache: FarCache) -> FileStore | None:
    """The store of a cache in files, unless it is down."""
    port = cache._port.primary
    return port.store if isinstance(port, FilePort) and not cache._port.degraded else None


def entry_of(cache: Cache, key: Any, *, count: bool) -> CacheEntry | None:
    """The fresh entry of a key; a read like any other if it is to `count`."""
    if not isinstance(cache, FarCache):
        if count:
            cache.get(key, MISSING)
        return cache.entry(key)
    cache._open("entry")
    data = encoded(key)
    if not count:
        return _snapshot(cache, key, drive(cache._port, looked(cache, [data]))[0])
    entry = drive(cache._port, _read(cache, data))
    found = _snapshot(cache, key, entry)
    if found is None:
        cache._missed(key)
    else:
        cache._found(key, found.value)
    return found


def _read(cache: FarCache, data: bytes) -> Operation[FarEntry | None]:
    yield from cache._settled()
    entry: FarEntry | None = yield ("get", data, cache._wall())
    return entry


def _snapshot(cache: FarCache, key: Any, entry: FarEntry | None) -> CacheEntry | None:
    """The entry, if it is fresh and can be read."""
    if entry is None or entry.stale:
        return None
    value: Any = cache._value_of(key, entry)
    return None if value is MISSING else _row(key, value, entry)
