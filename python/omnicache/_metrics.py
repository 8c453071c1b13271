"""What is measured of a cache, as a table: one row for each statistic, its kind, its unit, and what it tells.

Prometheus text, collectors and OpenTelemetry instruments are all made of this table, so that they never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from .exceptions import CacheError
from .registry import list_caches

if TYPE_CHECKING:
    from .cache import Cache

__all__ = ["METRICS", "STATUSES", "Family", "Metric", "Reading", "families", "read", "readings"]

STATUSES: Final = ("connected", "degraded", "disconnected")
"""In which status a backend may be."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one cache at one moment.

    Args:
        cache: Its name.
        namespace: Its namespace.
        strategy: The name of its strategy, ``""`` where it is not known.
        backend: The name of its backend, likewise.
        statistics: The fields of :class:`Statistics` by name; empty if they could not be read.
        max_size: The largest number of entries, None for no limit.
        max_bytes: The largest sum of sizes, None for no limit.
    """

    cache: str
    namespace: str
    strategy: str = ""
    backend: str = ""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    max_size: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table.

    Args:
        name: Its name, without the prefix of the library and without a unit.
        kind: ``"counter"``, which only grows until the statistics are reset, or ``"gauge"``.
        unit: ``"seconds"``, ``"bytes"``, ``"ratio"``, or what is counted, in the singular.
        help: What it tells, in a sentence.
        value: What a reading says of it; None for nothing.
    """

    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    help: str
    value: Callable[[Reading], float | None]

    @property
    def prometheus(self) -> str:
        """Its name for Prometheus: with the unit where that is one of measure, and with ``_total`` if it counts."""
        unit = f"_{self.unit}" if self.unit in {"seconds", "bytes", "ratio"} else ""
        return f"omnicache_{self.name}{unit}{'_total' if self.kind == 'counter' else ''}"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples: the labels of each and its value."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: list[tuple[dict[str, str], float]]


def _statistic(name: str, scale: float | None = None) -> Callable[[Reading], float | None]:
    def value(reading: Reading) -> float | None:
        found = reading.statistics.get(name)
        return found if found is None or scale is None else found * scale

    return value


def _last_reset(reading: Reading) -> float | None:
    found = reading.statistics.get("last_reset")
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    return found.timestamp() if isinstance(found, datetime) else None


def _counter(name: str, unit: str, text: str, of: str) -> Metric:
    return Metric(name, "counter", unit, text, _statistic(of))


METRICS: Final[tuple[Metric, ...]] = (
    _counter("hits", "hit", "Reads that found a fresh entry.", "hit_count"),
    _counter("misses", "miss", "Reads that found none.", "miss_count"),
    Metric("hit", "gauge", "ratio", "Hits per read since the last reset.", _statistic("hit_rate")),
    _counter("sets", "set", "Values written.", "set_count"),
    _counter("deletes", "delete", "Entries removed on request.", "delete_count"),
    _counter("evictions", "eviction", "Entries removed because a limit was passed.", "eviction_count"),
    _counter(
        "expirations", "expiration", "Entries removed at their end or with an invalidated tag.", "expiration_count"
    ),
    _counter("errors", "error", "Errors that were logged and otherwise ignored.", "error_count"),
    _counter("loads", "load", "Runs of loaders.", "load_count"),
    _counter("load_errors", "error", "Runs of loaders that raised.", "load_error_count"),
    _counter("stale_served", "read", "Reads that were given a stale value.", "stale_served_count"),
    _counter("coalesced", "caller", "Callers served by a run of a loader that another had started.", "coalesced_count"),
    Metric("entries", "gauge", "entry", "Entries there are now.", _statistic("entry_count")),
    Metric("entries_limit", "gauge", "entry", "The largest number of entries.", lambda reading: reading.max_size),
    Metric("size", "gauge", "bytes", "What keys and values weigh now.", _statistic("total_size_bytes")),
    Metric(
        "disk_size",
        "gauge",
        "bytes",
        "What that takes on the disk, with the room that is kept free; 0 where there is none.",
        _statistic("disk_size_bytes"),
    ),
    Metric("size_limit", "gauge", "bytes", "The largest sum of sizes.", lambda reading: reading.max_bytes),
    Metric(
        "access_time",
        "gauge",
        "seconds",
        "What a lookup takes on average, sampled.",
        _statistic("avg_access_time_ms", 1e-3),
    ),
    Metric("last_reset_timestamp", "gauge", "seconds", "Since when all this is counted, Unix time.", _last_reset),
)


def read(cache: Cache) -> Reading:
    """The reading of a cache; it has no statistics if its backend will not tell them."""
    try:
        statistics = cache.stats().as_dict()
    except CacheError:
        statistics = {}
    return Reading(
        cache.name,
        cache.namespace,
        strategy=cache.strategy.name,
        backend=cache.backend.name,
        statistics=statistics,
        max_size=cache.max_size,
        max_bytes=cache.max_bytes,
    )


def readings(caches: Iterable[Cache] | None = None) -> list[Reading]:
    """The readings of these caches, or of all that live in the process."""
    return [read(cache) for cache in (list_caches() if caches is None else caches)]


def families(read_: Iterable[Reading]) -> Iterator[Family]:
    """All metrics of these readings; those without a sample are left out."""
    rows = [({"cache": reading.cache, "namespace": reading.namespace}, reading) for reading in read_]
    yield Family(
        "omnicache_info",
        "gauge",
        "What a cache is; always 1.",
        [(labels | {"strategy": row.strategy, "backend": row.backend}, 1) for labels, row in rows],
    )
    yield Family(
        "omnicache_up",
        "gauge",
        "Whether the statistics of a cache could be read.",
        [(labels, int(bool(row.statistics))) for labels, row in rows],
    )
    yield Family(
        "omnicache_backend_status",
        "gauge",
        "Whether the backend is in this status.",
        [
            (labels | {"status": status}, int(row.statistics.get("backend_status") == status))
            for labels, row in rows
            if row.statistics
            for status in STATUSES
        ],
    )
    for metric in METRICS:
        samples = [(labels, value) for labels, row in rows if (value := metric.value(row)) is not None]
        if samples:
            yield Family(metric.prometheus, metric.kind, metric.help, samples)
