"""The statistics of caches as observable instruments, of which the statistics are read once per collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, Observation

from .._metrics import METRICS, STATUSES, Metric, Reading, readings

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter, MeterProvider

    from ..cache import Cache

__all__ = ["observe"]

_STATUS: Final = "backend.status"
_UNITS: Final = {"seconds": "s", "bytes": "By", "ratio": "1"}
_ADDITIVE: Final = {"bytes", "entry"}
"""Gauges in these may be summed over caches and processes."""


class _Shared:
    """What all instruments of one provider read: who asks again has a new collection begin."""

    def __init__(self) -> None:
        self.caches: Callable[[], Iterable[Cache]] | None = None
        self.on = False
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._read: list[Reading] = []

    def readings(self, name: str) -> list[Reading]:
        """The readings of this collection, for the instrument of this name."""
        if not self.on:
            return []
        with self._lock:
            if not self._asked or name in self._asked:
                self._asked.clear()
                self._read = readings(None if self.caches is None else self.caches())
            self._asked.add(name)
            return self._read


_SHARED: Final[WeakKeyDictionary[MeterProvider, _Shared]] = WeakKeyDictionary()
"""Instruments cannot be taken from a provider again, so each has its own made once."""


def observe(provider: MeterProvider, name: str, caches: Callable[[], Iterable[Cache]] | None) -> Callable[[], None]:
    """Has the provider read all statistics; returns what ends that."""
    shared = _SHARED.get(provider)
    if shared is None:
        shared = _SHARED[provider] = _Shared()
        meter = provider.get_meter(name)
        for metric in METRICS:
            _make(meter, metric, shared)
        meter.create_observable_up_down_counter(
            f"omnicache.{_STATUS}",
            callbacks=[_statuses(shared)],
            unit="1",
            description="Whether the backend is in this status.",
        )
    shared.caches, shared.on = caches, True

    def stop() -> None:
        shared.on = False

    return stop


def _make(meter: Meter, metric: Metric, shared: _Shared) -> None:
    if metric.kind == "counter":
        create: Any = meter.create_observable_counter
    elif metric.unit in _ADDITIVE:
        create = meter.create_observable_up_down_counter
    else:
        create = meter.create_observable_gauge
    name = f"omnicache.{metric.name}{'_ratio' if metric.unit == 'ratio' else ''}"
    unit = _UNITS.get(metric.unit, f"{{{metric.unit}}}")
    create(name, callbacks=[_values(metric, shared)], unit=unit, description=metric.help)


def _values(metric: Metric, shared: _Shared) -> Callable[[CallbackOptions], Iterator[Observation]]:
    def observe_(_options: CallbackOptions) -> Iterator[Observation]:
        for reading in shared.readings(metric.name):
            value = metric.value(reading)
            if value is not None:
                yield Observation(value, _labels(reading))

    return observe_


def _statuses(shared: _Shared) -> Callable[[CallbackOptions], Iterator[Observation]]:
    def observe_(_options: CallbackOptions) -> Iterator[Observation]:
        for reading in shared.readings(_STATUS):
            found = reading.statistics.get("backend_status")
            for status in STATUSES if found is not None else ():
                yield Observation(int(status == found), _labels(reading) | {"omnicache.backend.status": status})

    return observe_


def _labels(reading: Reading) -> dict[str, str]:
    return {"omnicache.namespace": reading.namespace, "omnicache.cache": reading.cache}
