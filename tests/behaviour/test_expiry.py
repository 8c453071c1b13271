"""How entries end: ttl, idle, stale windows, jitter, touch, and who removes what has ended."""

from datetime import timedelta

import pytest

from omnicache import MISSING


def test_an_entry_ends_with_its_ttl_to_the_nanosecond(box, clock):
    box.set("a", 1, ttl=10)
    clock.advance(10 - 1e-9)
    assert box.get("a") == 1
    clock.advance(1e-9)
    assert box.get("a", MISSING) is MISSING
    assert "a" not in box.cache


@pytest.mark.parametrize("ttl", [90, 90.0, "90s", "1m30s", timedelta(minutes=1.5)])
def test_durations_are_written_in_many_ways(box, clock, ttl):
    box.set("a", 1, ttl)
    box.set("b", 1, ttl=ttl)
    assert box.ttl("a") == 90.0
    clock.advance(ttl)
    assert box.get("a") is None
    assert box.get("b") is None


def test_ttl_says_what_is_left(box, clock):
    assert box.ttl("a") is MISSING
    assert box.ttl("a", None) is None
    box.set("a", 1)
    assert box.ttl("a") is None
    box.set("a", 1, ttl=10)
    clock.advance(4)
    assert box.ttl("a") == pytest.approx(6)
    clock.advance(6)
    assert box.ttl("a") is MISSING


def test_a_default_ttl_holds_unless_the_call_says_otherwise(on, clock):
    box = on(default_ttl="10s")
    assert box.cache.default_ttl == 10.0
    box.set("a", 1)
    box.cache["b"] = 2
    box.add("c", 3)
    box.set_many({"d": 4})
    box.set("e", 5, ttl=None)
    box.set("f", 6, ttl=20)
    clock.advance(10)
    assert box.get_many(["a", "b", "c", "d", "e", "f"]) == {"e": 5, "f": 6}


def test_an_idle_entry_ends_and_one_that_is_read_stays(box, clock):
    box.set("a", 1, idle=10)
    box.set("b", 1, idle=10)
    for _ in range(5):
        clock.advance(9)
        assert box.get("a") == 1
    assert box.get("b") is None
    clock.advance(10)
    assert box.get("a") is None


def test_looking_does_not_keep_an_idle_entry(box, clock):
    box.set("a", 1, idle=10)
    clock.advance(9)
    assert "a" in box.cache
    assert box.entry("a").value == 1
    assert box.cache.items() == [("a", 1)]
    clock.advance(1)
    assert "a" not in box.cache


def test_use_prolongs_idleness_but_not_the_ttl(box, clock):
    box.set("a", 1, ttl=20, idle=15)
    clock.advance(12)
    assert box.get("a") == 1
    clock.advance(8)
    assert box.get("a") is None


def test_a_default_idle(on, clock):
    box = on(default_idle=10)
    box.set("a", 1)
    box.cache["b"] = 1
    box.set("c", 1, idle=None)
    clock.advance(5)
    assert box.get("b") == 1
    clock.advance(5)
    assert box.get_many(["a", "b", "c"]) == {"b": 1, "c": 1}


def test_touch_gives_a_new_ttl_from_now(on, clock):
    box = on(default_ttl=30)
    assert box.touch("a", 10) is False
    box.set("a", 1, ttl=10)
    clock.advance(8)
    assert box.touch("a", 10) is True
    clock.advance(8)
    assert box.ttl("a") == pytest.approx(2)
    assert box.touch("a") is True
    assert box.ttl("a") == 30.0
    assert box.touch("a", ttl=None) is True
    assert box.ttl("a") is None
    assert box.touch("a", "5s") is True
    clock.advance(5)
    assert box.touch("a", 5) is False


def test_a_stale_entry_is_a_miss_that_is_kept(box, clock):
    box.set("a", 1, ttl=10, stale=20)
    clock.advance(10)
    assert box.get("a", MISSING) is MISSING
    assert "a" not in box.cache
    assert box.entry("a") is None
    assert box.touch("a", 5) is False
    assert box.cache._peek("a") == (1, False)
    assert len(box.cache) == 0
    clock.advance(20)
    assert box.cache._peek("a") is None


def test_jitter_only_shortens_and_spreads(on):
    box = on(jitter=0.5)
    for key in range(200):
        box.set(key, 1, ttl=100)
    lives = [box.ttl(key) for key in range(200)]
    assert all(50 <= life <= 100 for life in lives)
    assert max(lives) - min(lives) > 25
    box.set("exact", 1, ttl=100, jitter=0)
    assert box.ttl("exact") == 100.0
    box.set("for ever", 1, jitter=1)
    assert box.ttl("for ever") is None


def test_jitter_of_one_call(box):
    for key in range(50):
        box.set(key, 1, ttl=100, jitter=0.1)
    assert all(90 <= box.ttl(key) <= 100 for key in range(50))


def test_what_has_ended_goes_while_the_cache_is_used(box, clock):
    freed = []

    class Value:
        def __del__(self):
            freed.append(1)

    for key in range(100):
        box.set(key, Value(), ttl=key % 10 + 1)
    clock.advance(20)
    box.set("new", 1)
    assert len(freed) == 100
    assert len(box.cache) == 1
    assert box.cache.stats().expiration_count == 100


def test_purge_expired_counts_what_it_removes(box, clock):
    box.set("a", 1, ttl=1)
    box.set("b", 1, ttl=1, stale=100)
    box.set("c", 1, tags=["t"])
    box.set("d", 1)
    assert len(box.cache) == 4, "all of it is written, which itself removes what is over"
    assert box.purge_expired() == 0
    clock.advance(1)
    assert box.purge_expired() == 1
    assert box.purge_expired() == 0
    clock.advance(100)
    assert box.purge_expired() == 1
    box.clear(tags=["t"])
    assert box.purge_expired() in {0, 1}, "what a tag ended may be gone already"
    assert box.purge_expired() == 0
    assert list(box.cache) == ["d"]


def test_purge_expired_removes_what_was_not_used(box, clock):
    box.set("a", 1, idle=1)
    clock.advance(1)
    assert box.purge_expired() == 1


def test_length_counts_no_expired_entry(box, clock):
    box.set("a", 1, ttl=1)
    box.set("b", 1, ttl=2)
    assert len(box.cache) == 2
    clock.advance(1)
    assert len(box.cache) == 1
    assert box.cache.stats().entry_count == 1


def test_long_times_and_far_jumps(box, clock):
    box.set("short", 1, ttl=1e-6)
    box.set("long", 1, ttl="5200w")
    clock.advance("52w")
    assert box.get("short") is None
    assert box.get("long") == 1
    for _ in range(40):
        clock.advance("260w")
    assert box.get("long") is None
