"""One entry as listings, events and strategies see it: a snapshot of key, value and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["CacheEntry"]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A snapshot of an entry.

    Args:
        key: The key. One that is no plain builtin is shown as what its canonical bytes say of it.
        value: The value.
        created: When it was first written, in seconds since 1970-01-01 UTC, to a fifteenth of a second.
        updated: When it was last written, likewise.
        accessed: When it was last read, likewise.
        hits: How many reads found it.
        ttl: Seconds it was given to live, None for ever.
        expires: When it ends, in seconds since 1970-01-01 UTC, None for never.
        size: Its weight in bytes: key, value and what they hold.
        tags: Its tags.
        priority: From 0 to 1; 1 is evicted only when nothing else is left.
        version: Another number after every write.

    >>> from omnicache import Cache
    >>> with Cache("snapshots") as cache:
    ...     cache.set("a", [1, 2], ttl=60, tags=["numbers"])
    ...     entry = cache.entry("a")
    >>> entry.value, entry.ttl, entry.tags, entry.hits
    ([1, 2], 60.0, ('numbers',), 0)
    """

    key: Any
    value: Any
    created: float
    updated: float
    accessed: float
    hits: int
    ttl: float | None
    expires: float | None
    size: int
    tags: tuple[str, ...]
    priority: float
    version: int

    @property
    def created_at(self) -> datetime:
        """When it was first written."""
        return datetime.fromtimestamp(self.created, UTC)

    @property
    def updated_at(self) -> datetime:
        """When it was last written."""
        return datetime.fromtimestamp(self.updated, UTC)

    @property
    def last_accessed(self) -> datetime:
        """When it was last read or written."""
        return datetime.fromtimestamp(self.accessed, UTC)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, None for never."""
        return None if self.expires is None else datetime.fromtimestamp(self.expires, UTC)
