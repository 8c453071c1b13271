"""A cache is a mutable mapping, as a dict is."""

from collections.abc import MutableMapping

import pytest

from omnicache import Cache, MissingKeyError


def test_items_are_written_read_and_removed(box):
    cache = box.cache
    cache["a"] = 1
    assert cache["a"] == 1
    assert "a" in cache
    assert len(cache) == 1
    del cache["a"]
    assert "a" not in cache
    with pytest.raises(MissingKeyError) as caught:
        cache["a"]
    assert caught.value.args == ("a",)
    assert str(caught.value).startswith(f"'a' is not in the cache {cache.name!r}")
    with pytest.raises(KeyError):
        del cache["a"]
    assert isinstance(cache, MutableMapping)


def test_an_empty_cache_is_true(box):
    assert box.cache
    assert len(box.cache) == 0


def test_listings_are_snapshots(box):
    cache = box.cache
    cache.update({"a": 1, "b": 2})
    for key in cache:
        del cache[key]
        cache[key + key] = 0
    assert sorted(cache) == ["aa", "bb"]
    assert sorted(cache.keys()) == ["aa", "bb"]
    assert cache.values() == [0, 0]
    assert sorted(cache.items()) == [("aa", 0), ("bb", 0)]
    assert dict(cache) == {"aa": 0, "bb": 0}
    stats = cache.stats()
    assert stats.miss_count == 0


def test_listings_leave_out_what_has_ended(box, clock):
    cache = box.cache
    cache.set("a", 1, ttl=5)
    cache.set("b", 2, ttl=5, stale=5)
    cache["c"] = 3
    clock.advance(5)
    assert cache.keys() == ["c"]
    assert cache.values() == [3]
    assert cache.items() == [("c", 3)]
    assert [entry.key for entry in box.entries()] == ["c"]
    assert list(cache) == ["c"]


def test_update_and_setdefault(box):
    cache = box.cache
    cache.update({"a": 1}, b=2)
    cache.update([("c", 3)])
    cache.update()
    assert dict(cache) == {"a": 1, "b": 2, "c": 3}
    assert cache.setdefault("a", 9) == 1
    assert cache.setdefault("d", 4) == 4
    assert cache.setdefault("e") is None
    assert cache["d"] == 4
    assert cache["e"] is None


def test_popitem_empties_it_and_then_raises(box):
    cache = box.cache
    pairs = {"a": 1, (1, 2): 2, b"c": 3}
    cache.update(pairs)
    cache[[1, 2]] = 4
    popped = [cache.popitem() for _ in range(4)]
    assert {key: value for key, value in popped if not isinstance(key, list)} == pairs
    assert ([1, 2], 4) in popped
    with pytest.raises(KeyError, match="empty"):
        cache.popitem()


@pytest.mark.timeout(10)
def test_popitem_passes_over_what_has_ended(box, clock):
    cache = box.cache
    cache.set("a", 1, ttl=5)
    cache.set("b", 2, ttl=5, stale=50)
    cache["c"] = 3
    clock.advance(6)
    assert cache.popitem() == ("c", 3)
    with pytest.raises(KeyError):
        cache.popitem()


def test_a_key_that_is_listed_can_be_used(box):
    """What a listing shows of a key that is no plain builtin finds the entry again."""
    from dataclasses import dataclass
    from datetime import date
    from decimal import Decimal
    from enum import Enum
    from pathlib import PurePosixPath
    from uuid import UUID

    class Colour(Enum):
        RED = 1

    @dataclass
    class Point:
        x: int

    class Own:
        def __cache_key__(self):
            return ("own", 1)

    keys = [
        [1],
        {1: 2},
        {1, 2},
        frozenset({3}),
        date(2024, 1, 1),
        Decimal("1.5"),
        UUID(int=1),
        PurePosixPath("/a"),
        Colour.RED,
        Point(1),
        Own(),
        int,
        len,
        (1, [2]),
    ]
    cache = box.cache
    for number, key in enumerate(keys):
        cache[key] = number
    assert len(cache) == len(keys)
    for key, value in cache.items():
        assert value == value  # noqa: PLR0124
        assert cache.entry(key).value == value
    while len(cache):
        cache.popitem()


def test_a_subclass_may_override(make):
    class Loud(Cache):
        def __getitem__(self, key):
            return ("loud", super().__getitem__(key))

        def get(self, key, default=None):
            return ("loud", super().get(key, default))

    with Loud("loud") as cache:
        cache["a"] = 1
        assert cache["a"] == ("loud", 1)
        assert cache.get("b") == ("loud", None)
        assert "a" in cache
        assert len(cache) == 1


def test_two_caches_are_equal_only_if_they_are_the_same(make):
    one, two = make(), make()
    assert one != two
    assert one == one  # noqa: PLR0124
    assert len({one, two, one}) == 2


def test_what_is_kept_past_its_ttl_is_not_counted(on, clock):
    box = on(stale=60)
    box.set("old", 1, 10)
    box.set("new", 2, 100)
    clock.advance(20)
    assert len(box.cache) == len(list(box.cache)) == box.cache.stats().entry_count == 1
    assert box.get_or_set("old", lambda: 3) in {1, 3}
