"""One key: get, set, add, replace, delete, pop, incr, decr, entry, for every strategy and face."""

import math

import pytest

from omnicache import DEFAULT, MISSING, CacheError, MissingKeyError


def test_what_is_set_is_got(box):
    value = object()
    assert box.set("a", value) is None
    assert box.get("a") is value
    assert box.get("b") is None
    assert box.get("b", 7) == 7
    assert box.get("b", default=7) == 7
    assert box.get("b", MISSING) is MISSING


def test_none_is_a_value_like_any_other(box):
    box.set("a", None)
    assert box.get("a", MISSING) is None
    assert "a" in box.cache
    assert box.cache["a"] is None
    assert box.add("a", 1) is False
    assert box.pop("a", 5) is None
    assert box.get("a", MISSING) is MISSING


def test_a_set_overwrites_all_of_an_entry(box, clock):
    box.set("a", 1, ttl=10, tags=["x"], priority=0.9)
    box.set("a", 2)
    entry = box.entry("a")
    assert (entry.value, entry.ttl, entry.tags, entry.priority) == (2, None, (), 0.5)
    clock.advance(11)
    assert box.get("a") == 2


def test_add_writes_only_what_is_not_there(box):
    assert box.add("a", 1) is True
    assert box.add("a", 2) is False
    assert box.get("a") == 1


def test_replace_writes_only_what_is_there(box):
    assert box.replace("a", 1) is False
    assert box.get("a", MISSING) is MISSING
    box.set("a", 1)
    assert box.replace("a", 2) is True
    assert box.get("a") == 2


def test_add_and_replace_take_an_expired_entry_for_none(box, clock):
    box.set("a", 1, ttl=5)
    clock.advance(5)
    assert box.replace("a", 2) is False
    assert box.add("a", 3) is True
    assert box.get("a") == 3


def test_delete_says_whether_it_was_there(box, clock):
    box.set("a", 1)
    assert box.delete("a") is True
    assert box.delete("a") is False
    assert box.get("a", MISSING) is MISSING
    box.set("b", 1, ttl=1)
    clock.advance(1)
    assert box.delete("b") is False


def test_pop_returns_what_it_removes(box):
    box.set("a", [1])
    assert box.pop("a") == [1]
    assert box.pop("a", None) is None
    assert box.pop("a", "other") == "other"
    with pytest.raises(MissingKeyError) as caught:
        box.pop("a")
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, CacheError)
    assert caught.value.args == ("a",)
    assert str(caught.value).startswith(f"'a' is not in the cache {box.cache.name!r}")


def test_numbers_count_up_and_down(box):
    assert box.incr("n") == 1
    assert box.incr("n", 4) == 5
    assert box.decr("n") == 4
    assert box.decr("n", 10) == -6
    assert box.incr("n", 0.5) == -5.5
    assert box.decr("m") == -1
    assert box.incr("big", 10**40) == 10**40
    assert box.get("n") == -5.5


def test_counting_keeps_the_life_of_the_entry(box, clock):
    box.set("n", 1, ttl=10, tags=["x"])
    clock.advance(6)
    assert box.incr("n") == 2
    assert box.ttl("n") == pytest.approx(4)
    assert box.entry("n").tags == ("x",)
    clock.advance(5)
    assert box.incr("n", ttl=3) == 1
    assert box.ttl("n") == pytest.approx(3)


@pytest.mark.parametrize("value", ["1", None, True, [1]])
def test_only_numbers_are_counted(box, value):
    box.set("n", value)
    with pytest.raises(TypeError, match="int or a float"):
        box.incr("n")
    with pytest.raises(TypeError, match="int or a float"):
        box.decr("m", value)
    assert box.get("n") == value


def test_an_entry_tells_what_is_known(box, clock):
    assert box.entry("a") is None
    box.set("a", "value", ttl=60, tags=["x", "y", "x"], priority=0.75)
    clock.advance(10)
    box.get("a")
    box.get("a")
    entry = box.entry("a")
    assert (entry.key, entry.value, entry.hits, entry.ttl) == ("a", "value", 2, 60.0)
    assert set(entry.tags) == {"x", "y"}
    assert entry.priority == 0.75
    assert entry.expires - entry.created == pytest.approx(60, abs=0.2)
    assert entry.accessed - entry.created == pytest.approx(10, abs=0.2)
    assert entry.created == entry.updated
    assert entry.expires_at > entry.last_accessed > entry.created_at
    box.set("a", "new")
    after = box.entry("a")
    assert after.version != entry.version
    assert after.updated > after.created
    assert after.expires is None
    assert after.expires_at is None


def test_looking_at_an_entry_is_no_read(box):
    box.set("a", 1)
    box.entry("a")
    box.ttl("a")
    assert "a" in box.cache
    assert box.entry("a").hits == 0
    stats = box.cache.stats()
    assert (stats.hit_count, stats.miss_count) == (0, 0)


def test_keys_of_different_types_are_different_keys(box):
    keys = [1, 1.0, True, "1", b"1", None, "", b"", (), (1,), (1.0,), ("1",), -1, -2, 2**70, float("inf")]
    for number, key in enumerate(keys):
        box.set(key, number)
    assert [box.get(key) for key in keys] == list(range(len(keys)))
    assert len(box.cache) == len(keys)
    box.set(math.nan, "nan")
    assert box.get(-float("nan")) == "nan"
    box.set(0.0, "zero")
    assert box.get(-0.0) == "zero"


def test_equal_keys_are_one_key_whatever_object_they_are(box):
    box.set("ab" * 50, 1)
    box.set(10**30, 2)
    box.set((1, ("a", b"b", None)), 3)
    box.set([1, {"a": {2, 3}}], 4)
    assert box.get("".join(["ab"] * 50)) == 1
    assert box.get(int("1" + "0" * 30)) == 2
    assert box.get((1, ("a", bytes([98]), None))) == 3
    assert box.get([1, {"a": {3, 2}}]) == 4
    assert len(box.cache) == 4


def test_default_means_the_caches_own(on):
    box = on(default_ttl=60)
    box.set("a", 1, DEFAULT)
    box.set("b", 1, None)
    box.set("c", 1, 5)
    box.set("d", 1, ttl=DEFAULT, tags=DEFAULT, priority=DEFAULT, idle=DEFAULT, stale=DEFAULT, jitter=DEFAULT)
    assert [box.ttl(key) for key in "abcd"] == [60.0, None, 5.0, 60.0]


def test_an_awaited_answer_never_suspends(make):
    """The async face of these tests drives each coroutine by hand, and fails if it yields."""
    cache = make()
    coroutine = cache.aget("a", 3)
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value == 3
