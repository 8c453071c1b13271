"""What can be done with caches: the methods that :class:`Service` and :class:`RemoteService` have in common.

A cache is named by its name alone, or by ``"namespace:name"``. A name alone means the only cache of that name, or, if
several namespaces have one, that of the namespace ``"default"``. Keys are text, see :mod:`omnicache._manage.keytext`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from .._sentinels import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from .models import BulkResult, CacheView, EntryView, Page, StatisticsView, Why

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "Management"]

DEFAULT_LIMIT: Final = 100
"""Entries on a page, unless told."""
MAX_LIMIT: Final = 1000
"""The most entries on a page."""


class Management(ABC):
    """Does what operators ask. Safe for many threads; to be closed in the end, for which ``with`` will do.

    Every method raises ``CacheNotFoundError`` where there is no such cache, ``InvalidInput`` where an argument cannot
    be used, and ``CacheBackendError`` or ``CacheTimeoutError`` where what it needs cannot be reached.
    """

    @abstractmethod
    def caches(self, namespace: str | None = None) -> list[CacheView]:
        """Every cache, of one namespace or of all, in the order of namespace and name."""

    @abstractmethod
    def cache(self, name: str) -> CacheView:
        """One cache."""

    @abstractmethod
    def create(self, config: Mapping[str, Any]) -> CacheView:
        """Makes a cache of ``name`` and the other keys that :meth:`omnicache.Cache.from_config` knows.

        ``backend`` is a kind or an address, ``backend_config`` a table of the backend's settings.

        Raises:
            CacheExistsError: There is one of this name in this namespace.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Removes a cache with its entries, and its definition. A living one is closed."""

    @abstractmethod
    def entry(self, name: str, key: str, *, count: bool = True) -> EntryView:
        """An entry; a read like any other, unless `count` is False.

        Raises:
            MissingKeyError: There is none.
        """

    @abstractmethod
    def put(
        self,
        name: str,
        key: str,
        value: Any,
        ttl: Any = DEFAULT,
        tags: Iterable[str] = (),
        priority: float | None = None,
    ) -> EntryView:
        """Writes an entry. `ttl` is a duration, None for ever, ``DEFAULT`` for what the cache was built with."""

    @abstractmethod
    def remove(self, name: str, key: str) -> None:
        """Removes an entry.

        Raises:
            MissingKeyError: There is none.
        """

    @abstractmethod
    def entries(
        self,
        name: str,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page:
        """Up to `limit` entries, at most 1000, whose key matches `pattern` and that carry any of `tags`.

        A page may have fewer than `limit` though more follow. What is written while one goes from page to page may be
        seen or not; what stays is seen once.
        """

    @abstractmethod
    def bulk_put(self, name: str, entries: Iterable[Mapping[str, Any]], default_ttl: Any = DEFAULT) -> BulkResult:
        """Writes many: tables of the arguments of :meth:`put`. One that fails does not keep the others out."""

    @abstractmethod
    def bulk_delete(
        self,
        name: str,
        keys: Iterable[str] | None = None,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> BulkResult:
        """Removes these `keys`, and what matches `pattern` and carries any of `tags`."""

    @abstractmethod
    def clear(self, name: str, pattern: str | None = None, tags: Iterable[str] | None = None) -> int:
        """Removes everything, or what matches `pattern` and carries any of `tags`; how many entries went."""

    @abstractmethod
    def statistics(self, name: str) -> StatisticsView:
        """What a cache did, and what it holds."""

    @abstractmethod
    def why(self, name: str, key: str) -> Why:
        """How the entry of a key stands, and what a read would do now. It counts as no read."""

    @abstractmethod
    def metrics(self) -> str:
        """The statistics of all caches, as Prometheus reads them."""

    @abstractmethod
    def close(self) -> None:
        """Gives back what was opened. May be repeated."""

    def walk(
        self,
        name: str,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[EntryView]:
        """The entries of all pages, up to `limit`."""
        cursor, left = None, limit
        tags = None if tags is None else tuple(tags)
        while left is None or left > 0:
            page = self.entries(name, pattern, tags, MAX_LIMIT if left is None else min(left, MAX_LIMIT), cursor)
            yield from page.entries
            left = None if left is None else left - len(page.entries)
            cursor = page.next_cursor
            if cursor is None:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
