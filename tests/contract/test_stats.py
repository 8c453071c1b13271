"""Statistics are exact."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from omnicache import Statistics
from tests.faces import STRATEGIES


def counts(cache):
    stats = cache.stats()
    return (stats.hit_count, stats.miss_count, stats.set_count, stats.delete_count, stats.eviction_count)


def test_a_new_cache_counts_nothing(make):
    cache = make()
    stats = cache.stats()
    assert isinstance(stats, Statistics)
    for field, value in stats.as_dict().items():
        if field not in {"backend_status", "last_reset"}:
            assert value == 0, field
    assert stats.backend_status == "connected"
    assert timedelta(0) <= datetime.now(UTC) - stats.last_reset < timedelta(seconds=10)


def test_what_counts_as_a_read(make):
    cache = make()
    cache["a"] = 1
    cache.get("a"), cache.get("b"), cache["a"], cache.get("a", 5), cache.get_many(["a", "b"])
    cache.get_or_set("a", 1), cache.get_or_set("c", 1)
    with pytest.raises(KeyError):
        cache["nothing"]
    assert counts(cache)[:2] == (5, 4)
    assert cache.stats().hit_rate == 5 / 9
    assert "a" in cache
    cache.entry("a"), cache.ttl("a"), list(cache), cache.items(), cache.values(), cache.entries(), len(cache)
    cache.add("a", 1), cache.replace("a", 2), cache.touch("a"), cache.delete("b"), cache.incr("a")
    assert counts(cache)[:2] == (5, 4)


def test_what_counts_as_a_write(make):
    cache = make()
    cache["a"] = 1
    cache.set("a", 2)
    assert cache.add("a", 3) is False
    assert cache.replace("b", 3) is False
    cache.set_many({"b": 1, "c": 2})
    cache.incr("a")
    assert counts(cache) == (0, 0, 5, 0, 0)
    cache.delete("a"), cache.delete("a"), cache.pop("b"), cache.pop("b", None)
    cache.clear()
    assert counts(cache) == (0, 0, 5, 3, 0)


def test_expired_entries_are_counted_once(make, clock):
    cache = make(clock=clock)
    for key in range(10):
        cache.set(key, key, ttl=1)
    clock.advance(1)
    assert [cache.get(key) for key in range(3)] == [None] * 3
    assert cache.purge_expired() == 7
    stats = cache.stats()
    assert (stats.expiration_count, stats.miss_count, stats.delete_count, stats.entry_count) == (10, 3, 0, 0)


@pytest.mark.parametrize("kind", list(STRATEGIES))
@pytest.mark.parametrize("hooked", [False, True])
def test_every_entry_that_came_is_there_or_went_for_a_reason(make, clock, kind, hooked):
    cache = make(strategy=STRATEGIES[kind](max_size=50), clock=clock)
    told = []
    if hooked:
        for event in ("evict", "expire", "delete"):
            cache.on(event, told.append)
    chance = random.Random(kind)
    reads = inserts = hits = 0
    for _ in range(4_000):
        key = chance.randrange(120)
        action = chance.random()
        if action < 0.5:
            reads += 1
            hits += cache.get(key) is not None
        elif action < 0.9:
            inserts += cache.add(key, True, ttl=chance.choice([None, 1, 5, 25]))
        elif action < 0.95:
            cache.delete(key)
        else:
            clock.advance(0.1)
    cache.purge_expired()
    stats = cache.stats()
    assert (stats.hit_count, stats.miss_count) == (hits, reads - hits)
    assert stats.set_count == inserts
    assert stats.entry_count == len(cache)
    gone = stats.eviction_count + stats.expiration_count + stats.delete_count
    assert inserts - gone == len(cache)
    if hooked:
        by_kind = [sum(event.kind == kind for event in told) for kind in ("evict", "expire", "delete")]
        assert by_kind == [stats.eviction_count, stats.expiration_count, stats.delete_count]


def test_a_reset_starts_anew_and_keeps_the_entries(make):
    cache = make()
    cache["a"] = [1]
    cache.get("a"), cache.get("b"), cache.get_or_set("c", 1)
    before = cache.stats()
    cache.reset_stats()
    stats = cache.stats()
    assert counts(cache) == (0, 0, 0, 0, 0)
    assert (stats.load_count, stats.entry_count) == (0, 2)
    assert stats.total_size_bytes == before.total_size_bytes > 0
    assert stats.last_reset > before.last_reset
    assert cache["a"] == [1]


def test_a_lookup_takes_some_time(make):
    cache = make()
    cache["a"] = 1
    for _ in range(5_000):
        cache.get("a")
    stats = cache.stats()
    assert 0 < stats.avg_access_time_ms < 100
    assert stats.hit_count == 5_000


def test_counts_are_exact_with_many_threads(make):
    import threading

    cache = make(max_size=100)

    def work(number):
        for turn in range(2_000):
            cache.get(turn % 150)
            cache.set((number, turn), turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = cache.stats()
    assert stats.hit_count + stats.miss_count == 8_000
    assert stats.set_count == 8_000
    assert stats.eviction_count == 8_000 - 100
    cache._validate()


def test_statistics_are_a_snapshot(make):
    stats = make().stats()
    with pytest.raises(AttributeError):
        stats.hit_count = 5
    assert stats.as_dict()["hit_rate"] == 0.0
