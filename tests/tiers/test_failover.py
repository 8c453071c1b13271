"""A store that fails: what its cache does meanwhile, and what holds when it is back.

Long because one broken store is looked at from every side.
"""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from omnicache import (
    Cache,
    CacheBackendError,
    CacheEvent,
    CacheTimeoutError,
    FileSystemBackend,
    ManualClock,
    TieredBackend,
)
from omnicache._far.owed import MOST
from tests.support import in_child
from tests.tiers.stores import AsyncBroken, Broken

FAILURES = 3


@pytest.fixture
def store() -> Broken:
    return Broken()


@pytest.fixture
def spare() -> Broken:
    return Broken()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cache(store: Broken, spare: Broken, clock: ManualClock):
    with Cache("failing", backend=store, fallback=spare, clock=clock) as cache:
        yield cache


def fail(cache: Cache, store: Broken) -> None:
    """Takes the store down, and has the cache notice."""
    store.down = True
    for _ in range(FAILURES):
        cache.get("anything")
    assert cache.status == "degraded"


def recover(cache: Cache, store: Broken, clock: ManualClock) -> None:
    """Brings it back, and has the cache notice."""
    store.down = False
    clock.advance(100)
    cache.get("anything")
    assert cache.status == "active"


# --- the breaker ------------------------------------------------------------------------------------------------------


def test_the_breaker_opens_after_some_failures_in_a_row(cache: Cache, store: Broken):
    store.down = True
    cache.get("a")
    cache.get("a")
    assert cache.status == "active"
    store.down = False
    cache.get("a")
    store.down = True
    for _ in range(FAILURES - 1):
        cache.get("a")
    assert cache.status == "active"
    cache.get("a")
    assert (cache.status, cache.stats().backend_status) == ("degraded", "degraded")


def test_an_open_breaker_leaves_the_store_alone(cache: Cache, store: Broken):
    fail(cache, store)
    calls = len(store.calls)
    for _ in range(20):
        cache.get("a")
        cache["b"] = 1
        cache.delete("b")
    assert len(store.calls) == calls


def test_the_pause_doubles_up_to_a_minute(cache: Cache, store: Broken, clock: ManualClock):
    fail(cache, store)
    pause = 1.0
    for _ in range(10):
        clock.advance(pause * 0.74)
        calls = len(store.calls)
        cache.get("a")
        assert len(store.calls) == calls, "too early"
        clock.advance(pause * 0.52)
        cache.get("a")
        assert len(store.calls) == calls + 1, "one request tries"
        cache.get("a")
        assert len(store.calls) == calls + 1
        pause = min(pause * 2, 60)


def test_one_of_two_threads_tries(cache: Cache, store: Broken, clock: ManualClock):
    cache["a"] = "primary"
    fail(cache, store)
    cache["b"] = "fallback"
    store.down = False
    clock.advance(2)
    store.gate.clear()
    found = []
    thread = threading.Thread(target=lambda: found.append(cache.get("a")))
    calls = len(store.calls)
    thread.start()
    while len(store.calls) == calls:
        pass
    assert cache.get("b") == "fallback"  # the other one does not wait for it
    assert len(store.calls) == calls + 1
    store.gate.set()
    thread.join(10)
    assert found == ["primary"]
    assert cache.status == "active"


