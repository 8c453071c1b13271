"""A span and a duration for each run of a loader and for each request to a store outside the process."""

from __future__ import annotations

import reprlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind, Status, StatusCode

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.trace import Tracer

    from .._loading import Request
    from .._watch import Label

__all__ = ["Spans"]

_BUCKETS: Final = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]
"""Those that the conventions for database clients advise, in seconds."""
_SYSTEMS: Final = {"filesystem": "lmdb"}
"""What stores are called by the conventions, where it is not what they are called here."""


class Spans:
    """Makes them."""

    def __init__(self, tracer: Tracer, meter: Meter, *, keys: bool) -> None:
        self._tracer: Final = tracer
        self._keys: Final = keys
        self._loads: Final = _duration(meter, "omnicache.load.duration", "How long loaders ran.")
        self._requests: Final = _duration(
            meter, "db.client.operation.duration", "Duration of database client operations."
        )

    def load(self, request: Request, run: Callable[[], Any]) -> Callable[[], Any | Awaitable[Any]]:
        """`run`, within a span of its own."""
        labels = {"omnicache.namespace": request.namespace, "omnicache.cache": request.name}
        seen = labels | {"omnicache.background": request.background}
        if self._keys:
            key = request.key
            seen["omnicache.key"] = key if isinstance(key, str) else reprlib.repr(key)
        name = f"load {request.name}"

        def plain() -> Any:
            with self._span(name, SpanKind.INTERNAL, seen, self._loads, labels):
                return run()

        async def awaited() -> Any:
            with self._span(name, SpanKind.INTERNAL, seen, self._loads, labels):
                made = run()
                return await made if isawaitable(made) else made

        return awaited if request.awaits else plain

    @contextmanager
    def far(self, label: Label, operation: str) -> Iterator[None]:
        """A span around one request to a store."""
        labels = {
            "db.system.name": _SYSTEMS.get(label.kind, label.kind),
            "db.operation.name": operation,
            "db.collection.name": label.cache,
            "omnicache.namespace": label.namespace,
        }
        with self._span(f"{operation} {label.cache}", SpanKind.CLIENT, labels, self._requests, labels):
            yield

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, Any], durations: Histogram, labels: dict[str, Any]
    ) -> Iterator[None]:
        began = perf_counter()
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                labels = labels | {"error.type": type(error).__qualname__}
                span.set_attribute("error.type", type(error).__qualname__)
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, str(error)))
                raise
            finally:
                durations.record(perf_counter() - began, labels)


def _duration(meter: Meter, name: str, text: str) -> Histogram:
    return meter.create_histogram(name, unit="s", description=text, explicit_bucket_boundaries_advisory=_BUCKETS)
