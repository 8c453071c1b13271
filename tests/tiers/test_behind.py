"""Writes that are done soon: in order, seen by whoever looks, and none of them lost without a word."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from omnicache import Cache, CacheTimeoutError, FileSystemBackend, ManualClock, TieredBackend
from omnicache._far import behind
from tests.far.processes import run
from tests.tiers.stores import Broken


@pytest.fixture
def store():
    store = Broken()
    yield store
    store.gate.set()


def written(store: Broken) -> list[str]:
    return [key.rpartition(":")[2] for what, key in store.calls if what == "set"]


def test_a_write_returns_before_the_store_has_it_and_they_are_done_in_order(make, store: Broken):
    cache = make(far=store, write="behind")
    store.gate.clear()
    for number in range(20):
        cache[f"k{number}"] = number
    assert cache["k19"] == 19
    assert store.data == {}
    store.gate.set()
    cache.close()
    assert written(store) == [f"k{number}" for number in range(20)]
    assert len(store.data) == 20


@pytest.mark.parametrize("look", ["near miss", "contains", "len", "delete", "incr", "add", "get_or_set", "clear"])
def test_whoever_looks_far_sees_what_is_queued(make, store: Broken, look: str):
    cache = make(far=store, write="behind")
    store.gate.clear()
    cache["k"] = 1
    timer = threading.Timer(0.05, store.gate.set)
    timer.start()
    match look:
        case "near miss":
            cache._near.clear()
            assert cache["k"] == 1
        case "contains":
            assert "k" in cache
        case "len":
            assert len(cache) == 1
        case "delete":
            assert cache.delete("k")
            assert cache.get("k") is None
        case "incr":
            assert cache.incr("k") == 2
        case "add":
            assert not cache.add("k", 2)
        case "get_or_set":
            cache._near.clear()
            assert cache.get_or_set("k", lambda: 2) == 1
        case _:
            assert cache.clear() == 1
            assert store.data == {}
    timer.join()


def test_another_process_sees_it_soon(make, worker):
    cache = make(write="behind")
    cache["k"] = 1
    deadline = time.monotonic() + 20
    while worker("cache.get('k')") != 1:
        assert time.monotonic() < deadline
    cache["k"] = 2
    cache._behind.flush()
    assert worker("cache['k']") == 2


def test_a_full_queue_has_the_writer_wait(make, store: Broken):
    cache = make(far=store, write="behind", queue_size=3)
    store.gate.clear()
    done = []

    def write() -> None:
        for number in range(10):
            cache[f"k{number}"] = number
            done.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    while len(done) < 4:  # three in the queue, one under way
        time.sleep(0.001)
    thread.join(0.05)
    assert thread.is_alive()
    assert len(done) == 4
    store.gate.set()
    thread.join(10)
    assert len(done) == 10


async def test_a_full_queue_does_not_stop_the_loop(make, store: Broken):
    cache = make(far=store, write="behind", queue_size=1)
    store.gate.clear()
    writing = asyncio.gather(*(cache.aset(f"k{number}", number) for number in range(8)))
    await asyncio.sleep(0.02)
    assert not writing.done()
    store.gate.set()
    await writing
    assert await cache.aget("k3") == 3


def test_what_finds_no_room_is_told_so_at_once(make, store: Broken):
    """As the loop has to know: what was free when it looked may not be any more."""
    cache = make(far=store, write="behind", queue_size=1)
    store.gate.clear()
    cache.set("a", 1)
    lost: list[object] = []
    deadline = time.monotonic() + 10
    while cache._behind.offer(("delete", b"x", 0.0), lambda: lost.append(1)):
        assert time.monotonic() < deadline, "the queue is full at some time"
    started = time.monotonic()
    assert not cache._behind.offer(("delete", b"x", 0.0), lambda: lost.append(1))
    assert time.monotonic() - started < 5, "and not after the patience of one who waits"
    store.gate.set()


def test_nobody_waits_for_ever(make, store: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(behind, "LONGEST", 0.05)
    cache = make(far=store, write="behind", queue_size=1)
    store.gate.clear()
    with pytest.raises(CacheTimeoutError, match="has been full for"):
        cache.set_many({f"k{number}": number for number in range(4)})
    with pytest.raises(CacheTimeoutError, match="were not done within"):
        cache.delete("k0")
    store.gate.set()


def test_what_could_not_be_written_is_not_near_either(make, store: Broken):
    cache = make(far=store, write="behind")
    cache["k"] = "old"
    cache._behind.flush()
    store.down = True
    cache["k"] = "new"
    cache._behind.flush()
    assert cache.stats().error_count > 0
    store.down = False
    assert cache.get("k") is None, "the old value must not come back either"


def test_it_goes_on_when_the_store_is_back(store: Broken):
    clock = ManualClock()
    tiers = TieredBackend(far=store, write="behind")
    with Cache("behind", backend=tiers, clock=clock) as cache:
        store.down = True
        for number in range(10):
            cache[f"k{number}"] = number
        cache._behind.flush()
        assert cache.status == "degraded"
        store.down = False
        clock.advance(100)
        cache["k"] = 1
        cache._behind.flush()
        assert cache.status == "active"
        assert cache["k"] == 1


def test_closing_writes_everything(tmp_path: Path):
    tiers = TieredBackend(far=FileSystemBackend(tmp_path), write="behind")
    with Cache("closed", backend=tiers) as cache:
        cache.set_many({f"k{number}": number for number in range(500)})
    with Cache("closed", backend=tiers) as cache:
        assert len(cache) == 500


def test_the_end_of_the_interpreter_writes_everything(tmp_path: Path):
    script = """
from omnicache import Cache, FileSystemBackend, TieredBackend
cache = Cache("ended", backend=TieredBackend(far=FileSystemBackend(directory), write="behind"))
for number in range(500):
    cache[f"k{number}"] = number
"""
    run(script, tmp_path)
    with Cache("ended", backend=FileSystemBackend(tmp_path)) as cache:
        assert len(cache) == 500


def test_what_the_parent_has_queued_the_child_does_not_write(store: Broken):
    with Cache("forked", backend=TieredBackend(far=store, write="behind")) as cache:
        store.gate.clear()
        cache["k"] = 1
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                store.gate.set()
                store.calls.clear()
                cache["mine"] = 2
                cache._behind.flush()
                os.write(writer, ",".join(written(store)).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"mine"
        store.gate.set()
        cache._behind.flush()
        assert written(store) == ["k"]


def test_threads_that_write_the_same_key_leave_near_what_is_far(make):
    cache = make(write="behind", queue_size=5)

    def write(me: int) -> None:
        for number in range(100):
            cache[f"k{number % 7}"] = (me, number)

    threads = [threading.Thread(target=write, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    cache._behind.flush()
    for number in range(7):
        near = cache.get(f"k{number}")
        cache._near.clear()
        assert cache.get(f"k{number}") == near