async def test_a_task_that_is_cancelled_while_it_tries_does_not_keep_others_from_trying(
    store: Broken, clock: ManualClock
):
    slow = AsyncBroken(store)
    with Cache("cancelled", backend=slow, clock=clock) as cache:
        store.down = True
        for _ in range(FAILURES):
            await cache.aget("a")
        assert cache.status == "degraded"
        store.down, slow.hangs = False, True
        clock.advance(2)
        task = asyncio.create_task(cache.aget("a"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        slow.hangs = False
        await cache.aget("a")
        assert cache.status == "active"


def test_every_failure_is_told_and_counted(cache: Cache, store: Broken):
    seen: list[CacheEvent] = []
    cache.on("error", seen.append)
    fail(cache, store)
    assert len(seen) == FAILURES == cache.stats().error_count
    assert all(isinstance(event.error, CacheBackendError) for event in seen)
    assert "ConnectionError: down" in str(seen[0].error)


# --- what the fallback serves, and what is made good ------------------------------------------------------------------


def test_the_fallback_serves(cache: Cache, store: Broken):
    fail(cache, store)
    cache["a"] = 1
    cache.set("b", 2, tags=["t"])
    assert (cache["a"], cache.get_many(["a", "b"]), len(cache)) == (1, {"a": 1, "b": 2}, 2)
    assert cache.get_or_set("c", lambda: 3) == 3
    assert cache["c"] == 3
    assert cache.incr("a") == 2
    cache.invalidate(tags=["t"])
    assert cache.get("b") is None


MISSED = {
    "a write": lambda cache: cache.set("k", "newer"),
    "a write by add": lambda cache: cache.add("k", "newer"),
    "a deletion": lambda cache: cache.delete("k"),
    "a removal": lambda cache: cache.pop("k", None),
    "a deletion of many": lambda cache: cache.delete_many(["k", "other"]),
    "an invalidation": lambda cache: cache.invalidate(["k"]),
    "a hard invalidation": lambda cache: cache.invalidate(["k"], hard=True),
    "an invalidation by tag": lambda cache: cache.invalidate(tags=["t"]),
    "a hard invalidation by tag": lambda cache: cache.invalidate(tags=["t"], hard=True),
    "a clear": lambda cache: cache.clear(),
    "a load": lambda cache: cache.get_or_set("k", lambda: "newer"),
}


@pytest.mark.parametrize("with_fallback", [True, False])
@pytest.mark.parametrize("missed", MISSED)
def test_what_the_store_missed_it_hears_before_it_is_read(
    store: Broken, spare: Broken, clock: ManualClock, missed: str, with_fallback: bool
):
    with Cache("missed", backend=store, fallback=spare if with_fallback else None, clock=clock) as cache:
        cache.set("k", "old", tags=["t"], stale=100)
        fail(cache, store)
        MISSED[missed](cache)
        store.down = False
        clock.advance(100)
        assert cache.get("k") is None
        assert cache.status == "active"
        assert [key for key in spare.data if "!" not in key] == [], "only the generations of tags"


def test_a_deletion_by_pattern_is_made_good_for_what_the_fallback_does_not_know(cache: Cache, store, clock):
    cache["k1"] = cache["k2"] = cache["other"] = 1
    fail(cache, store)
    cache.delete_many(pattern="k*")
    cache.invalidate(pattern="k*")
    recover(cache, store, clock)
    assert sorted(cache) == ["other"]


def test_a_deletion_by_tag_is_made_good_for_what_the_fallback_does_not_know(cache: Cache, store, clock):
    cache.set("k1", 1, tags=["t"])
    cache["other"] = 1
    fail(cache, store)
    cache.delete_many(tags=["t"])
    recover(cache, store, clock)
    assert sorted(cache) == ["other"]


def test_a_single_failure_is_made_good_too(cache: Cache, store: Broken):
    cache["k"] = "old"
    store.down = True
    cache.delete("k")
    store.down = False
    assert cache.status == "active"
    assert cache.get("k") is None


def test_more_than_can_be_remembered_is_everything(cache: Cache, store: Broken, clock: ManualClock):
    cache["kept"] = 1
    fail(cache, store)
    for number in range(MOST + 1):
        cache.delete(f"k{number}")
    assert len(cache._port._owed._steps) < 10
    recover(cache, store, clock)
    assert list(cache) == []


def test_an_error_while_it_is_made_good_keeps_the_rest(cache: Cache, store: Broken, clock: ManualClock):
    for number in range(5):
        cache[f"k{number}"] = "old"
    fail(cache, store)
    for number in range(5):
        cache.delete(f"k{number}")
    store.down = False
    deleted = []

    def hook(what: str, key: str) -> None:
        if what == "delete":
            deleted.append(key)
            if len(deleted) == 3:
                raise ConnectionError("down again")

    store.hook = hook
    clock.advance(2)
    assert cache.get("k4") is None
    assert cache.status == "degraded"
    assert cache.get("k4") is None
    store.hook = None
    clock.advance(100)
    assert cache.get_many([f"k{number}" for number in range(5)]) == {}
    assert cache.status == "active"


def test_what_is_deleted_while_another_thread_makes_good_is_made_good_too(
    cache: Cache, store: Broken, clock: ManualClock
):
    cache["k"] = cache["l"] = "old"
    fail(cache, store)
    cache.delete("k")
    store.down = False
    clock.advance(2)
    once = []

    def hook(what: str, key: str) -> None:
        if what == "delete" and not once:
            once.append(1)
            thread = threading.Thread(target=lambda: cache.delete("l"))
            thread.start()
            thread.join(10)

    store.hook = hook
    assert cache.get("l") is None
    assert cache.get_many(["k", "l"]) == {}


def test_a_caller_who_never_rests_does_not_keep_the_store_from_coming_back(
    cache: Cache, store: Broken, clock: ManualClock
):
    cache["k"] = "old"
    fail(cache, store)
    cache.delete("k")
    store.down = False
    clock.advance(2)
    rounds = []

    def hook(what: str, key: str) -> None:
        # As long as the store hears of what it missed, others ask for more of it.
        if threading.current_thread() is main and what == "delete":
            rounds.append(key)
            if len(rounds) > 20:
                raise ConnectionError("it never ends")
            thread = threading.Thread(target=lambda: cache.set(f"k{len(rounds)}", "new"))
            thread.start()
            thread.join(10)

    main = threading.current_thread()
    store.hook = hook
    assert cache.get("k") is None
    assert cache.status == "active"
    assert len(rounds) < 5
    store.hook = None
    assert cache.get("k1") is None


def test_attempts_that_fail_do_not_add_to_what_is_owed(cache: Cache, store: Broken, clock: ManualClock):
    fail(cache, store)
    for _ in range(50):
        clock.advance(100)
        cache.set("k", 1)
        cache.delete("l")
        cache.invalidate(["l"])
        cache.get("k")
    assert len(cache._port._owed._steps) <= 3 * 50
    for _ in range(50):
        clock.advance(100)
        cache.set("k", 1)
        cache.delete("l")
    assert len(cache._port._owed._steps) <= 3 * 50 + 2
    recover(cache, store, clock)
    assert list(cache) == []


def test_what_is_missed_while_it_is_made_good_and_fails_is_made_good_later(
    cache: Cache, store: Broken, clock: ManualClock
):
    for number in range(3):
        cache[f"k{number}"] = "old"
    fail(cache, store)
    cache.delete("k0")
    cache.invalidate(["k1"], hard=True)
    store.down = False
    clock.advance(2)
    once = []

    def fails() -> None:
        store.down = True
        cache.delete("k2")
        store.down = False

    def hook(what: str, key: str) -> None:
        if threading.current_thread() is main and key.endswith("k1") and not once:
            once.append(1)
            thread = threading.Thread(target=fails)
            thread.start()
            thread.join(10)

    main = threading.current_thread()
    store.hook = hook
    assert cache.get("k2") is None
    assert cache.get_many(["k0", "k1", "k2"]) == {}
    assert cache.status == "active"


def test_what_was_in_the_fallback_is_not_there_in_the_next_outage(cache, store, spare, clock):
    fail(cache, store)
    cache["k"] = "first outage"
    recover(cache, store, clock)
    assert spare.data == {}
    cache["k"] = "second"
    fail(cache, store)
    assert cache.get("k") is None


def test_a_fallback_that_could_not_be_emptied_is_emptied_before_it_is_used(cache, store, spare, clock):
    fail(cache, store)
    cache["k"] = "first outage"
    spare.down = True
    recover(cache, store, clock)
    assert spare.data
    cache["k"] = "second"
    spare.down = False
    fail(cache, store)
    assert cache.get("k") is None
    assert spare.data == {}


def test_what_an_earlier_process_left_in_the_fallback_is_not_served(tmp_path: Path, store: Broken):
    with Cache("failing", backend=FileSystemBackend(tmp_path)) as earlier:
        earlier["k"] = "years ago"
    with Cache("failing", backend=store, fallback=FileSystemBackend(tmp_path)) as cache:
        fail(cache, store)
        assert cache.get("k") is None
        cache["k"] = "now"
        assert cache["k"] == "now"


def test_both_are_down(cache: Cache, store: Broken, spare: Broken):
    fail(cache, store)
    spare.down = True
    cache["k"] = 1
    assert cache.get("k") is None
    assert cache.get_or_set("k", lambda: 2) == 2


def test_a_lease_is_good_only_where_it_was_given(tmp_path: Path):
    """A load that begins at the primary and ends in an outage is not stored in the fallback."""
    backend = FileSystemBackend(tmp_path / "far")
    with Cache("leased", backend=backend, fallback=FileSystemBackend(tmp_path / "spare")) as cache:
        inner = cache._port.primary.set

        def loader() -> str:
            cache._port.primary.set = broken
            return "loaded"

        def broken(*_: object) -> None:
            raise CacheBackendError("down")

        assert cache.get_or_set("k", loader) == "loaded"
        cache._port.primary.set = inner
        assert cache.get("k") is None


def test_near_copies_after_an_outage_are_those_of_the_store(tmp_path: Path, store: Broken, clock: ManualClock):
    with Cache("near", backend=TieredBackend(far=store), fallback=Broken(), clock=clock) as cache:
        cache["k"] = 1
        fail(cache, store)
        cache["k"] = 2
        assert cache["k"] == 2
        recover(cache, store, clock)
        assert cache.get("k") is None


# --- without a fallback -----------------------------------------------------------------------------------------------

OPERATIONS = {
    "get": (lambda cache: cache.get("k", "default"), "default"),
    "item": (lambda cache: cache.get_many(["k"]), {}),
    "contains": (lambda cache: "k" in cache, False),
    "entry": (lambda cache: cache.entry("k"), None),
    "ttl": (lambda cache: cache.ttl("k", "default"), "default"),
    "set": (lambda cache: cache.set("k", 2), None),
    "setitem": (lambda cache: cache.__setitem__("k", 2), None),
    "add": (lambda cache: cache.add("k", 2), False),
    "replace": (lambda cache: cache.replace("k", 2), False),
    "set_many": (lambda cache: cache.set_many({"k": 2}), 1),
    "incr": (lambda cache: cache.incr("k", 5), 5),
    "touch": (lambda cache: cache.touch("k", 5), False),
    "delete": (lambda cache: cache.delete("k"), False),
    "pop": (lambda cache: cache.pop("k", "default"), "default"),
    "delete_many": (lambda cache: cache.delete_many(["k"]), 0),
    "delete_many by tag": (lambda cache: cache.delete_many(tags=["t"]), 0),
    "clear": (lambda cache: cache.clear(), 0),
    "invalidate": (lambda cache: cache.invalidate(["k"]), None),
    "invalidate by tag": (lambda cache: cache.invalidate(tags=["t"]), None),
    "keys": (lambda cache: list(cache.keys()), []),
    "len": (len, 0),
    "entries": (lambda cache: cache.entries(), []),
    "items": (lambda cache: list(cache.items()), []),
    "get_or_set": (lambda cache: cache.get_or_set("k", lambda: 7), 7),
    "setdefault": (lambda cache: cache.setdefault("k", 7), 7),
    "purge_expired": (lambda cache: cache.purge_expired(), 0),
}


@pytest.mark.parametrize("asked", ["at the first failure", "when it is given up"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_cache_that_degrades_finds_nothing_and_raises_nothing(store: Broken, operation: str, asked: str):
    with Cache("degrading", backend=store) as cache:
        cache["k"] = 1
        if asked == "when it is given up":
            fail(cache, store)
        store.down = True
        function, expected = OPERATIONS[operation]
        assert function(cache) == expected
        assert cache.stats().error_count > 0


@pytest.mark.parametrize("asked", ["at the first failure", "when it is given up"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_cache_that_raises_says_so_each_time(store: Broken, operation: str, asked: str):
    with Cache("raising", backend=store, on_error="raise") as cache:
        cache["k"] = 1
        store.down = True
        if asked == "when it is given up":
            for _ in range(FAILURES):
                with pytest.raises(CacheBackendError, match="ConnectionError: down"):
                    cache.get("k")
        function, _ = OPERATIONS[operation]
        with pytest.raises(CacheBackendError):
            function(cache)


@pytest.mark.parametrize("operation", ["aget", "aset", "adelete", "aget_or_set", "aclear", "akeys", "aincr"])
async def test_the_same_for_tasks(store: Broken, operation: str):
    arguments = {"aset": ("k", 1), "aget_or_set": ("k", lambda: 1), "aclear": (), "akeys": ()}.get(operation, ("k",))
    store.down = True
    async with Cache("degrading", backend=store) as cache:
        await getattr(cache, operation)(*arguments)
    async with Cache("raising", backend=store, on_error="raise") as cache:
        with pytest.raises(CacheBackendError):
            await getattr(cache, operation)(*arguments)


# --- what hangs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_store_that_hangs_is_given_up_in_time(kind: str):
    store = Broken(timeout=0.05)
    backend = store if kind == "plain" else AsyncBroken(store)
    with Cache("hanging", backend=backend, on_error="raise") as cache:
        cache["k"] = 1
        store.gate.clear()
        if kind == "coroutine":
            store.gate.set()
            backend.hangs = True
        for _ in range(FAILURES):
            with pytest.raises(CacheTimeoutError, match=r"get took longer than 0\.05 s"):
                cache.get("k")
        with pytest.raises(CacheBackendError, match="left alone"):
            cache.get("k")
        store.gate.set()


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_a_store_that_hangs_does_not_stop_the_loop(kind: str):
    store = Broken(timeout=0.2)
    backend = store if kind == "plain" else AsyncBroken(store)
    async with Cache("hanging", backend=backend) as cache:
        await cache.aset("k", 1)
        store.gate.clear()
        if kind == "coroutine":
            store.gate.set()
            backend.hangs = True
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)

        ticking = asyncio.create_task(tick())
        assert await cache.aget("k") is None
        ticking.cancel()
        assert ticks > 5
        store.gate.set()
        if kind == "coroutine":
            backend.hangs = False


@in_child
def test_a_store_that_hangs_does_not_keep_the_loop_from_ending():
    logging.disable()
    store = Broken(timeout=0.1)
    store.gate.clear()

    async def main() -> None:
        cache = Cache("hanging", backend=store)
        for number in range(40):
            await cache.aget(f"k{number}")
        await asyncio.to_thread(len, "the loop's own threads are free")

    asyncio.run(main())


async def test_a_write_whose_task_was_cancelled_leaves_no_old_copy_near(tmp_path: Path):
    with Cache("cancelled", backend=TieredBackend(far=FileSystemBackend(tmp_path))) as cache:
        cache["k"] = "old"
        assert cache["k"] == "old"
        port, began, go = cache._port.primary, threading.Event(), threading.Event()
        inner, done = port.set, threading.Event()

        def slow(*args: object) -> object:
            began.set()
            go.wait(10)
            try:
                return inner(*args)
            finally:
                done.set()

        port.set = slow
        task = asyncio.create_task(cache.aset("k", "new"))
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cache["k"] == "old"
        go.set()
        assert done.wait(10)
        for _ in range(1000):
            if cache["k"] == "new":
                break
            await asyncio.sleep(0.001)
        assert cache["k"] == "new"


async def test_every_operation_may_be_cancelled_at_every_step(store: Broken):
    """Whatever is cancelled when, the cache goes on, and what it says then is true."""
    slow = AsyncBroken(store)
    async with Cache("cancelled", backend=slow) as cache:
        for name, arguments in [
            ("aset", ("k", "new")),
            ("adelete", ("k",)),
            ("aincr", ("n",)),
            ("aget_or_set", ("l", lambda: "loaded")),
            ("adelete_many", (["k", "n"],)),
            ("ainvalidate", (["k"],)),
            ("aclear", ()),
        ]:
            for steps in range(1, 12):
                await cache.aset("k", "old")
                await cache.aset("n", 1)
                task = asyncio.create_task(getattr(cache, name)(*arguments))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await cache.aget("k") in {"old", "new", None}
                assert await cache.aincr("n") in {1, 2, 3}
                assert await cache.aget_or_set("l", lambda: "loaded") == "loaded"
        assert cache.status == "active"
