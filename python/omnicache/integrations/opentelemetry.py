"""Spans and metrics of the caches of the process for OpenTelemetry, from :func:`instrument` on.

Every statistic is an observable instrument, read when metrics are collected. Each run of a loader is a span, and so is
each request to a store outside the process, by the semantic conventions for database clients. A hit in the memory of
the process is neither: it stays as quick as it is.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from .._watch import WATCH
from ..exceptions import CacheConfigError

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise ImportError(
        "omnicache.integrations.opentelemetry needs opentelemetry-api: install omnicache's extra 'otel'"
    ) from error

from ._meters import observe
from ._spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..cache import Cache

__all__ = ["Instrumentation", "instrument"]

_NAME = "omnicache"
_LOCK = threading.Lock()
_now: Instrumentation | None = None


class Instrumentation:
    """What :func:`instrument` turned on, until :meth:`uninstrument`; usable in a ``with`` statement."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def uninstrument(self) -> None:
        """No span begins from now on, and no metric is read. May be repeated."""
        global _now  # noqa: PLW0603 - there is one for the process
        with _LOCK:
            if _now is not self:
                return
            WATCH.load = WATCH.far = None
            self._stop()
            _now = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """As :meth:`uninstrument`."""
        self.uninstrument()


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    keys: bool = False,
    caches: Callable[[], Iterable[Cache]] | None = None,
) -> Instrumentation:
    """Has OpenTelemetry hear of every cache of the process.

    Args:
        tracer_provider: Where spans go; None for the global one.
        meter_provider: Where metrics go, likewise.
        keys: Whether spans name keys, which may be somebody's own data.
        caches: A function that returns the caches whose statistics are read; None for all of the process. Spans are of
            all caches in any case.

    Raises:
        CacheConfigError: It has been called already, and what it returned was not ended.

    >>> from omnicache import Cache
    >>> from omnicache.integrations.opentelemetry import instrument
    >>> with instrument(), Cache("traced") as cache:
    ...     cache.get_or_set("a", lambda: 1)
    1
    """
    global _now  # noqa: PLW0603 - as above
    with _LOCK:
        if _now is not None:
            raise CacheConfigError(
                "opentelemetry.instrument(): the caches are instrumented already; call uninstrument() of what the "
                "first call returned"
            )
        tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
        meter_provider = meter_provider or metrics.get_meter_provider()
        spans = Spans(tracer, meter_provider.get_meter(_NAME), keys=keys)
        _now = Instrumentation(observe(meter_provider, _NAME, caches))
        WATCH.load, WATCH.far = spans.load, spans.far
        return _now
