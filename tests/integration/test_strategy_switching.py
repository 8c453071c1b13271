"""Strategies are switched on a live cache, while threads use it, without losing an entry."""

import contextlib
import functools
import itertools
import threading

import pytest

from tests.faces import STRATEGIES


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(STRATEGIES, 2)))
def test_from_any_to_any(make, first, second):
    cache = make(strategy=STRATEGIES[first](max_size=200))
    for key in range(200):
        cache[key] = key
    cache.set_strategy(STRATEGIES[second]())
    cache._validate()
    assert dict(cache) == {key: key for key in range(200)}
    cache["new"] = 1
    assert len(cache) == 200
    cache.set_strategy(STRATEGIES[first]())
    assert len(cache) == 200


def test_the_order_goes_with_the_entries(make):
    cache = make(max_size=5)
    cache.update((key, key) for key in range(5))
    for key in (0, 2):
        cache.get(key)
    cache.set_strategy("ttl")
    cache.set_strategy("lru")
    assert [cache.popitem()[0] for _ in range(5)] == [1, 3, 4, 0, 2]


def test_counts_go_with_the_entries_to_lfu(make):
    cache = make(max_size=3)
    cache.update({"a": 1, "b": 2, "c": 3})
    for key in "aab":
        cache.get(key)
    cache.set_strategy({"type": "lfu", "ageing": False})
    cache["d"] = 4
    assert sorted(cache) == ["a", "b", "d"]


@contextlib.contextmanager
def running(*works):
    """Each of `works` runs in a thread of its own; it is given the event that tells it to end."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_while_threads_hammer_it(make):
    """A key that is never deleted and always fits is never missed."""
    cache, problems = make(), []
    steady = {f"steady-{number}": object() for number in range(200)}
    cache.update(steady)

    def read(stop):
        while not stop.is_set():
            for key, value in steady.items():
                if cache.get(key) is not value:
                    problems.append(key)

    def write(number, stop):
        for turn in itertools.count():
            if stop.is_set():
                return
            key = (number, turn % 50)
            cache.set(key, turn, ttl=[None, 60][turn % 2], tags=["busy"][: turn % 3], priority=turn % 5 / 4)
            if cache.get(key) != turn:
                problems.append(key)
            if turn % 7 == 0:
                cache.delete(key)

    with running(read, read, *(functools.partial(write, number) for number in range(3))):
        for kind in list(STRATEGIES) * 8:
            cache.set_strategy(STRATEGIES[kind](max_bytes=None if kind != "size" else "1GiB"))
            cache._validate()
            if kind != "custom":
                cache.entries(limit=10)
    assert problems == []
    cache._validate()
    assert all(cache[key] is value for key, value in steady.items())


def test_while_threads_hammer_a_full_cache(make):
    cache = make(max_size=100)

    def work(number, stop):
        for turn in itertools.count():
            if stop.is_set():
                return
            key = turn * number % 331
            if cache.get(key) is None:
                cache.set(key, [turn])

    with running(*(functools.partial(work, number) for number in (1, 3, 7, 11))):
        for kind in list(STRATEGIES) * 6:
            cache.set_strategy(STRATEGIES[kind](max_size=100))
            cache._validate()
    cache.set_strategy("lru")
    assert len(cache) == 100
    stats = cache.stats()
    assert stats.set_count - stats.eviction_count >= 100
