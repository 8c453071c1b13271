"""The caches of the process among the metrics of an application that uses ``prometheus_client`` already.

An application that does not needs only :func:`omnicache.prometheus.metrics_text`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .._metrics import families, readings

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError(
        "omnicache.integrations.prometheus needs prometheus_client: install omnicache's extra 'prometheus'"
    ) from error

if TYPE_CHECKING:
    from prometheus_client import Metric

    from ..cache import Cache

__all__ = ["CacheCollector"]


class CacheCollector(Collector):
    """A collector for a registry of ``prometheus_client``: every statistic, read when the registry is.

    Args:
        caches: A function that returns the caches; None for all that live in the process.

    >>> from omnicache import Cache
    >>> from omnicache.integrations.prometheus import CacheCollector
    >>> from prometheus_client import CollectorRegistry
    >>> registry = CollectorRegistry()
    >>> registry.register(CacheCollector())
    >>> with Cache("collected") as cache:
    ...     cache["a"] = 1
    ...     registry.get_sample_value("omnicache_entries", {"cache": "collected", "namespace": "default"})
    1.0
    """

    def __init__(self, caches: Callable[[], Iterable[Cache]] | None = None) -> None:
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        """The families of metrics as they stand."""
        for family in families(readings(None if self._caches is None else self._caches())):
            made = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = made(family.name, family.help, labels=list(family.samples[0][0]) if family.samples else [])
            for labels, value in family.samples:
                metric.add_metric(list(labels.values()), value)
            yield metric

    def describe(self) -> Iterator[Metric]:
        """The families without samples, so that registering asks no backend."""
        yield from ()
