"""Removing from a far cache: one key, many, all; and making entries stale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from .._omnicache import decode_key, encode_key, match_keys
from .._sentinels import DEFAULT, MISSING
from ..exceptions import MissingKeyError
from .arguments import encoded, keys_of, pattern_of, tags_of
from .drive import Operation, coloured
from .listing import PAGE
from .writing import Writing

if TYPE_CHECKING:
    from .._omnicache import FarEntry

__all__ = ["Removing"]


class Removing(Writing):
    """The part of a far cache that removes."""

    __slots__ = ()

    def _delete(self, key: Any) -> Operation[bool]:
        self._open("delete")
        return (yield from self._taken(key)) is not None

    delete, adelete = coloured(_delete)

    def _taken(self, key: Any) -> Operation[FarEntry | None]:
        """Removes an entry; returns it if it was fresh."""
        data = encoded(key)
        self._flights.invalidate(key)
        yield from self._settled()
        self._near.drop(key)
        entry: FarEntry | None = yield ("take", data, self._wall())
        # 1. It is dropped here. 2. Another thread reads it there, and keeps it here. 3. It is taken there.
        self._near.drop(key)
        if entry is None or entry.stale:
            return None
        self._count_far(deletes=1)
        if self._events.has("delete"):
            self._tell_removed(key, entry)
        return entry

    def _pop(self, key: Any, default: Any = DEFAULT) -> Operation[Any]:
        self._open("pop")
        entry = yield from self._taken(key)
        value = MISSING if entry is None else self._value_of(key, entry)
        if value is not MISSING:
            return value
        if default is DEFAULT:
            raise MissingKeyError(key, self._name)
        return default

    pop, apop = coloured(_pop)

    def _popitem(self) -> Operation[tuple[Any, Any]]:
        self._open("popitem")
        while True:
            rows = yield from self._rows_of(None, None, 1)
            if not rows:
                raise KeyError(f"popitem: the cache {self.name!r} is empty")
            key = decode_key(cast("bytes", rows[0].key))
            value = yield from self._pop(key, MISSING)
            if value is not MISSING:
                return key, value

    popitem, apopitem = coloured(_popitem)

    def __delitem__(self, key: Any) -> None:
        if not self.delete(key):
            raise MissingKeyError(key, self._name)

    # --- many ---

    def _chosen_of(
        self, keys: Iterable[Any] | None, pattern: str | None, tags: Iterable[str] | None, method: str
    ) -> Operation[list[bytes]]:
        """The entries that are meant, stale ones among them: by their keys, or by pattern and tags together."""
        chosen = [] if keys is None else [encoded(key) for key in keys_of(keys, method)]
        if pattern is not None and self._port.leases:
            # What is being loaded has no entry yet. First, so that what is stored meanwhile is found among the entries.
            chosen += match_keys(pattern, (yield ("leased", self._wall())))
        if pattern is not None or tags is not None:
            rows = yield from self._rows_of(pattern, tags, stale=True)
            chosen += [cast("bytes", row.key) for row in rows]
        return list(dict.fromkeys(chosen))

    def _forbid(self, pattern: str | None) -> None:
        """Keeps loads that run for a key which `pattern` matches out of the store."""
        if pattern is not None:
            for flight in self._flights.running():
                if match_keys(pattern, [encode_key(flight.key)]):
                    flight.invalidate()

    def _owe_matching(self, elsewhere: int, pattern: str | None, tags: list[str] | None, *, hard: bool) -> None:
        """What matches in a store that could not be asked, since requests went `elsewhere`, goes when it is back."""
        if pattern is not None and self._port.elsewhere != elsewhere:
            self._port.owe("matching", pattern, None if tags is None else set(tags), hard, self._wall())

    def _drop_all(self, chosen: list[bytes]) -> None:
        for data in chosen:
            key = decode_key(data)
            self._flights.invalidate(key)
            self._near.drop(key)

    def _removed(
        self,
        keys: Iterable[Any] | None,
        pattern: str | None,
        tags: Iterable[str] | None,
        method: str,
    ) -> Operation[int]:
        pattern, tags = pattern_of(pattern), None if tags is None else tags_of(tags)
        self._end_leases(tags)
        yield from self._settled()
        self._forbid(pattern)
        elsewhere = self._port.elsewhere
        chosen = yield from self._chosen_of(keys, pattern, tags, method)
        self._drop_all(chosen)
        seen = yield from self._last_seen(chosen)
        count: int = yield ("delete_many", chosen, self._wall())
        self._owe_matching(elsewhere, pattern, tags, hard=True)
        if tags is not None and pattern is None and keys is None:
            # Nothing carries them any more but what is being loaded elsewhere.
            yield ("invalidate_tags", tags, True, self._wall())
            self._near.drop_tags(tags)
        for data in chosen:
            self._near.drop(decode_key(data))
        self._tell_deleted(seen, count)
        return count

    def _last_seen(self, chosen: list[bytes]) -> Operation[list[tuple[Any, FarEntry]]]:
        """What is about to be removed, if anyone is to be told of it."""
        if not self._events.has("delete"):
            return []
        seen = []
        for at in range(0, len(chosen), PAGE):
            page = chosen[at : at + PAGE]
            for data, entry in zip(page, (yield ("get_many", page, self._wall())), strict=True):
                if entry is not None:
                    seen.append((decode_key(data), entry))
        return seen

    def _tell_deleted(self, seen: list[tuple[Any, FarEntry]], count: int) -> None:
        """So many were removed on request, these among them."""
        self._count_far(deletes=count)
        for key, entry in seen:
            self._tell_removed(key, entry)

    def _many_deleted(
        self,
        keys: Iterable[Any] | None = None,
        *,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> Operation[int]:
        self._open("delete_many")
        return (yield from self._removed(keys, pattern, tags, "delete_many"))

    delete_many, adelete_many = coloured(_many_deleted, "delete_many")

    def _cleared(self, *, pattern: str | None = None, tags: Iterable[str] | None = None) -> Operation[int]:
        self._open("clear")
        if pattern is not None or tags is not None:
            return (yield from self._removed(None, pattern, tags, "clear"))
        self._flights.invalidate_all()
        yield from self._settled()
        self._near.clear()
        seen = []
        if self._events.has("delete"):
            rows = yield from self._rows_of(None, None, stale=True)
            seen = yield from self._last_seen([cast("bytes", row.key) for row in rows])
        count: int = yield ("clear", self._wall())
        self._near.clear()
        self._tell_deleted(seen, count)
        return count

    clear, aclear = coloured(_cleared, "clear")

    def _ended(
        self,
        keys: Iterable[Any] | None = None,
        *,
        tags: Iterable[str] | None = None,
        pattern: str | None = None,
        hard: bool = False,
    ) -> Operation[None]:
        self._open("invalidate")
        pattern, ended = pattern_of(pattern), None if tags is None else tags_of(tags)
        listed = None if keys is None else keys_of(keys, "invalidate")
        self._end_leases(ended)
        yield from self._settled()
        self._forbid(pattern)
        elsewhere = self._port.elsewhere
        chosen = yield from self._chosen_of(listed, pattern, None, "invalidate")
        if ended:
            yield ("invalidate_tags", ended, hard, self._wall())
            self._near.drop_tags(ended)
        self._drop_all(chosen)
        if chosen:
            yield ("invalidate", chosen, hard, self._wall())
        self._owe_matching(elsewhere, pattern, None, hard=hard)
        for data in chosen:
            self._near.drop(decode_key(data))

    invalidate, ainvalidate = coloured(_ended, "invalidate")
