"""What one process writes, all others see at once, though they have copies near."""

import os
import shutil
import time
from pathlib import Path

import pytest

from omnicache import Cache, cached
from omnicache._omnicache import FarTerms, FileStore, encode_key
from tests.tiers.workers import working

CHANGES = {
    "a write": ("cache.set('k', 2)", 2),
    "a write by add": ("cache.delete('k') and cache.add('k', 3)", 3),
    "a write of many": ("cache.set_many({'k': 4, 'l': 5})", 4),
    "an addition": ("cache.incr('k', 10)", 11),
    "a deletion": ("cache.delete('k')", None),
    "a deletion of many": ("cache.delete_many(['k'])", None),
    "a deletion by pattern": ("cache.delete_many(pattern='k*')", None),
    "a removal": ("cache.pop('k')", None),
    "an invalidation": ("cache.invalidate(['k'])", None),
    "a hard invalidation": ("cache.invalidate(['k'], hard=True)", None),
    "an invalidation by tag": ("cache.invalidate(tags=['t'])", None),
    "a hard invalidation by tag": ("cache.invalidate(tags=['t'], hard=True)", None),
    "a clear": ("cache.clear()", None),
    "a clear by tag": ("cache.clear(tags=['t'])", None),
    "a load": ("cache.delete('k') and cache.get_or_set('k', lambda: 6)", 6),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_another_process_is_seen_at_once(cache: Cache, worker, change: str):
    code, after = CHANGES[change]
    cache.set("k", 1, tags=["t"])
    cache.set("other", 0)
    assert (cache.get("k"), cache["other"]) == (1, 0)
    near = len(Cache.__mro__[-2].keys(cache))
    assert near == 2, "both are near"
    answer = worker(code)
    assert not isinstance(answer, dict), answer
    assert cache.get("k") == after
    if after is None:
        with pytest.raises(KeyError):
            cache["k"]
    else:
        assert cache["k"] == after
    assert ("k" in cache) == (after is not None)


def test_a_shorter_life_given_by_another_process_is_seen(cache: Cache, worker):
    cache["k"] = 1
    assert cache["k"] == 1
    assert worker("cache.touch('k', 1e-9)")
    assert cache.get("k") is None


@pytest.mark.parametrize("form", ["get", "item", "aget", "get_many", "get_or_set", "function"])
async def test_every_way_to_read_sees_it(cache: Cache, worker, form: str):
    runs = []

    @cache.cached(key=lambda: "k", prefix="k")
    def function():
        runs.append(1)
        return "loaded"

    async def read():
        match form:
            case "get":
                return cache.get(key)
            case "item":
                return cache[key]
            case "aget":
                return await cache.aget(key)
            case "get_many":
                return cache.get_many([key])[key]
            case "get_or_set":
                return cache.get_or_set(key, lambda: "loaded")
            case _:
                return function()

    key = function.key() if form == "function" else "k"
    cache[key] = "old"
    assert [await read() for _ in range(3)] == ["old"] * 3
    worker(f"cache.set({key!r}, 'new')")
    assert [await read() for _ in range(3)] == ["new"] * 3
    assert runs == []


def test_many_workers_follow_each_other(tmp_path: Path):
    with working(tmp_path / "far", count=4) as workers:
        for turn in range(40):
            writer = workers[turn % 4]
            writer(f"cache.set('k', {turn})")
            assert [worker("cache['k']") for worker in workers] == [turn] * 4
            assert [worker("cache['k']") for worker in workers] == [turn] * 4


def test_a_child_after_a_fork_is_another_process(cache: Cache):
    """What a child writes with its parent's object, the parent must not take for its own."""
    cache["k"] = 1
    assert cache["k"] == 1
    child = os.fork()
    if child == 0:
        try:
            assert cache["k"] == 1
            cache["k"] = 2
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache["k"] == 2


def test_more_changes_than_the_log_holds(cache: Cache, worker):
    cache.set_many({f"k{number}": 1 for number in range(100)})
    assert sum(cache.get_many([f"k{number}" for number in range(100)]).values()) == 100
    worker("[cache.set(f'k{number % 100}', 2) for number in range(5000)] and None")
    assert {cache[f"k{number}"] for number in range(100)} == {2}


def test_a_directory_made_anew_is_noticed_by_near_hits_alone(cache: Cache, tmp_path: Path):
    cache["k"] = "old"
    assert cache["k"] == "old"
    time.sleep(1.01)  # the wall clock: the store trusts for a second that its file is where it was
    shutil.rmtree(tmp_path / "far")
    with working(tmp_path / "far") as (worker,):
        worker("cache.set('k', 'new')")
        seen = [cache["k"] for _ in range(1100)]
    assert seen[-1] == "new"


def test_compaction_by_another_process_keeps_the_near_copies_true(cache: Cache, tmp_path: Path):
    cache["k"] = 1
    other = FileStore(tmp_path / "far" / "default" / "shared")
    with working(tmp_path / "far") as (worker,):
        for turn in range(3):
            worker(f"cache._port.primary.store.compact() and cache.set('k', {turn})")
            assert cache["k"] == turn
            assert cache["k"] == turn
    other.close()


def test_statistics_stay_exact(make, worker):
    cache = make(max_size=100)
    cache.set_many({"a": 1, "b": 2})
    cache.reset_stats()
    for _ in range(3000):  # more than the reads that are timed
        cache.get("a")
        cache["b"]
    worker("cache.set('a', 3)")
    assert cache.get("a") == 3  # far
    assert cache.get("a") == 3
    assert cache.get("c") is None
    assert cache.get_many(["a", "c"]) == {"a": 3}
    cache.delete("a")
    stats = cache.stats()
    assert (stats.hit_count, stats.miss_count, stats.set_count, stats.delete_count) == (6003, 2, 0, 1)


# --- within one process: what may be kept near -----------------------------------------------------------------------


class Paused:
    """A port that stops at one step, so that something else happens in between."""

    def __init__(self, cache: Cache, name: str, meanwhile) -> None:
        port = cache._port.primary
        inner = getattr(port, name)

        def step(*args):
            answer = inner(*args)
            setattr(port, name, inner)
            meanwhile()
            return answer

        setattr(port, name, step)


def write_far(cache: Cache, key: str, value: object) -> None:
    """A write of another process."""
    store = FileStore(cache.backend.far.directory / "default" / cache.name)
    payload, flags = cache._codec.pack(value)
    store.set(encode_key(key), payload, time.time(), FarTerms(flags=flags, serializer=cache._codec.serializer.code))
    store.close()


@pytest.mark.parametrize("meanwhile", ["write here", "write there", "delete here", "invalidate tag", "clear"])
def test_what_was_read_before_a_write_is_not_kept_after_it(cache: Cache, meanwhile: str):
    cache.set("k", "old", tags=["t"])
    cache._near.clear()
    do = {
        "write here": lambda: cache.set("k", "new"),
        "write there": lambda: (write_far(cache, "k", "new"), cache.get("other")),
        "delete here": lambda: cache.delete("k"),
        "invalidate tag": lambda: cache.invalidate(tags=["t"], hard=True),
        "clear": cache.clear,
    }[meanwhile]
    Paused(cache, "get", do)
    assert cache.get("k") == "old"  # as it was when it was asked
    assert cache.get("k") == ("new" if "write" in meanwhile else None)


def test_two_writers_leave_near_what_is_far(cache: Cache):
    Paused(cache, "set", lambda: cache.set("k", "second"))
    cache.set("k", "first")  # far before the second, near after it
    assert cache.get("k") == "second"


def test_a_function_follows_too(cache: Cache, worker):
    @cached(cache=cache)
    def double(number):
        return 2 * number

    assert (double(2), double(2)) == (4, 4)
    worker(f"cache.set({double.key(2)!r}, 'other')")
    assert double(2) == "other"
    worker(f"cache.delete({double.key(2)!r})")
    assert double(2) == 4
