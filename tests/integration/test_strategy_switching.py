"""Strategies are switched on a live cache, while threads use it, without losing an entry."""

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


def test_while_threads_hammer_it(make):  # noqa: C901 - readers, writers and the switches in one place
    """A key that is never deleted and always fits is never missed."""
    cache = make()
    stop, problems = threading.Event(), []
    steady = {f"steady-{number}": object() for number in range(200)}
    cache.update(steady)

    def read():
        while not stop.is_set():
            for key, value in steady.items():
                if cache.get(key) is not value:
                    problems.append(key)

    def write(number):
        for turn in itertools.count():
            if stop.is_set():
                return
            key = (number, turn % 50)
            cache.set(key, turn, ttl=[None, 60][turn % 2], tags=["busy"][: turn % 3], priority=turn % 5 / 4)
            if cache.get(key) != turn:
                problems.append(key)
            if turn % 7 == 0:
                cache.delete(key)

    threads = [threading.Thread(target=read) for _ in range(2)]
    threads += [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for kind in list(STRATEGIES) * 8:
            cache.set_strategy(STRATEGIES[kind](max_bytes=None if kind != "size" else "1GiB"))
            cache._validate()
            if kind != "custom":
                cache.entries(limit=10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    cache._validate()
    assert all(cache[key] is value for key, value in steady.items())


def test_while_threads_hammer_a_full_cache(make):
    cache = make(max_size=100)
    stop = threading.Event()

    def work(number):
        for turn in itertools.count():
            if stop.is_set():
                return
            key = turn * number % 331
            if cache.get(key) is None:
                cache.set(key, [turn])

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 3, 7, 11)]
    for thread in threads:
        thread.start()
    try:
        for kind in list(STRATEGIES) * 6:
            cache.set_strategy(STRATEGIES[kind](max_size=100))
            cache._validate()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    cache.set_strategy("lru")
    assert len(cache) == 100
    stats = cache.stats()
    assert stats.set_count - stats.eviction_count >= 100
