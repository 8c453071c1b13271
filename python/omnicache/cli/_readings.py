"""What a monitor knows: readings of every cache, the rates between them, and their course over time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..exceptions import CacheError, CacheNotFoundError

if TYPE_CHECKING:
    from .._manage.management import Management
    from .._manage.models import CacheView, StatisticsView

__all__ = ["Course", "Watcher"]

KEPT: Final = 240
"""Readings of the past."""
_COUNTED: Final = {"hits": "hit_count", "misses": "miss_count", "writes": "set_count", "evictions": "eviction_count"}


@dataclass(slots=True)
class Course:
    """One cache: how it is now, and how it was.

    Args:
        view: The cache.
        stats: Its statistics; None where they cannot be read.
        rates: Per second since the reading before: ``hits``, ``misses``, ``writes``, ``evictions``.
        ratio: Hits per read since the reading before; None without reads.
        ratios: What that was, oldest first; None where nobody read.
        reads: Reads per second, likewise.
    """

    view: CacheView
    stats: StatisticsView | None = None
    rates: dict[str, float] = field(default_factory=dict)
    ratio: float | None = None
    ratios: deque[float | None] = field(default_factory=lambda: deque(maxlen=KEPT))
    reads: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def hit_rate(self) -> float | None:
        """Hits per read of late, or, if nobody read of late, of all time; None if nobody ever did."""
        if self.ratio is not None:
            return self.ratio
        if self.stats is None or not self.stats.hit_count + self.stats.miss_count:
            return None
        return self.stats.hit_rate

    def below(self, threshold: float | None) -> bool:
        """Whether there is something to be alarmed about."""
        return threshold is not None and self.hit_rate is not None and self.hit_rate < threshold

    def as_dict(self, threshold: float | None) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "name": self.view.name,
            "namespace": self.view.namespace,
            "status": self.view.status,
            "backend": self.view.backend,
            "hit_rate": self.hit_rate,
            "per_second": {name: round(rate, 3) for name, rate in self.rates.items()},
            "statistics": None if self.stats is None else self.stats.as_dict(),
            "alert": self.below(threshold),
        }

    def _take(self, stats: StatisticsView | None, seconds: float) -> None:
        before, self.stats = self.stats, stats
        if stats is None or before is None or seconds <= 0:
            self.rates, self.ratio = {}, None
            return
        grown = {name: getattr(stats, key) - getattr(before, key) for name, key in _COUNTED.items()}
        # Counts that were reset begin at nothing.
        grown = {name: max(count, 0) for name, count in grown.items()}
        self.rates = {name: count / seconds for name, count in grown.items()}
        reads = grown["hits"] + grown["misses"]
        self.ratio = grown["hits"] / reads if reads else None
        self.ratios.append(self.ratio)
        self.reads.append(reads / seconds)


class Watcher:
    """Reads caches again and again.

    Args:
        service: Where they are.
        cache: The one to read; None for all.
    """

    def __init__(self, service: Management, cache: str | None) -> None:
        self._service, self._cache = service, cache
        self._courses: dict[str, Course] = {}
        self._at: float | None = None

    def read(self) -> list[Course]:
        """Every cache as it is now.

        Raises:
            CacheNotFoundError: The only one is not there.
            CacheBackendError: The process that was named cannot be reached.
        """
        views = self._service.caches() if self._cache is None else [self._service.cache(self._cache)]
        now = time.monotonic()
        seconds = 0.0 if self._at is None else now - self._at
        self._at = now
        known = {}
        for view in views:
            course = self._courses.get(view.ref) or Course(view)
            course.view = view
            course._take(self._statistics(view), seconds)
            known[view.ref] = course
        self._courses = known
        return list(known.values())

    def _statistics(self, view: CacheView) -> StatisticsView | None:
        if view.entry_count is None:
            return None
        try:
            return self._service.statistics(view.ref)
        except CacheNotFoundError:
            return None  # it was deleted in this moment
        except CacheError:
            return None

    def hottest(self, count: int) -> list[tuple[str, int]]:
        """The keys of the only cache that were read most, among those that a page holds."""
        if self._cache is None:
            return []
        from .._manage.management import MAX_LIMIT

        try:
            page = self._service.entries(self._cache, limit=MAX_LIMIT)
        except CacheError:
            return []
        found = sorted(page.entries, key=lambda entry: entry.access_count, reverse=True)
        return [(entry.key, entry.access_count) for entry in found[:count] if entry.access_count]
