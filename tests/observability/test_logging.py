"""Records in the log carry the same fields, whatever they say."""

import ast
import asyncio
import logging
import weakref
from pathlib import Path
from typing import get_args

import pytest

import omnicache
from omnicache import CustomStrategy, FileSystemBackend, StoreBackend, _janitor
from omnicache._logged import LogEvent, logged

PACKAGE = Path(omnicache.__file__).parent
FIELDS = ("omnicache_event", "omnicache_cache", "omnicache_namespace", "omnicache_key")


def fields(record):
    return tuple(getattr(record, field) for field in FIELDS)


@pytest.fixture
def said(caplog):
    """The fields of all records so far."""
    caplog.set_level(logging.INFO, "omnicache")
    return lambda: [fields(record) for record in caplog.records]


def test_every_call_of_a_logger_says_what_happened():
    events, bare = set(), []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called.startswith("_log.") and "extra" not in {keyword.arg for keyword in node.keywords}:
                bare.append(f"{path.name}:{node.lineno}")
            words = {a.value for a in node.args if isinstance(a, ast.Constant)}
            events |= words & set(get_args(LogEvent))
    assert bare == []
    assert events == set(get_args(LogEvent))


def test_fields_are_text_or_none():
    assert list(logged("backend_back")) == list(FIELDS)
    assert logged("stale_served", key="a" * 100)["omnicache_key"] == "a" * 100
    assert logged("stale_served", key=("a", 1))["omnicache_key"] == "('a', 1)"

    class Hostile:
        def __repr__(self):
            raise ValueError

    assert "Hostile" in logged("stale_served", key=Hostile())["omnicache_key"]


def test_a_callback(make, said):
    cache = make(namespace="tenant")
    cache.on("set", lambda event: 1 / 0)
    cache["a"] = 1
    assert said() == [("callback_failed", cache.name, "tenant", "a")]


def test_a_callback_for_errors(make, said):
    cache = make()
    cache.on("error", lambda event: 1 / 0)
    with pytest.raises(LookupError):
        cache.get_or_set("a", lambda: {}["nothing"])
    assert said() == [("callback_failed", cache.name, "default", "a")]


def test_a_strategy(make, said):
    class Wrong(CustomStrategy):
        def victims(self, candidates, need):
            raise ValueError

    cache = make(strategy=Wrong(max_size=1))
    cache.update(a=1, b=2)
    assert said() == [("strategy_failed", cache.name, "default", None)]


def test_an_old_value_that_stands_in(make, clock, said):
    cache = make(clock=clock, default_ttl=1, stale_on_error=100)
    cache["a"] = 1
    clock.advance(2)
    assert cache.get_or_set("a", lambda: 1 / 0) == 1
    assert said() == [("stale_served", cache.name, "default", "a")]


async def test_a_refresh(make, clock, said):
    cache, failed = make(clock=clock, default_ttl=1, stale=100), asyncio.Event()
    cache.on("error", lambda _: failed.set())
    cache["a"] = 1
    clock.advance(2)
    assert await cache.aget_or_set("a", lambda: 1 / 0) == 1
    await failed.wait()
    assert said() == [("refresh_failed", cache.name, "default", "a")]


def test_a_backend(make, clock, said):
    class Store(StoreBackend):
        down = True

        def get(self, key):
            if self.down:
                raise OSError

        set = delete = scan = get

    store = Store()
    cache = make(backend=store, clock=clock)
    for _ in range(20):
        cache.get("a")
    assert set(said()) == {("backend_failed", cache.name, "default", None)}
    store.down = False
    clock.advance(600)
    cache.get("a")
    assert said()[-1] == ("backend_back", cache.name, "default", None)


def test_a_value_that_cannot_be_written(make, tmp_path, said):
    cache = make(backend=FileSystemBackend(tmp_path), on_serialization_error="skip")
    cache["a"] = object()
    assert said() == [("value_not_kept", cache.name, "default", "a")]


def test_an_entry_that_cannot_be_read(make, tmp_path, said):
    first = make(backend=FileSystemBackend(tmp_path), serializer="json")
    first["a"] = 1
    first.close()
    second = omnicache.Cache(first.name, backend=FileSystemBackend(tmp_path), serializer="native")
    with second:
        assert second.get("a") is None
    assert said() == [("entry_unreadable", first.name, "default", "a")]


def test_a_file_that_is_damaged(make, tmp_path, said):
    first = make(backend=FileSystemBackend(tmp_path))
    first["a"] = 1
    first.close()
    (data,) = tmp_path.rglob("*.mdb")
    data.write_bytes(b"\0" * data.stat().st_size)
    with omnicache.Cache(first.name, backend=FileSystemBackend(tmp_path)):
        assert said() == [("file_set_aside", first.name, "default", None)]


def test_the_janitor(said):
    class Wrong:
        name, namespace = "swept", "default"

        def purge_expired(self):
            raise ValueError

    wrong = Wrong()
    _janitor.Janitor._sweep(_janitor._Watch(weakref.ref(wrong), 1.0))
    assert said() == [("cleanup_failed", "swept", "default", None)]
