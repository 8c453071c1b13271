"""What a cache did since the last reset: exact counts, sampled times."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = ["Statistics"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot of a cache's statistics.

    Args:
        hit_count: Reads that found a fresh entry.
        miss_count: Reads that found none.
        set_count: Values written.
        delete_count: Entries removed on request.
        eviction_count: Entries removed because a limit was passed.
        expiration_count: Entries removed because their time was over or a tag was invalidated.
        error_count: Errors of event callbacks, which are logged and otherwise ignored.
        entry_count: Entries there are now.
        total_size_bytes: What keys and values weigh now, shared objects counted with each entry.
        disk_size_bytes: What that takes on the disk, with the room that is kept free; 0 where there is none.
        load_count: Loader runs.
        load_error_count: Loader runs that raised.
        stale_served_count: Reads that were given a stale value.
        coalesced_count: Callers who were served by a loader run that another caller had started.
        avg_access_time_ms: Milliseconds that a lookup takes on average, from one read in a thousand.
        backend_status: ``"connected"``, ``"degraded"`` or ``"disconnected"``.
        last_reset: Since when all this is counted.

    >>> from omnicache import Cache
    >>> with Cache("counted") as cache:
    ...     cache["a"] = 1
    ...     _ = cache.get("a"), cache.get("b")
    ...     stats = cache.stats()
    >>> stats.hit_count, stats.miss_count, stats.hit_rate
    (1, 1, 0.5)
    """

    hit_count: int
    miss_count: int
    set_count: int
    delete_count: int
    eviction_count: int
    expiration_count: int
    error_count: int
    entry_count: int
    total_size_bytes: int
    disk_size_bytes: int
    load_count: int
    load_error_count: int
    stale_served_count: int
    coalesced_count: int
    avg_access_time_ms: float
    backend_status: Literal["connected", "degraded", "disconnected"]
    last_reset: datetime

    @property
    def hit_rate(self) -> float:
        """Hits per read, from 0 to 1; 0 before the first read."""
        reads = self.hit_count + self.miss_count
        return self.hit_count / reads if reads else 0.0

    def as_dict(self) -> dict[str, Any]:
        """All of it as a dict, with ``hit_rate``."""
        return asdict(self) | {"hit_rate": self.hit_rate}
