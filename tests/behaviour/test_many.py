"""Many keys at once, and filling a cache."""

import pytest

from omnicache import CacheConfigError


def test_many_are_written_and_read(box):
    assert box.set_many({"a": 1, "b": None}) == 2
    assert box.set_many([("c", 3)], ttl=5, tags=["x"]) == 1
    assert box.set_many(iter([])) == 0
    assert box.get_many(["a", "b", "c", "d"]) == {"a": 1, "b": None, "c": 3}
    assert box.get_many(key for key in "ab") == {"a": 1, "b": None}
    assert box.get_many([]) == {}
    assert box.ttl("c") == 5.0
    assert box.entry("c").tags == ("x",)


def test_many_reads_are_counted(box):
    box.set_many({"a": 1, "b": 2})
    box.get_many(["a", "b", "c"])
    stats = box.cache.stats()
    assert (stats.hit_count, stats.miss_count) == (2, 1)


@pytest.mark.parametrize("keys", ["abc", b"abc"])
@pytest.mark.parametrize("method", ["get_many", "delete_many", "invalidate"])
def test_one_text_is_not_many_keys(box, method, keys):
    box.set_many({"a": 1, 97: 1})
    with pytest.raises(TypeError, match=f"{method}: keys: an iterable of keys, not one"):
        getattr(box, method)(keys)
    assert len(box.cache) == 2


def test_a_cache_is_warmed_from_anything(box):
    told = []
    assert box.warm({"a": 1, "b": 2}) == 2
    assert box.warm([("c", 3)]) == 1
    assert box.warm(lambda: {"d": 4}) == 1
    assert box.warm((f"n{n}", n) for n in range(5)) == 5
    pairs = [(n, n) for n in range(25)]
    assert box.warm(lambda: iter(pairs), batch_size=10, progress=told.append, ttl=60, tags=["warm"]) == 25
    assert told == [10, 20, 25]
    assert len(box.cache) == 34
    assert len(box.entries(tags=["warm"])) == 25
    assert box.ttl(0) == 60.0


def test_warming_tells_of_an_exact_last_batch_once(box):
    told = []
    box.warm([(n, n) for n in range(20)], batch_size=10, progress=told.append)
    assert told == [10, 20]


async def test_awaited_warming_takes_asynchronous_sources(make):
    cache = make()

    async def pairs():
        yield "a", 1
        yield "b", 2

    async def mapping():
        return {"c": 3}

    assert await cache.awarm(pairs()) == 2
    assert await cache.awarm(pairs) == 2
    assert await cache.awarm(mapping) == 1
    assert await cache.awarm(mapping()) == 1
    assert dict(cache) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "10"])
def test_a_batch_has_a_size(box, size):
    with pytest.raises(CacheConfigError, match="batch_size"):
        box.warm({}, batch_size=size)


def test_warming_stops_at_an_error_of_its_source(box):
    def pairs():
        yield "a", 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        box.warm(pairs())
    assert box.get("a") == 1


def test_keys_lists_them(box):
    box.set_many({"a": 1, (1, 2): 2})
    assert sorted(box.keys(), key=str) == [(1, 2), "a"]
