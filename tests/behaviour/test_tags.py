"""Tags, patterns and invalidation, soft and hard."""

import pytest

from omnicache import MISSING


@pytest.fixture
def tagged(box):
    box.set("user:1", 1, tags=["user", "team:a"])
    box.set("user:2", 2, tags={"user"})
    box.set("page:1", 3, tags=iter(["page", "team:a"]))
    box.set("plain", 4)
    return box


def left(box):
    return sorted(box.cache)


def test_a_tag_is_invalidated(tagged):
    assert tagged.invalidate(tags=["team:a"]) is None
    assert left(tagged) == ["plain", "user:2"]
    assert tagged.get("user:1", MISSING) is MISSING
    tagged.invalidate(tags=["user", "nobody carries this"])
    assert left(tagged) == ["plain"]
    assert len(tagged.cache) == 1


def test_what_is_written_after_an_invalidation_is_valid(tagged):
    tagged.invalidate(tags=["user"])
    tagged.set("user:1", 5, tags=["user"])
    assert tagged.get("user:1") == 5
    assert left(tagged) == ["page:1", "plain", "user:1"]
    tagged.cache._validate()
    tagged.invalidate(tags=["user"], hard=True)
    assert left(tagged) == ["page:1", "plain"]


def test_a_forgotten_tag_does_not_revive(box):
    box.set("a", 1, tags=["x"])
    box.invalidate(tags=["x"])
    box.set("b", 2, tags=["x"])
    assert box.get("a", MISSING) is MISSING
    box.delete("b")
    box.set("c", 3, tags=["x"])
    assert box.get("a", MISSING) is MISSING
    assert left(box) == ["c"]


def test_keys_and_patterns_are_invalidated(tagged):
    tagged.invalidate(keys=["plain", "nothing"])
    assert left(tagged) == ["page:1", "user:1", "user:2"]
    tagged.invalidate(pattern="user:*")
    assert left(tagged) == ["page:1"]
    tagged.invalidate(["page:1"])
    assert left(tagged) == []


def test_conditions_of_an_invalidation_add_up(tagged):
    tagged.invalidate(keys=["plain"], tags=["team:a"], pattern="*2")
    assert left(tagged) == []


@pytest.mark.parametrize("how", [{"tags": ["x"]}, {"keys": ["a", "b"]}, {"pattern": "?"}])
def test_a_soft_invalidation_keeps_the_stale_copy_and_a_hard_one_does_not(box, clock, how):
    box.set("a", 1, tags=["x"], stale=60)
    box.set("b", 2, tags=["x"])
    box.invalidate(**how)
    assert left(box) == []
    assert box.get("a", MISSING) is MISSING
    assert (box.cache._peek("a"), box.cache._peek("b")) == ((1, False), None)
    clock.advance(59)
    assert box.cache._peek("a") == (1, False)
    clock.advance(1)
    assert box.cache._peek("a") is None
    box.set("a", 1, tags=["x"], stale=60)
    box.invalidate(**how, hard=True)
    assert box.cache._peek("a") is None


def test_clearing_by_pattern_and_tags_takes_what_has_both(tagged):
    assert tagged.clear(pattern="user:*", tags=["team:a"]) == 1
    assert left(tagged) == ["page:1", "plain", "user:2"]
    assert tagged.clear(tags=["page", "user"]) == 2
    assert tagged.clear(pattern="nothing*") == 0
    assert tagged.clear(tags=[]) == 0
    assert tagged.clear() == 1
    assert tagged.clear() == 0


def test_deleting_many(tagged):
    assert tagged.delete_many(["plain", "nothing"]) == 1
    assert tagged.delete_many(pattern="user:?") == 2
    assert tagged.delete_many(tags=["team:a"]) == 1
    assert tagged.delete_many() == 0
    assert len(tagged.cache) == 0


def test_patterns(box):
    keys = ["a", "ab", "a*b", "b[1]", "z", "é", "x/y", ""]
    for key in keys:
        box.set(key, 1)

    def match(pattern):
        return sorted(entry.key for entry in box.entries(pattern=pattern))

    assert match("*") == sorted(keys)
    assert match("a*") == ["a", "a*b", "ab"]
    assert match("a\\*b") == ["a*b"]
    assert match("?") == ["a", "z", "é"]
    assert match("[a-f]") == ["a"]
    assert match("[!a-f]") == ["z", "é"]
    assert match("b\\[1\\]") == ["b[1]"]
    assert match("x*y") == ["x/y"]
    assert match("") == [""]


def test_patterns_of_keys_that_are_not_text(box):
    for key in (12, 13, b"12", (1, 2), [1, 2], None):
        box.set(key, 1)
    assert [entry.key for entry in box.entries(pattern="12")] == [12]
    assert len(box.entries(pattern="*")) == 6
    assert box.delete_many(pattern="1?") == 2


@pytest.mark.timeout(20)
def test_a_hostile_pattern_takes_no_time(box):
    box.set("a" * 20_000, 1)
    assert box.entries(pattern="*a" * 30 + "b") == []


def test_tags_survive_reads_writes_and_switches(box):
    for key in range(50):
        box.set(key, key, tags=[f"t{key % 5}", "all"])
    for strategy in ("lfu", "ttl", "tinylfu", "lru"):
        box.cache.set_strategy(strategy)
        box.cache._validate()
    box.invalidate(tags=["t0"])
    assert len(box.cache) == 40
    assert len(box.entries(tags=["t1", "t2"])) == 20
    assert box.clear(tags=["all"]) == 40


def test_a_tag_on_very_many_entries_goes_at_once(box):
    for key in range(3_000):
        box.set(key, key, tags=["x"])
    box.invalidate(tags=["x"])
    assert box.get(1, MISSING) is MISSING
    assert box.cache.keys() == []
    for key in range(3_000, 3_100):
        box.set(key, 1)
    assert len(box.cache) == 100
    assert box.cache.stats().expiration_count == 3_000


@pytest.mark.parametrize("by", [{"pattern": "a*"}, {"tags": ["t"]}])
@pytest.mark.parametrize("how", ["delete_many", "clear", "invalidate"])
def test_what_is_stale_is_removed_with_the_rest(box, clock, by, how):
    box.set("a", 1, ttl=1, stale=100, tags=["t"])
    box.set("b", 2, ttl=1, stale=100)
    clock.advance(2)
    getattr(box, how)(**by, **({"hard": True} if how == "invalidate" else {}))
    assert (box.cache._peek("a"), box.cache._peek("b")) == (None, (2, False))
    assert box.get_or_set("a", lambda: "new", stale=100) == "new"
