"""Values and keys that run code when they are dropped, hashed or compared.

Each test is a child process, which is stopped if it hangs.
"""

import gc
import threading
import weakref

import pytest

from omnicache import Cache
from tests.faces import STRATEGIES
from tests.support import in_child


class User:
    """A value that uses the cache when it is dropped."""

    dropped = 0

    def __init__(self, cache, number):
        self.cache = weakref.ref(cache)
        self.number = number

    def __del__(self):
        type(self).dropped += 1
        cache = self.cache()
        if cache is not None and not cache.closed:
            cache.get(self.number)
            cache.set(("dropped", self.number % 10), self.number)
            cache.delete(self.number + 1)
            len(cache)
            cache.stats()
            cache.entries(limit=2)


@in_child
def test_values_that_use_the_cache_when_they_are_dropped():
    for kind, make in STRATEGIES.items():
        User.dropped = 0
        cache = Cache("finalizers", strategy=make(max_size=20), default_ttl=60)
        cache.on("evict", lambda event, cache=cache: cache.get(1))
        for number in range(300):
            cache[number] = User(cache, number)
            if number % 50 == 49:
                cache.delete(number)
                cache.invalidate([number - 1])
                cache.set(number - 2, User(cache, number), tags=["x"])
                cache.invalidate(tags=["x"])
                cache.pop(number - 3, None)
                cache.purge_expired()
                cache.clear(pattern="1*")
        cache.set_strategy("lfu" if kind != "lfu" else "lru")
        cache.configure(max_size=3)
        cache._validate()
        assert len(cache) <= 3
        cache.clear()
        cache.close()
        assert User.dropped >= 300
        del cache
        gc.collect()


@in_child
def test_values_that_raise_when_they_are_dropped():
    import sys

    raised = []
    sys.unraisablehook = lambda unraisable: raised.append(unraisable.exc_value)

    class Bad:
        def __del__(self):
            raise ValueError("dropped")

    cache = Cache("finalizers", max_size=5)
    for number in range(20):
        cache[number] = Bad()
    cache[19] = Bad()
    cache.delete(18)
    cache.clear()
    cache["a"] = Bad()
    cache.close()
    assert len(raised) == 22
    assert all(type(error) is ValueError for error in raised)


@in_child
def test_closing_while_values_use_the_cache():
    cache = Cache("finalizers")
    for number in range(100):
        cache[number] = User(cache, number)
    cache.close()
    assert len(cache) == 0


@in_child
def test_a_cache_in_its_own_value_is_collected():
    def made():  # a frame of its own: `del` would empty the variable that the functions below share with it
        cache = Cache("cycle")
        cache["self"] = cache
        cache["list"] = [cache, {"again": cache}]
        cache[(1, 2)] = lambda: cache
        cache.set("tagged", cache, ttl=60, tags=["x"], priority=1.0)
        cache.on("set", lambda event: cache)
        return weakref.ref(cache)

    gone = made()
    gc.collect()
    assert gone() is None
    Cache("cycle")


@in_child
def test_caches_in_each_other_are_collected():
    caches = [Cache(f"cycle-{number}") for number in range(50)]
    for number, cache in enumerate(caches):
        cache["next"] = caches[(number + 1) % 50]
    gone = [weakref.ref(cache) for cache in caches]
    del caches, cache
    gc.collect()
    assert [ref for ref in gone if ref() is not None] == []


@in_child
def test_a_cycle_through_a_loader_an_adviser_and_a_copy_is_collected():
    from tests.faces import Coldest

    def made():
        adviser = Coldest(5)
        cache = Cache("cycle", strategy=adviser, sizer=lambda key, value: cache and 1)
        adviser.cache = cache
        cache.get_or_set("a", lambda: [cache])
        try:
            cache.get_or_set("b", lambda: 1 // 0)
        except ZeroDivisionError as error:
            cache["error"] = error
        return weakref.ref(cache)

    gone = made()
    gc.collect()
    assert gone() is None


@in_child
def test_a_cached_value_that_refers_to_the_cache_by_an_object_is_collected():
    class Owner:
        def __init__(self):
            self.cache = Cache("owned")
            self.cache["owner"] = self

    owner = Owner()
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


@in_child
def test_a_full_collection_during_every_operation():
    """Each allocation may start a collection, which walks the cache and finalises cycles that use it."""

    class Cycle:
        def __init__(self, cache):
            self.me = self
            self.cache = weakref.ref(cache)

        def __del__(self):
            cache = self.cache()
            if cache is not None and not cache.closed:
                cache.get("a")
                cache[("cycle", id(self) % 5)] = 1

    gc.set_threshold(1, 1, 1)
    cache = Cache("collected", max_size=20)
    for number in range(150):
        cache[(number, "key")] = Cycle(cache)
        cache.set([number], Cycle(cache), ttl=60, tags=["x", f"t{number}"])
        cache.get([number])
        cache.entries(limit=3)
        cache.get_or_set(("load", number), lambda: Cycle(cache))
    cache.invalidate(tags=["x"])
    cache.stats()
    cache._validate()
    gc.set_threshold(700, 10, 10)
    cache.close()


@in_child(timeout=60)
def test_threads_hammer_while_another_collects():
    cache, stop = Cache("hammered", max_size=100), threading.Event()

    def work(seed):
        for turn in range(4_000):
            key = (seed * turn) % 150
            node = [cache, turn]
            node.append(node)
            cache[key] = node
            cache.get(key + 1)
            if turn % 100 == 0:
                cache.set([key], node, ttl=60, tags=["x"])
                cache.invalidate(tags=["x"])
                list(cache.items())

    def collect():
        while not stop.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    collector.join()
    cache._validate()
    assert len(cache) <= 100


@in_child
def test_code_of_keys_never_runs_in_the_engine():
    import dataclasses

    armed = False

    @dataclasses.dataclass(eq=False)
    class Point:
        x: int

        def __hash__(self):
            assert not armed
            return 1

        def __eq__(self, other):
            assert not armed
            return True

    class Named:
        def __init__(self, name):
            self.name = name

        def __cache_key__(self):
            return self.name

        def __hash__(self):
            raise AssertionError("hashed")

        def __eq__(self, other):
            raise AssertionError("compared")

    cache = Cache("keys", max_size=50)
    armed = True
    for number in range(200):
        cache[Point(number % 60)] = number
        cache[(Point(number % 60), number)] = number
        cache[Named(f"n{number}")] = number
        assert cache[Named(f"n{number}")] == number
        assert cache.pop((Point(number % 60), number)) == number
    assert len(cache) == 49
    cache._validate()


@in_child
def test_a_cache_key_that_uses_the_cache_or_raises():
    class Key:
        def __init__(self, number):
            self.number = number

        def __cache_key__(self):
            cache[("asked", self.number)] = True
            if self.number == 3:
                raise ValueError("no key")
            return ("key", self.number)

    cache = Cache("keys", max_size=10)
    for number in range(3):
        cache[Key(number)] = number
        assert cache[Key(number)] == number
    for operation in (cache.get, cache.delete, lambda key: cache.set(key, 1), lambda key: cache.get_or_set(key, 1)):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the text is checked below, with the cause's
            operation(Key(3))
        assert "no key" in f"{caught.value} {caught.value.__cause__}"
    cache._validate()
