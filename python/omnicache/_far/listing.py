"""What a far cache holds: its keys, values and entries, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from .._many import whole
from .._omnicache import decode_key, match_keys
from .._sentinels import MISSING
from ..entry import CacheEntry
from .arguments import pattern_of, tags_of
from .drive import Operation, coloured, drive
from .reading import Reading, _row

if TYPE_CHECKING:
    from .._omnicache import FarEntry

__all__ = ["Listing"]

PAGE: Final = 500
"""Entries that are looked at in one step."""


class Listing(Reading):
    """The part of a far cache that lists."""

    __slots__ = ()

    def _rows_of(
        self, pattern: str | None, tags: Iterable[str] | None, limit: int | None = None, *, stale: bool = False
    ) -> Operation[list[FarEntry]]:
        """What matches, without the values; also what is only kept past its time if `stale`."""
        pattern, wanted = pattern_of(pattern), None if tags is None else set(tags_of(tags))
        yield from self._settled()
        found: list[FarEntry] = []
        cursor: Any = None
        while limit is None or len(found) < limit:
            page, cursor = yield ("scan", cursor, PAGE, self._wall())
            rows = [row for row in page if stale or not row.stale]
            if wanted is not None:
                rows = [row for row in rows if not wanted.isdisjoint(row.tags)]
            if pattern is not None:
                matching = set(match_keys(pattern, [row.key for row in rows]))
                rows = [row for row in rows if row.key in matching]
            found += rows
            if cursor is None:
                break
        return found if limit is None else found[:limit]

    def _rows(self, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None) -> Any:
        return drive(self._port, self._rows_of(pattern, tags, limit))

    def _keys(self) -> Operation[list[Any]]:
        self._open("keys")
        return [decode_key(cast("bytes", row.key)) for row in (yield from self._rows_of(None, None))]

    keys, akeys = coloured(_keys)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def __len__(self) -> int:
        return 0 if self.closed else len(self._rows())

    def __repr__(self) -> str:
        # How many entries there are is not known without asking the store.
        where = "" if self._namespace == "default" else f", namespace={self._namespace!r}"
        return f"<Cache {self._name!r}{where}, {self._strategy!r}, {self._backend!r}, {self.status}>"

    def _entries(
        self, *, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None
    ) -> Operation[list[CacheEntry]]:
        self._open("entries")
        if limit is not None:
            limit = whole(limit, "entries: limit", least=0)
        rows = yield from self._rows_of(pattern, tags, limit)
        found = []
        for at in range(0, len(rows), PAGE):
            keys = [cast("bytes", row.key) for row in rows[at : at + PAGE]]
            for data, entry in zip(keys, (yield ("get_many", keys, self._wall())), strict=True):
                if entry is None or entry.stale:
                    continue
                key = decode_key(data)
                value = self._value_of(key, entry)
                if value is not MISSING:
                    found.append(_row(key, value, entry))
        return found

    entries, aentries = coloured(_entries)

    def _items(self) -> Operation[list[tuple[Any, Any]]]:
        return [(entry.key, entry.value) for entry in (yield from self._entries())]

    items, aitems = coloured(_items)

    def _values(self) -> Operation[list[Any]]:
        return [entry.value for entry in (yield from self._entries())]

    values, avalues = coloured(_values)
