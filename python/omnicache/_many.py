"""Operations on many entries of a cache: by their keys, a pattern over these, or tags."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ._life import Life
from ._sentinels import DEFAULT
from ._units import MAX_ENTRIES
from .exceptions import CacheConfigError

if TYPE_CHECKING:
    from .entry import CacheEntry

__all__ = ["Many", "batches", "pairs", "whole"]

R = TypeVar("R")


class Many(Life):
    """The part of :class:`Cache` that reads, writes and removes many entries."""

    __slots__ = ()

    def set_many(self, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]], ttl: Any = DEFAULT, **options: Any) -> int:
        """Writes every (key, value); returns how many. Options are those of :meth:`set`.

        Raises:
            TypeError, ValueError: An item is no pair; those before it are written.
            InvalidKeyError, CacheConfigError, CacheClosedError: As for :meth:`set`.

        >>> from omnicache import Cache
        >>> with Cache("set-many") as cache:
        ...     cache.set_many({"a": 1, "b": 2}, ttl="5m"), cache.set_many([("c", 3)])
        (2, 1)
        """
        count = 0
        for key, value in pairs(items, "set_many"):
            self.set(key, value, ttl, **options)
            count += 1
        return count

    def update(self, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **named: Any) -> None:
        """Writes every (key, value), as a dict does.

        Raises:
            TypeError, ValueError: An item is no pair; those before it are written.
            InvalidKeyError, CacheClosedError: As for :meth:`set`.

        >>> from omnicache import Cache
        >>> with Cache("updated") as cache:
        ...     cache.update({"a": 1}, b=2)
        ...     cache.items()
        [('a', 1), ('b', 2)]
        """
        self.set_many(items)
        self.set_many(named)

    def items(self) -> list[tuple[Any, Any]]:
        """(key, value) of all fresh entries, as a list. They are not counted as reads.

        Raises:
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("itemised") as cache:
        ...     cache["a"] = 1
        ...     cache.items()
        [('a', 1)]
        """
        pairs = super().items()
        return pairs if self._copy is None else [(key, self._copy(value)) for key, value in pairs]

    def values(self) -> list[Any]:
        """The values of all fresh entries, as a list. They are not counted as reads.

        Raises:
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("valued") as cache:
        ...     cache["a"] = 1
        ...     cache.values()
        [1]
        """
        return [value for _, value in self.items()]

    def entries(
        self, *, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None
    ) -> list[CacheEntry]:
        """Snapshots of up to `limit` fresh entries whose key matches `pattern` and that carry any of `tags`.

        Args:
            pattern: A glob over the key's text: ``*``, ``?``, ``[abc]``, ``[!a-z]``, and a backslash before a character
                that is meant.
            tags: Any of these.
            limit: At most so many; None for all.

        Raises:
            TypeError: The pattern is no str, or `tags` no iterable of str.
            CacheConfigError: The limit is no whole number, or a tag is empty.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("listed") as cache:
        ...     _ = cache.set_many({"user:1": "Ada", "user:2": "Bob", "team:1": "A"})
        ...     sorted(entry.value for entry in cache.entries(pattern="user:*"))
        ['Ada', 'Bob']
        """
        if limit is not None:
            limit = min(whole(limit, "entries: limit", least=0), MAX_ENTRIES)
        return [self._snapshot(row) for row in self._rows(pattern, tags, limit)]

    def delete_many(
        self, keys: Iterable[Any] | None = None, *, pattern: str | None = None, tags: Iterable[str] | None = None
    ) -> int:
        """Removes the entries of these `keys`, and those that match `pattern` and carry any of `tags`.

        Returns:
            How many went.

        Raises:
            InvalidKeyError: A key, or a part of it, cannot be used; those before it are removed.
            TypeError: `keys` is no iterable, the pattern no str, or `tags` no iterable of str.
            CacheConfigError: A tag is empty.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("thinned") as cache:
        ...     cache.update({"user:1": 1, "user:2": 2, "team:1": 3})
        ...     cache.delete_many(["team:1"]), cache.delete_many(pattern="user:*")
        (1, 2)
        """
        self._open("delete_many")
        tags = self._end_leases(tags)
        return self._delete_many(keys, pattern, tags)

    def clear(self, *, pattern: str | None = None, tags: Iterable[str] | None = None) -> int:
        """Removes all entries, or those that match `pattern` and carry any of `tags`; how many went.

        No other cache is touched.

        Raises:
            TypeError: The pattern is no str, or `tags` no iterable of str.
            CacheConfigError: A tag is empty.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("cleared") as cache:
        ...     cache.update({"user:1": 1, "user:2": 2, "team:1": 3})
        ...     cache.clear(pattern="team:*"), cache.clear()
        (1, 2)
        """
        self._open("clear")
        if pattern is None and tags is None:
            return self._clear()
        tags = self._end_leases(tags)
        return self._delete_many(None, pattern, tags)

    def _end_leases(self, tags: Iterable[str] | None) -> Iterable[str] | None:
        """`tags`, no longer an iterator; loads that run with one of them will not be stored."""
        if isinstance(tags, Iterator):
            tags = tuple(tags)
        if isinstance(tags, Collection) and not isinstance(tags, str):
            self._leases.end(tags)
        return tags

    def invalidate(
        self,
        keys: Iterable[Any] | None = None,
        *,
        tags: Iterable[str] | None = None,
        pattern: str | None = None,
        hard: bool = False,
    ) -> None:
        """Makes entries a miss: those of `keys`, those that carry any of `tags`, those that match `pattern`.

        A tag is invalidated in one step, however many entries carry it. An entry that was to be kept past its ttl
        stays, to be served when a loader fails, as long as ``stale_on_error`` allows, unless `hard`. A load that is
        under way for one of the keys, or with one of the tags, is not stored.

        Raises:
            InvalidKeyError: A key, or a part of it, cannot be used.
            TypeError: `keys` is no iterable, the pattern no str, or `tags` no iterable of str.
            CacheConfigError: A tag is empty.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("tagged") as cache:
        ...     cache.set("a", 1, tags=["x"])
        ...     cache.set("b", 2, tags=["x", "y"])
        ...     cache.set("c", 3, tags=["y"])
        ...     cache.invalidate(tags=["x"])
        ...     list(cache)
        ['c']
        """
        self._open("invalidate")
        tags = self._end_leases(tags)
        self._invalidate(keys, pattern, tags, hard)

    def warm(
        self,
        source: Any,
        *,
        batch_size: int = 100,
        ttl: Any = DEFAULT,
        progress: Callable[[int], object] | None = None,
        **options: Any,
    ) -> int:
        """Fills the cache from a mapping, an iterable of (key, value), or a function that returns either.

        Args:
            source: What to write.
            batch_size: After how many entries `progress` is told, and other threads are let in.
            ttl: As for :meth:`set`, with its other options.
            progress: Called with the number of entries written so far, after each batch and at the end.

        Returns:
            How many entries were written.

        Raises:
            TypeError, ValueError: The source is none of these, or an item is no pair; those before it are written.
            InvalidKeyError, CacheConfigError, CacheClosedError: As for :meth:`set`.

        >>> from omnicache import Cache
        >>> with Cache("warmed") as cache:
        ...     cache.warm(((number, number**2) for number in range(1_000)), batch_size=400, progress=print)
        400
        800
        1000
        1000
        """
        batch_size = whole(batch_size, "warm: batch_size", least=1)
        made: Any = source() if callable(source) else source
        count = 0
        for key, value in pairs(made, "warm"):
            self.set(key, value, ttl, **options)
            count += 1
            if progress is not None and count % batch_size == 0:
                progress(count)
        if progress is not None and count % batch_size:
            progress(count)
        return count


def batches(items: Iterable[R], size: int) -> Iterator[list[R]]:
    """The items in lists of `size`, the last one of what is left, or of what came before the source raised."""
    rest = iter(items)
    while True:
        batch: list[R] = []
        error: Exception | None = None
        try:
            batch.extend(islice(rest, size))  # as far as it comes
        except Exception as raised:  # noqa: BLE001 - it is raised when its time has come
            error = raised
        if batch:
            yield batch
        if error is not None:
            raise error
        if len(batch) < size:
            return


def pairs(source: object, method: str) -> Iterator[tuple[Any, Any]]:
    """The (key, value) pairs of a mapping or an iterable.

    Raises:
        TypeError, ValueError: It is neither, or an item is no pair, as for ``dict.update``.
    """
    if isinstance(source, Mapping):
        source = source.items()
    if not isinstance(source, Iterable):
        raise TypeError(f"{method}: a mapping or an iterable of (key, value) pairs, not {type(source).__name__}")
    for at, pair in enumerate(source):
        try:
            key, value = pair
        except (TypeError, ValueError) as error:
            raise type(error)(f"{method}: item {at} is no (key, value) pair but {reprlib.repr(pair)}") from None
        yield key, value


def whole(value: object, what: str, *, least: int) -> int:
    """`value` if it is a whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise CacheConfigError(f"{what}: a whole number of at least {least}, not {value!r}")
    return value
