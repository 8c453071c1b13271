"""The text for Prometheus says what the statistics say, and the official parser reads it."""

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from omnicache import Statistics, StoreBackend
from omnicache._metrics import METRICS, Reading
from omnicache.integrations.prometheus import CacheCollector
from omnicache.prometheus import CONTENT_TYPE, metrics_text, text_of

# Which metric tells which statistic, in which scale.
TELLS = {
    "hit_count": ("omnicache_hits_total", 1),
    "miss_count": ("omnicache_misses_total", 1),
    "set_count": ("omnicache_sets_total", 1),
    "delete_count": ("omnicache_deletes_total", 1),
    "eviction_count": ("omnicache_evictions_total", 1),
    "expiration_count": ("omnicache_expirations_total", 1),
    "error_count": ("omnicache_errors_total", 1),
    "entry_count": ("omnicache_entries", 1),
    "total_size_bytes": ("omnicache_size_bytes", 1),
    "disk_size_bytes": ("omnicache_disk_size_bytes", 1),
    "load_count": ("omnicache_loads_total", 1),
    "load_error_count": ("omnicache_load_errors_total", 1),
    "stale_served_count": ("omnicache_stale_served_total", 1),
    "coalesced_count": ("omnicache_coalesced_total", 1),
    "avg_access_time_ms": ("omnicache_access_time_seconds", 1e-3),
    "hit_rate": ("omnicache_hit_ratio", 1),
}
ELSEWHERE = {"backend_status", "last_reset"}


def parsed(text):
    """Samples by name and labels, as the official parser reads them."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in {"counter", "gauge"}
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def one(text, name, cache, **labels):
    return parsed(text)[name, frozenset({"cache": cache.name, "namespace": cache.namespace, **labels}.items())]


class Broken(StoreBackend):
    """A store that fails."""

    def get(self, key):
        raise OSError("no store")

    set = delete = scan = get


def used(make):
    cache = make(max_size=3, max_bytes="1MiB")
    for number in range(5):
        cache[number] = "x" * number
    cache.get(4), cache.get(4), cache.get("nothing")
    cache.delete(4)
    cache.get_or_set("loaded", lambda: 1)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_set("failed", lambda: 1 / 0)
    return cache


def test_every_statistic_has_a_metric():
    assert {field.name for field in fields(Statistics)} | {"hit_rate"} == set(TELLS) | ELSEWHERE


def test_the_metrics_say_what_the_statistics_say(make):
    cache = used(make)
    text = metrics_text([cache])
    stats = cache.stats().as_dict()
    assert stats["load_error_count"] == 1
    assert stats["eviction_count"] > 0
    for name, (metric, scale) in TELLS.items():
        assert one(text, metric, cache) == pytest.approx(stats[name] * scale), name
    assert one(text, "omnicache_last_reset_timestamp_seconds", cache) == stats["last_reset"].timestamp()
    assert one(text, "omnicache_entries_limit", cache) == 3
    assert one(text, "omnicache_size_limit_bytes", cache) == 2**20
    assert one(text, "omnicache_info", cache, strategy="lru", backend="memory") == 1
    assert one(text, "omnicache_up", cache) == 1
    statuses = [one(text, "omnicache_backend_status", cache, status=s) for s in ("connected", "degraded")]
    assert statuses == [1, 0]


def test_limits_that_there_are_not_are_left_out(make):
    assert "_limit" not in metrics_text([make()])


def test_all_caches_of_the_process_unless_told(make):
    first, second = make(), make(namespace="tenant")
    text = metrics_text()
    assert one(text, "omnicache_up", first) == one(text, "omnicache_up", second) == 1
    assert second.name not in metrics_text([first])


def test_a_degraded_backend_is_told(make):
    cache = make(backend=Broken())
    for _ in range(20):
        cache.get("a")
    assert one(metrics_text([cache]), "omnicache_backend_status", cache, status="degraded") == 1


def test_a_backend_that_will_not_tell_hides_no_other_cache(make):
    broken, whole = make(backend=Broken(), on_error="raise"), make()
    text = metrics_text([broken, whole])
    assert one(text, "omnicache_up", broken) == 0
    assert one(text, "omnicache_up", whole) == 1
    names = {name for name, labels in parsed(text) if ("cache", broken.name) in labels}
    assert names == {"omnicache_info", "omnicache_up"}


def test_no_cache_is_no_error():
    assert parsed(metrics_text([])) == {}


@given(st.text(), st.text(), st.floats() | st.integers(-(2**70), 2**70))
def test_any_name_and_any_number_comes_through(name, namespace, number):
    text = text_of([Reading(name, namespace, statistics={"entry_count": number})])
    value = parsed(text)["omnicache_entries", frozenset({"cache": name, "namespace": namespace}.items())]
    assert float(value) == float(number) or (math.isnan(value) and math.isnan(number))


def test_statistics_that_came_as_json_are_taken():
    reading = Reading("a", "b", statistics={"hit_count": 1, "last_reset": "1970-01-01T00:01:00+00:00"})
    found = {name: value for (name, _), value in parsed(text_of([reading])).items()}
    assert found["omnicache_last_reset_timestamp_seconds"] == 60
    assert found["omnicache_hits_total"] == 1


def test_names_follow_the_rules_of_prometheus():
    names = [metric.prometheus for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(
        name.endswith("_total") == (metric.kind == "counter") for name, metric in zip(names, METRICS, strict=True)
    )
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_the_collector_says_what_the_text_says(make):
    cache = used(make)
    cache.stats()
    registry = CollectorRegistry()
    registry.register(CacheCollector(lambda: [cache]))
    assert parsed(generate_latest(registry).decode()) == parsed(metrics_text([cache]))


def test_the_collector_takes_all_caches_unless_told(make):
    cache, registry = make(), CollectorRegistry()
    registry.register(CacheCollector())
    labels = {"cache": cache.name, "namespace": cache.namespace}
    assert registry.get_sample_value("omnicache_up", labels) == 1


def test_registering_asks_no_backend(make):
    def caches():
        raise AssertionError

    CollectorRegistry().register(CacheCollector(caches))
