"""Configuration from a dict: strict, in normal form, with errors that name the right key."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache._omnicache import parse_config
from omnicache.backends import FileSystemBackend, MemoryBackend
from omnicache.exceptions import CacheConfigError
from omnicache.serializers import Compression, Json
from omnicache.strategies import LRUStrategy, TTLStrategy, strategy_from


def test_the_normal_form():
    assert parse_config({}) == {}
    assert parse_config(
        {
            "strategy": "TinyLFU",
            "max_size": 10,
            "max_bytes": "1KiB",
            "default_ttl": timedelta(minutes=5),
            "default_idle": "90s",
            "stale": 5,
            "jitter": 0.1,
            "namespace": "tenant_a",
            "backend": {"type": "memory"},
            "copy": "deep",
        }
    ) == {
        "strategy": {"type": "tinylfu"},
        "max_size": 10,
        "max_bytes": 1024,
        "default_ttl": 300.0,
        "default_idle": 90.0,
        "stale": 5.0,
        "jitter": 0.1,
        "namespace": "tenant_a",
        "backend": "memory",
        "copy": "deep",
    }
    assert parse_config({"max_size": None, "strategy": None}) == {}


def test_what_is_outside_the_process():
    directory = Path("cache")
    assert parse_config(
        {
            "backend": {
                "type": "tiered",
                "far": {"type": "filesystem", "directory": directory, "max_bytes": "1KiB"},
                "near_ttl": timedelta(seconds=5),
            },
            "fallback": "file:./elsewhere",
            "serializer": "json",
            "compression": {"threshold": "2KiB"},
            "on_error": "raise",
            "on_serialization_error": "skip",
        }
    ) == {
        "backend": {
            "type": "tiered",
            "far": {"type": "filesystem", "directory": "cache", "max_bytes": 1024},
            "near_ttl": 5.0,
        },
        "fallback": "file:./elsewhere",
        "serializer": "json",
        "compression": {"threshold": 2048},
        "on_error": "raise",
        "on_serialization_error": "skip",
    }


def test_what_no_plain_data_can_be_is_passed_on(tmp_path: Path):
    given = {
        "backend": FileSystemBackend(tmp_path),
        "fallback": MemoryBackend(),
        "serializer": Json(),
        "type": list[int],
        "compression": Compression(),
    }
    assert parse_config(given) == given


@pytest.mark.parametrize(
    "table",
    [
        {"type": "lru", "max_size": 5, "max_bytes": "1MB"},
        {"type": "lfu", "ageing": False},
        {"type": "ttl", "default_ttl": timedelta(hours=1), "cleanup_interval": "5s", "max_bytes": 10, "max_size": 3},
        {"type": "size", "max_bytes": 10, "max_size": 3},
        {"type": "Tiny_LFU", "max_size": 3},
    ],
)
def test_a_strategy_table_means_the_same_to_both_readers(table: dict[str, object]):
    given = {"strategy": table}
    assert strategy_from(parse_config(given)["strategy"]) == strategy_from(table)
    assert given == {"strategy": table}  # what the user holds is not changed


@pytest.mark.parametrize("strategy", [LRUStrategy(5), TTLStrategy, LRUStrategy])
def test_a_strategy_that_is_one_already_is_passed_on(strategy: object):
    given = {"strategy": strategy, "max_size": 5}
    assert parse_config(given) == given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"max_sise": 1},
            'configuration: there is no key "max_sise"; did you mean "max_size"\\? The keys are "strategy"',
        ),
        ({1: 1}, "a key is an object of type int; every key is a str"),
        ({"max_size": "10"}, 'max_size: .*"10".*whole number'),
        ({"max_size": True}, "max_size: .*`true`.*whole number"),
        ({"max_size": float("nan")}, "max_size: .*NaN"),
        ({"max_size": 10**30}, "max_size: .*largest limit"),
        pytest.param({"max_size": 10**5000}, "max_size: .* 127 bits", id="huge"),
        ({"max_size": object()}, "max_size: got an object of type object, expected a str"),
        ({"max_size": [1]}, "max_size: .*sequence.*whole number"),
        ({"default_ttl": 0}, "default_ttl: 0 is no time at all; use None for ever, or do not cache"),
        ({"default_ttl": timedelta(-1)}, "default_ttl: .* is negative"),
        ({"default_ttl": float("inf")}, "default_ttl: inf is not a duration"),
        ({"default_ttl": "\ud800"}, "default_ttl: "),
        ({"jitter": 2}, "jitter: 2 is no fraction"),
        ({"jitter": float("nan")}, "jitter: NaN is no fraction"),
        ({"namespace": "a b"}, "namespace: .*letters, digits"),
        ({"namespace": "a\n"}, "namespace: "),
        ({"namespace": 5}, "namespace: .*`5`"),
        ({"copy": "depp"}, 'copy: .*did you mean "deep"'),
        ({"copy": True}, "copy: .*`true`"),
        ({"strategy": "lruu"}, 'strategy: .*did you mean "lru"'),
        ({"strategy": 5}, "strategy: .*`5`"),
        ({"strategy": object()}, "strategy: got an object of type object, expected"),
        ({"strategy": {"type": "lru", "ageing": True}}, 'strategy: "lru" takes no "ageing"; its options are max_size'),
        ({"strategy": {"type": "ttl", "default_ttl": timedelta(0)}}, "default_ttl: "),
        ({"backend": "gopher://localhost"}, 'backend: there is no such backend; write "memory", a URL such as "file:'),
        ({"backend": {"type": "files"}}, 'backend: there is no backend name "files"; did you mean "filesystem"'),
        ({"backend": {"type": "filesystem"}}, 'backend: "filesystem" needs "directory"'),
        ({"backend": {"type": "tiered", "far": {"type": "tiered", "far": {}}}}, "far: a table in a table"),
        (
            {"fallback": {"type": "filesystem", "directry": "a"}},
            'fallback: there is no option "directry"; did you mean "dire',
        ),
        ({"serializer": "jsno"}, 'serializer: there is no value "jsno"; did you mean "json"'),
        ({"compression": {"level": 0}}, "compression: level: "),
        ({"on_error": "degarde"}, 'on_error: .*did you mean "degrade"'),
        ({"type": "User"}, 'there is no key "type"'),
        ({"backend": {"type": {"type": {}}}}, "type: a table in a table"),
        ({"backend": 5}, "backend: .*`5`"),
    ],
)
def test_what_is_wrong_is_named(options: dict[object, object], message: str):
    with pytest.raises(CacheConfigError, match=message):
        parse_config(options)


@pytest.mark.parametrize("options", [None, [], "lru", 5, [("max_size", 5)]])
def test_only_a_dict_is_a_configuration(options: object):
    with pytest.raises(CacheConfigError, match="no dict"):
        parse_config(options)


KEYS = ["strategy", "max_size", "max_bytes", "default_ttl", "jitter", "stale", "namespace", "backend", "copy", "type"]
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.timedeltas() | st.binary()
tables = st.recursive(
    leaves, lambda inner: st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), tables, max_size=4))
def test_nothing_but_a_config_error_comes_of_nonsense(options: dict[str, object]):
    try:
        normal = parse_config(options)
    except CacheConfigError:
        return
    assert parse_config(normal) == normal
