"""OpenTelemetry hears of loads, of requests to far stores, and of every statistic, and of nothing once it is off."""

import asyncio
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from omnicache import CacheConfigError, FileSystemBackend, StoreBackend, TieredBackend
from omnicache._metrics import METRICS
from omnicache.integrations.opentelemetry import instrument

LOAD, FAR = "omnicache.load.duration", "db.client.operation.duration"


@pytest.fixture
def sdk():
    """Providers that keep what they are told, and an instrumentation that is on."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(exporter))

    def spans(name=None):
        return [span for span in exporter.get_finished_spans() if name in {None, span.name}]

    def points(name, cache=None):
        found = reader.get_metrics_data()
        metrics = [m for r in found.resource_metrics for s in r.scope_metrics for m in s.metrics] if found else []
        points = [point for metric in metrics if metric.name == name for point in metric.data.data_points]
        return [p for p in points if cache is None or p.attributes.get("omnicache.cache") == cache.name]

    sdk = SimpleNamespace(spans=spans, points=points, reader=reader, tracer=traces.get_tracer("test"), extra={})
    sdk.instrument = lambda **options: instrument(tracer_provider=traces, meter_provider=meters, **options)
    sdk.on = sdk.instrument()
    yield sdk
    sdk.on.uninstrument()
    traces.shutdown()
    meters.shutdown()


def test_a_load_is_a_span_within_its_callers(sdk, make):
    cache = make(namespace="tenant")
    with sdk.tracer.start_as_current_span("caller") as caller:
        assert cache.get_or_set("a", lambda: 1) == 1
    (span,) = sdk.spans(f"load {cache.name}")
    assert span.parent.span_id == caller.get_span_context().span_id
    assert span.kind is SpanKind.INTERNAL
    assert span.attributes == {
        "omnicache.cache": cache.name,
        "omnicache.namespace": "tenant",
        "omnicache.background": False,
    }
    assert span.status.status_code is StatusCode.UNSET
    (point,) = sdk.points(LOAD, cache)
    assert point.count == 1


def test_what_the_loader_does_is_within_its_span(sdk, make):
    cache = make()

    def load():
        with sdk.tracer.start_as_current_span("query"):
            return 1

    async def aload():
        await asyncio.sleep(0)
        return load()

    cache.get_or_set("a", load)
    asyncio.run(cache.aget_or_set("b", aload))
    asyncio.run(cache.aget_or_set("c", load))
    loads = [span.context.span_id for span in sdk.spans(f"load {cache.name}")]
    assert [span.parent.span_id for span in sdk.spans("query")] == loads
    assert len(loads) == 3


def test_a_loader_that_takes_its_context_still_does(sdk, make):
    cache = make()

    def load(ctx):
        ctx.tags.add("x")
        return ctx.key

    assert cache.get_or_set("a", load) == "a"
    assert cache.entry("a").tags == ("x",)
    assert len(sdk.spans()) == 1


def test_a_hit_in_memory_is_no_span(sdk, make):
    cache = make()
    cache["a"] = 1
    assert cache.get("a") == cache.get_or_set("a", lambda: 2) == 1
    cache.get("b")
    assert sdk.spans() == []


@pytest.mark.parametrize("asks", ["plain", "async"])
def test_a_loader_that_raises_is_an_error_of_its_span(sdk, make, asks):
    cache = make()

    def load():
        raise LookupError("nobody there")

    async def aload():
        load()

    with pytest.raises(LookupError):
        cache.get_or_set("a", load) if asks == "plain" else asyncio.run(cache.aget_or_set("a", aload))
    (span,) = sdk.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "LookupError"
    assert [event.name for event in span.events] == ["exception"]
    (point,) = sdk.points(LOAD, cache)
    assert point.attributes["error.type"] == "LookupError"


def test_a_load_that_is_cancelled_ends_its_span(sdk, make):
    cache = make()

    async def main():
        started = asyncio.Event()

        async def load():
            started.set()
            await asyncio.get_running_loop().create_future()

        task = asyncio.create_task(cache.aget_or_set("a", load))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (span,) = sdk.spans()
    assert span.status.status_code is StatusCode.UNSET


def test_one_span_per_load_however_many_ask(sdk, make):
    cache = make()

    async def main():
        async def load():
            await asyncio.sleep(0)
            return 1

        assert await asyncio.gather(*(cache.aget_or_set("a", load) for _ in range(10))) == [1] * 10

    asyncio.run(main())
    assert len(sdk.spans()) == 1


def test_a_refresh_says_that_nobody_waits_for_it(sdk, make, clock):
    cache = make(clock=clock, default_ttl=10, stale=100)
    cache.get_or_set("a", lambda: 1)
    clock.advance(11)

    async def main():
        loaded = asyncio.Event()
        cache.on("load", lambda _: loaded.set())
        assert await cache.aget_or_set("a", lambda: 2) == 1
        await loaded.wait()

    asyncio.run(main())
    assert [span.attributes["omnicache.background"] for span in sdk.spans()] == [False, True]


def test_keys_are_named_only_if_asked_for(sdk, make):
    cache = make()
    cache.get_or_set("secret", lambda: 1)
    sdk.on.uninstrument()
    sdk.on = sdk.instrument(keys=True)
    cache.get_or_set("public", lambda: 1)
    cache.get_or_set(("tuple", 1), lambda: 1)
    named = [span.attributes.get("omnicache.key") for span in sdk.spans()]
    assert named == [None, "public", "('tuple', 1)"]


@pytest.mark.parametrize("asks", ["plain", "async"])
def test_requests_to_a_far_store_are_database_spans(sdk, make, tmp_path, asks):
    cache = make(backend=FileSystemBackend(tmp_path), namespace="tenant")

    def use():
        cache.set("a", 1)
        return cache.get("a")

    async def ause():
        await cache.aset("a", 1)
        return await cache.aget("a")

    with sdk.tracer.start_as_current_span("caller") as caller:
        assert (use() if asks == "plain" else asyncio.run(ause())) == 1
    (span,) = sdk.spans(f"set {cache.name}")
    assert span.kind is SpanKind.CLIENT
    assert span.parent.span_id == caller.get_span_context().span_id
    assert span.attributes == {
        "db.system.name": "lmdb",
        "db.operation.name": "set",
        "db.collection.name": cache.name,
        "omnicache.namespace": "tenant",
    }
    assert len(sdk.spans(f"get {cache.name}")) == 1
    done = {
        p.attributes["db.operation.name"] for p in sdk.points(FAR) if p.attributes["db.collection.name"] == cache.name
    }
    assert {"get", "set"} <= done


def test_a_hit_near_asks_no_far_store(sdk, make, tmp_path):
    cache = make(backend=TieredBackend(far=FileSystemBackend(tmp_path)))
    cache["a"] = 1
    assert cache["a"] == 1  # the first read after a write looks at what others wrote meanwhile
    before = len(sdk.spans())
    assert before > 0
    assert cache["a"] == cache.get("a") == 1
    assert len(sdk.spans()) == before


def test_a_far_store_that_fails_is_an_error_of_the_span(sdk, make):
    class Broken(StoreBackend):
        def get(self, key):
            raise OSError("no store")

        set = delete = scan = get

    cache = make(backend=Broken(), on_error="raise")
    with pytest.raises(Exception, match="no store"):
        cache.get("a")
    (span,) = sdk.spans(f"get {cache.name}")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "CacheBackendError"
    assert span.attributes["db.system.name"] == "custom"


def test_every_statistic_is_an_instrument(sdk, make):
    cache = make(max_size=10, max_bytes="1MiB")
    cache["a"] = 1
    cache.get("a"), cache.get("b")
    found = sdk.reader.get_metrics_data()
    (scope,) = [s for r in found.resource_metrics for s in r.scope_metrics if s.scope.name == "omnicache"]
    metrics = {metric.name: metric for metric in scope.metrics}
    names = {f"omnicache.{m.name}{'_ratio' if m.unit == 'ratio' else ''}": m for m in METRICS}
    assert set(names) | {"omnicache.backend.status"} <= set(metrics)
    for name, metric in names.items():
        told = metrics[name]
        assert told.description == metric.help
        assert getattr(told.data, "is_monotonic", False) is (metric.kind == "counter"), name
    assert metrics["omnicache.size"].unit == "By"
    assert metrics["omnicache.hits"].unit == "{hit}"
    value = {name: metric.data.data_points[0].value for name, metric in metrics.items() if name in names}
    assert (value["omnicache.hits"], value["omnicache.misses"], value["omnicache.hit_ratio"]) == (1, 1, 0.5)
    assert (value["omnicache.entries"], value["omnicache.entries_limit"]) == (1, 10)
    statuses = {
        p.attributes["omnicache.backend.status"]: p.value for p in sdk.points("omnicache.backend.status", cache)
    }
    assert statuses == {"connected": 1, "degraded": 0, "disconnected": 0}


def test_statistics_are_read_once_per_collection(sdk, make):
    cache, asked = make(), []

    def caches():
        asked.append(1)
        return [cache]

    sdk.on.uninstrument()
    sdk.on = sdk.instrument(caches=caches)
    for collections in (1, 2, 3):
        sdk.reader.get_metrics_data()
        assert len(asked) == collections


def test_each_collection_reads_anew(sdk, make):
    cache = make()
    assert sdk.points("omnicache.hits", cache)[0].value == 0
    cache["a"] = 1
    cache.get("a")
    assert sdk.points("omnicache.hits", cache)[0].value == 1


def test_nothing_is_told_once_it_is_off(sdk, make):
    cache = make()
    sdk.on.uninstrument()
    sdk.on.uninstrument()
    cache.get_or_set("a", lambda: 1)
    assert sdk.spans() == []
    assert sdk.points("omnicache.hits", cache) == sdk.points(LOAD, cache) == []


def test_it_can_be_turned_on_again(sdk, make, caplog):
    cache = make()
    with sdk.on:
        pass
    sdk.on = sdk.instrument()
    cache.get_or_set("a", lambda: 1)
    assert len(sdk.spans()) == 1
    assert sdk.points("omnicache.loads", cache)[0].value == 1
    assert caplog.records == []


def test_twice_at_once_is_an_error(sdk):
    with pytest.raises(CacheConfigError, match="uninstrument"):
        sdk.instrument()
