"""Events: called outside every lock, may use the cache, harm nothing when they fail."""

import logging

import pytest

from omnicache import MISSING, CacheConfigError

KINDS = ("evict", "expire", "set", "delete", "hit", "miss", "load", "error")


@pytest.fixture
def seen(box):
    seen = []
    for kind in KINDS:
        box.cache.on(kind, lambda event: seen.append((event.kind, event.key, event.value)))
    return seen


def test_every_kind_is_told(box, seen, clock):
    box.set("a", 1)
    box.get("a")
    box.get("b")
    box.set("a", 2)
    box.delete("a")
    assert seen == [("set", "a", 1), ("hit", "a", 1), ("miss", "b", MISSING), ("set", "a", 2), ("delete", "a", 2)]
    seen.clear()
    box.get_or_set("c", lambda: 3)
    assert seen == [("miss", "c", MISSING), ("set", "c", 3), ("load", "c", 3)]
    seen.clear()
    box.set("d", 4, ttl=1)
    clock.advance(1)
    box.purge_expired()
    assert seen == [("set", "d", 4), ("expire", "d", 4)]
    seen.clear()
    box.cache.configure(max_size=1)
    box.set("e", 5)
    assert ("evict", "c", 3) in seen or ("evict", "e", 5) in seen


def test_clear_and_delete_many_tell_of_each(box, seen):
    box.set_many({"a": 1, "b": 2, "c": 3})
    seen.clear()
    box.delete_many(["a"])
    box.clear()
    assert sorted(seen) == [("delete", "a", 1), ("delete", "b", 2), ("delete", "c", 3)]


def test_the_invalidated_are_told_of_as_expired(box, seen):
    box.set("a", 1, tags=["x"])
    seen.clear()
    box.invalidate(tags=["x"])
    box.purge_expired()
    assert seen == [("expire", "a", 1)]


def test_a_failing_loader_is_an_error_event(box):
    errors = []
    box.cache.on("error", errors.append)
    error = ValueError("no")

    def load():
        raise error

    with pytest.raises(ValueError, match="no"):
        box.get_or_set("a", load)
    assert [(event.kind, event.cache, event.key, event.error) for event in errors] == [
        ("error", box.cache.name, "a", error)
    ]


def test_a_callback_may_use_the_cache(box):
    log = []

    def note(event):
        box.cache.get(event.key)
        box.cache.entry(event.key)
        if len(box.cache) < 5:
            box.cache[f"{event.key}+"] = event.value
        log.append(event.key)

    box.cache.on("set", note)
    box.set("a", 1)
    assert sorted(box.cache) == ["a", "a+", "a++", "a+++", "a++++"]
    assert len(log) == 5


def test_a_callback_that_raises_harms_nothing(box, caplog):
    errors = []
    box.cache.on("error", errors.append)

    @box.cache.on("hit")
    def bad(event):
        raise RuntimeError("bad callback")

    with caplog.at_level(logging.ERROR, "omnicache"):
        box.set("a", 1)
        assert box.get("a") == 1
    assert "bad callback" in caplog.text
    assert box.cache.stats().error_count == 1
    assert [type(event.error) for event in errors] == [RuntimeError]
    assert box.cache.off("hit", bad) is True
    assert box.cache.off("hit", bad) is False
    assert box.get("a") == 1
    assert box.cache.stats().error_count == 1
    box.cache.reset_stats()
    assert box.cache.stats().error_count == 0


def test_an_error_callback_that_raises_ends_there(box, caplog):
    def bad(event):
        raise RuntimeError("bad callback")

    box.cache.on("error", bad)
    box.cache.on("miss", bad)
    with caplog.at_level(logging.CRITICAL, "omnicache"):
        assert box.get("a", 1) == 1
    assert box.cache.stats().error_count == 2


@pytest.mark.parametrize("kind", ["hitt", "", None, 5])
def test_there_are_no_other_events(box, kind):
    with pytest.raises(CacheConfigError, match="the events are evict, expire"):
        box.cache.on(kind, print)


def test_a_callback_can_be_called(box):
    with pytest.raises(TypeError, match="callable"):
        box.cache.on("hit", 5)


def test_counting_tells_of_a_set(box, seen):
    box.incr("n")
    box.incr("n", 2)
    assert seen == [("set", "n", 1), ("set", "n", 3)]


def test_keys_that_are_no_plain_builtins_are_shown(box, seen):
    box.set([1], 1)
    box.delete([1])
    assert seen == [("set", [1], 1), ("delete", [1], 1)]
