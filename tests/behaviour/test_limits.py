"""Limits and who is evicted: exact orders, priority, bytes, sizers."""

import random
import sys

import pytest

from omnicache import LFUStrategy, LRUStrategy, SizeStrategy, TinyLFUStrategy, TTLStrategy
from tests.faces import STRATEGIES, Coldest


def test_a_cache_never_holds_more_than_its_limit(on):
    box = on(max_size=10)
    for key in range(100):
        box.set(key, key)
        assert len(box.cache) == min(key + 1, 10)
    stats = box.cache.stats()
    assert (stats.entry_count, stats.eviction_count, stats.set_count) == (10, 90, 100)


def test_a_limit_of_one(on):
    box = on(max_size=1)
    for key in range(5):
        box.set(key, key)
        assert len(box.cache) == 1


def test_lru_evicts_what_was_used_longest_ago(make, face):
    box = face(make(strategy=LRUStrategy(3)))
    box.set_many({"a": 1, "b": 2, "c": 3})
    box.get("a")
    box.set("b", 20)
    box.set("d", 4)
    assert sorted(box.cache) == ["a", "b", "d"]
    box.set("e", 5)
    assert sorted(box.cache) == ["b", "d", "e"]


def test_lru_is_exact_over_more_reads_than_are_noted_at_once(make):
    cache = make(max_size=200)
    order = list(range(200))
    cache.update((key, key) for key in order)
    chance = random.Random(1)
    for _ in range(5_000):
        key = chance.randrange(200)
        cache.get(key)
        order.remove(key)
        order.append(key)
    assert [cache.popitem()[0] for _ in range(200)] == order


def test_lfu_evicts_what_was_used_least_and_among_equals_the_oldest(make, face):
    box = face(make(strategy=LFUStrategy(3, ageing=False)))
    box.set_many({"a": 1, "b": 2, "c": 3})
    for key in "aabcc":
        box.get(key)
    box.set("d", 4)
    assert sorted(box.cache) == ["a", "c", "d"]
    box.set("e", 5)
    assert sorted(box.cache) == ["a", "c", "e"]


def test_what_was_just_written_is_there(on):
    """Only admission by popularity may turn something new away."""
    box = on(max_size=5)
    for turn in range(20):
        box.set(turn, turn, ttl=100 - turn)
        if box.cache.strategy.name != "tinylfu":
            assert box.get(turn) == turn
            assert box.get(turn) == turn


def test_ttl_evicts_what_ends_soonest(make, face, clock):
    box = face(make(strategy=TTLStrategy(max_size=3), clock=clock))
    box.set("a", 1, ttl=30)
    box.set("b", 2, ttl=10)
    box.set("c", 3)
    box.set("d", 4, ttl=20)
    assert sorted(box.cache) == ["a", "c", "d"]
    box.touch("d", 100)
    box.set("e", 5, ttl=50)
    assert sorted(box.cache) == ["c", "d", "e"]


def test_size_evicts_the_heaviest_and_coldest(make, face):
    box = face(make(strategy=SizeStrategy(1000), sizer=lambda key, value: value))
    box.set("heavy", 600)
    for key in range(10):
        box.set(key, 30)
    box.set("more", 200)
    assert "heavy" not in box.cache
    assert len(box.cache) == 11


def test_tinylfu_keeps_the_popular_through_a_scan(make, face):
    box = face(make(strategy=TinyLFUStrategy(100)))
    for _ in range(10):
        for key in range(50):
            if box.get(key) is None:
                box.set(key, key + 1)
    for key in range(1_000, 3_000):
        box.set(key, key)
    assert sum(key in box.cache for key in range(50)) > 20


def test_what_may_not_go_stays_to_the_last(on):
    box = on(max_size=5)
    box.set("pinned", 1, priority=1.0)
    for key in range(50):
        box.set(key, key)
    assert box.get("pinned") == 1
    for key in range(10):
        box.set(f"p{key}", 1, priority=1)
    assert len(box.cache) == 5


def test_low_priority_goes_first(on):
    box = on(max_size=10)
    for key in range(10):
        box.set(key, key, priority=0.1 if key == 9 else 0.5)
    box.set("new", 1)
    assert 9 not in box.cache
    assert len(box.cache) == 10


def test_bytes_are_limited(on):
    box = on(max_bytes=10_000)
    assert box.cache.max_bytes == 10_000
    for key in range(100):
        box.set(key, b"x" * 500)
        assert box.cache.stats().total_size_bytes <= 10_000
    assert 10 <= len(box.cache) < 20
    assert box.entries()[0].size >= 500


def test_a_sizer_says_what_an_entry_weighs(on):
    asked = []

    def sizer(key, value):
        asked.append((key, value))
        return len(value)

    box = on(max_bytes=10, sizer=sizer)
    box.set("a", "12345")
    box.set([1], "12345")
    assert asked == [("a", "12345"), ([1], "12345")]
    assert box.cache.stats().total_size_bytes == 10
    box.set("c", "1")
    assert box.cache.stats().total_size_bytes <= 10


