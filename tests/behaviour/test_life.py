"""The cache as a whole: properties, strategies, statistics, its end."""

import asyncio
import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from omnicache import (
    Cache,
    CacheClosedError,
    CacheStrategyError,
    LFUStrategy,
    LRUStrategy,
    MemoryBackend,
    SizeStrategy,
    TTLStrategy,
    list_caches,
)
from tests.faces import STRATEGIES
from tests.places import PLACES

OPERATIONS = {
    "get": lambda box: box.get("a"),
    "get a list": lambda box: box.get([1]),
    "set": lambda box: box.set("a", 1),
    "set with ttl": lambda box: box.set("a", 1, 5),
    "add": lambda box: box.add("a", 1),
    "replace": lambda box: box.replace("a", 1),
    "delete": lambda box: box.delete("a"),
    "pop": lambda box: box.pop("a", None),
    "touch": lambda box: box.touch("a"),
    "ttl": lambda box: box.ttl("a"),
    "incr": lambda box: box.incr("a"),
    "decr": lambda box: box.decr("a"),
    "entry": lambda box: box.entry("a"),
    "get_or_set": lambda box: box.get_or_set("a", 1),
    "get_many": lambda box: box.get_many(["a"]),
    "set_many": lambda box: box.set_many({"a": 1}),
    "delete_many": lambda box: box.delete_many(["a"]),
    "clear": lambda box: box.clear(),
    "clear some": lambda box: box.clear(pattern="*"),
    "entries": lambda box: box.entries(),
    "keys": lambda box: box.keys(),
    "invalidate": lambda box: box.invalidate(tags=["x"]),
    "warm": lambda box: box.warm({"a": 1}),
    "purge_expired": lambda box: box.purge_expired(),
    "check": lambda box: box.check(),
    "compact": lambda box: box.compact(),
    "set_strategy": lambda box: box.cache.set_strategy("lfu"),
    "configure": lambda box: box.cache.configure(max_size=5),
    "[]": lambda box: box.cache["a"],
    "[] =": lambda box: box.cache.__setitem__("a", 1),
    "del": lambda box: box.cache.__delitem__("a"),
    "in": lambda box: "a" in box.cache,
    "iteration": lambda box: list(box.cache),
    "items": lambda box: box.cache.items(),
    "values": lambda box: box.cache.values(),
    "update": lambda box: box.cache.update(a=1),
    "setdefault": lambda box: box.cache.setdefault("a"),
    "popitem": lambda box: box.cache.popitem(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("setting", [("memory", "custom"), *((place, "lru") for place in PLACES)], ids="-".join)
def test_a_closed_cache_says_so(box, operation):
    box.set("a", 1)
    box.close()
    with pytest.raises(CacheClosedError, match=f"cache '{box.cache.name}'.*closed"):
        OPERATIONS[operation](box)


def test_closing_drops_the_entries_and_may_be_repeated(box):
    freed = []

    class Value:
        def __del__(self):
            freed.append(1)

    box.set("a", Value())
    assert box.cache.status == "active"
    box.close()
    box.close()
    assert freed == [1]
    assert box.cache.closed
    assert box.cache.status == "shutdown"
    assert box.cache not in list_caches()
    assert "closed" in repr(box.cache)
    assert box.cache.stats().backend_status == "disconnected"
    assert len(box.cache) == 0


@pytest.mark.parametrize("setting", [(place, "lru") for place in PLACES], ids="-".join)
def test_upkeep_finds_nothing_wrong_and_keeps_everything(box):
    for number in range(200):
        box.set(number, "x" * 1000)
    box.delete_many(range(150))
    before = box.cache.stats().disk_size_bytes
    assert box.check() == []
    freed = box.compact()
    assert box.cache.stats().disk_size_bytes == before - freed
    assert (freed > 0) == (before > 0)
    assert sorted(box.keys()) == list(range(150, 200))
    assert box.get(199) == "x" * 1000
    assert box.check() == []


def test_context_managers_close(make):
    with make() as cache:
        assert not cache.closed
    assert cache.closed

    async def main():
        async with make() as cache:
            await cache.aset("a", 1)
        return cache

    assert asyncio.run(main()).closed
    cache = make()
    with pytest.raises(ValueError, match="mine"), cache:
        raise ValueError("mine")
    assert cache.closed


def test_properties(make):
    before = datetime.now(UTC)
    cache = make(namespace="props", strategy=LRUStrategy(5, max_bytes="1MiB"), default_ttl="5m")
    assert cache.namespace == "props"
    assert cache.name.startswith("test-")
    assert cache.strategy == LRUStrategy(5, 2**20)
    assert (cache.max_size, cache.max_bytes, cache.default_ttl) == (5, 2**20, 300.0)
    assert isinstance(cache.backend, MemoryBackend)
    assert timedelta(0) <= cache.created_at - before < timedelta(seconds=10)
    assert repr(cache) == (
        f"<Cache '{cache.name}', namespace='props', LRUStrategy(max_size=5, max_bytes=1048576), 0 entries>"
    )
    for name in ("name", "namespace", "strategy", "max_size", "closed", "default_ttl"):
        with pytest.raises(AttributeError):
            setattr(cache, name, 1)


def test_a_cache_stays_in_its_process_and_is_not_copied(make):
    cache = make()
    assert copy.copy(cache) is cache
    assert copy.deepcopy({"c": cache})["c"] is cache
    with pytest.raises(TypeError, match="get_cache"):
        pickle.dumps(cache)


@pytest.mark.parametrize("to", list(STRATEGIES))
def test_a_switch_keeps_every_entry_and_all_that_is_known_of_it(on, to, clock):
    box = on(max_size=100)
    for key in range(100):
        box.set(key, [key], ttl=key + 10, tags=[f"t{key % 3}"], priority=key % 11 / 10)
    box.get_many(range(0, 100, 3))
    before = {entry.key: entry for entry in box.entries()}
    box.cache.set_strategy(STRATEGIES[to]())
    box.cache._validate()
    after = {entry.key: entry for entry in box.entries()}
    assert after.keys() == before.keys()
    for key, entry in after.items():
        assert entry.value is before[key].value
        for field in ("created", "hits", "ttl", "expires", "tags", "priority", "version"):
            assert getattr(entry, field) == getattr(before[key], field)
    assert box.cache.max_size == 100
    assert box.cache.strategy.max_size == 100
    box.set("new", 1)
    assert len(box.cache) == 100
    clock.advance(60)
    assert len(box.cache) <= 50
    box.cache._validate()


def test_a_switch_may_bring_limits(on):
    box = on(max_size=100)
    for key in range(100):
        box.set(key, key)
    box.cache.set_strategy(LFUStrategy(40))
    assert len(box.cache) == 40
    assert box.cache.max_size == 40


def test_a_switch_by_name_dict_or_class(make):
    cache = make(max_size=10)
    for strategy, name in (("lfu", "lfu"), ({"type": "ttl", "default_ttl": 5}, "ttl"), (LRUStrategy, "lru")):
        cache.set_strategy(strategy)
        assert (cache.strategy.name, cache.max_size) == (name, 10)
    with pytest.raises(CacheStrategyError, match="did you mean 'lru'"):
        cache.set_strategy("lruu")
    assert cache.strategy.name == "lru"


def test_a_switch_to_size_takes_the_limit_that_is_there(make):
    cache = make(max_bytes="1MiB")
    cache.set_strategy("size")
    assert cache.strategy == SizeStrategy("1MiB")
    with pytest.raises(CacheStrategyError, match="max_bytes"):
        make().set_strategy("size")


def test_a_switch_to_ttl_brings_its_default_unless_the_cache_has_one(make):
    cache = make()
    cache.set_strategy(TTLStrategy("5m"))
    assert cache.default_ttl == 300.0
    cache["a"] = 1
    assert cache.ttl("a") == pytest.approx(300, abs=1)
    cache.set_strategy("lru")
    assert cache.default_ttl == 300.0
    own = make(default_ttl=None)
    own.set_strategy(TTLStrategy("5m"))
    assert own.default_ttl is None
    later = make()
    later.configure(default_ttl=60)
    later.set_strategy(TTLStrategy("5m"))
    assert later.default_ttl == 60.0


def test_a_default_ttl_of_the_cache_goes_before_that_of_its_strategy(make):
    assert make(strategy=TTLStrategy(60)).default_ttl == 60.0
    assert make(strategy=TTLStrategy(60), default_ttl=5).default_ttl == 5.0
    assert make(strategy=TTLStrategy(60), default_ttl=None).default_ttl is None


def test_new_defaults_hold_from_now_on(make):
    cache = make()
    cache["a"] = 1
    cache.configure(default_ttl=60, default_idle=30, stale=5, jitter=0)
    cache["b"] = 2
    assert cache.ttl("a") is None
    assert cache.ttl("b") == pytest.approx(30, abs=1)
    assert cache.entry("b").ttl == 60.0
    cache.configure(default_ttl=None, default_idle=None, stale=None, jitter=None)
    cache["c"] = 3
    assert cache.ttl("c") is None
    cache.configure()


def test_a_cleanup_interval_removes_what_has_ended_by_itself():
    import threading

    gone = threading.Event()
    with Cache("cleaned", strategy=TTLStrategy(default_ttl=0.01, cleanup_interval=0.01)) as cache:
        cache.on("expire", lambda event: gone.set())
        cache["a"] = 1
        assert gone.wait(10)