def test_a_sizer_sees_keys_as_users_do_when_nothing_is_limited(on):
    asked = []

    def sizer(key, value):
        asked.append(key)
        return 7

    box = on(sizer=sizer)
    box.set_many([("a", 1), (("b", 2), 1)])
    box.set([3], 1)
    assert box.cache.stats().total_size_bytes == 21
    box.cache.configure(max_bytes=14)
    assert len(box.cache) <= 2
    assert all(type(key) in {str, tuple, list} for key in asked)


@pytest.mark.parametrize("size", [-1, 1.5, "1", None, 2**64])
def test_a_sizer_returns_bytes(on, size):
    box = on(max_bytes=100, sizer=lambda key, value: size)
    with pytest.raises(TypeError, match="sizer"):
        box.set("a", 1)
    assert len(box.cache) == 0


def test_a_sizer_that_raises_is_the_callers_error(on):
    box = on(max_bytes=100, sizer=lambda key, value: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        box.set("a", 1)
    assert box.get("a") is None


@pytest.mark.timeout(10)
def test_what_is_heavier_than_the_whole_cache_is_not_kept_and_evicts_nothing(on):
    box = on(max_bytes=100, sizer=lambda key, value: 1_000 if value in {"heavy", 1000} else 10)
    box.set("a", "light")
    box.set("b", "heavy")
    assert list(box.cache) == ["a"]
    assert box.add("c", "heavy") is False
    assert box.cache.setdefault("d", "heavy") == "heavy"
    assert box.incr("n", 1_000) == 1_000
    assert box.get_or_set("e", "heavy") == "heavy"
    assert list(box.cache) == ["a"]
    box.set("a", "heavy")
    assert len(box.cache) == 0


@pytest.mark.timeout(10)
def test_counting_keeps_within_the_limit(on):
    box = on(max_bytes=100, sizer=lambda key, value: value)
    box.set("other", 50)
    box.set("n", 40)
    box.incr("n", 30)
    assert box.cache.stats().total_size_bytes <= 100
    box.cache._validate()


def test_without_a_limit_in_bytes_the_sizes_are_known_all_the_same(box):
    box.set("a", [b"x" * 1_000])
    expected = sys.getsizeof("a") + sys.getsizeof([0]) + sys.getsizeof(b"x" * 1_000)
    assert box.cache.stats().total_size_bytes == pytest.approx(expected, abs=16)


class Unweighable:
    def __sizeof__(self):
        raise RuntimeError("no size")


def test_a_value_that_cannot_be_weighed_is_kept_all_the_same(on):
    box = on(max_bytes=10_000)
    value = Unweighable()
    box.set("a", value)
    assert box.get("a") is value
    assert 0 < box.cache.stats().total_size_bytes < 1_000
    assert box.entries()[0].size == box.cache.stats().total_size_bytes


def test_limits_change_on_a_live_cache(on):
    box = on()
    for key in range(100):
        box.set(key, b"x" * 100)
    box.cache.configure(max_size=50)
    assert len(box.cache) == box.cache.max_size == 50
    box.cache.configure(max_bytes=2_000)
    assert box.cache.stats().total_size_bytes <= 2_000
    assert box.cache.max_size == 50
    if box.cache.strategy.name != "size":
        box.cache.configure(max_size=None, max_bytes=None)
        for key in range(200):
            box.set(key, key)
        assert len(box.cache) == 200


def test_a_failed_configure_changes_nothing(on):
    box = on(max_size=10, default_ttl=60)
    for wrong in (
        {"max_size": 5, "jitter": 2},
        {"max_size": 5, "max_bytes": -1},
        {"default_ttl": 5, "max_size": 0},
        {"copy": "dep", "max_size": 5},
        {"max_size": 5, "default_ttl": "x"},
    ):
        with pytest.raises(Exception, match=r"jitter|max_bytes|max_size|copy|default_ttl"):
            box.cache.configure(**wrong)
        assert (box.cache.max_size, box.cache.default_ttl) == (10, 60.0)
        assert box.cache.strategy.max_size == 10
    for key in range(20):
        box.set(key, key)
    assert len(box.cache) == 10


@pytest.mark.parametrize("kind", list(STRATEGIES))
def test_a_heavy_reader_does_not_upset_the_structures(make, kind):
    cache = make(strategy=STRATEGIES[kind](max_size=64))
    chance = random.Random(kind)
    for _ in range(3_000):
        key = int(chance.paretovariate(0.7)) % 500
        if cache.get(key) is None:
            cache.set(key, True, ttl=chance.choice([None, 1, 1000]), priority=chance.choice([0, 0.3, 0.5, 0.8, 1]))
    cache._validate()
    assert len(cache) == 64


def test_the_adviser_of_the_tests_is_lru(make):
    cache = make(strategy=Coldest(2))
    cache.update({"a": 1, "b": 2})
    cache.get("a")
    cache["c"] = 3
    assert sorted(cache) == ["a", "c"]
