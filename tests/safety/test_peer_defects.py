"""What is broken in other caches, as measured in their releases, and must hold here: each defect by its number."""

import asyncio
import gc
import threading
import weakref

import pytest

from omnicache import MISSING, Cache, ReentrantLoadError
from tests.support import in_child


async def until(condition):
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to be")


def wanting(cache):
    return sum(flight.wanting for flight in cache._flights.running())


@in_child
async def test_1_cancelling_the_task_that_started_a_load_harms_no_waiter():
    cache, gate, runs = Cache("defect"), asyncio.Event(), []

    async def load():
        runs.append(1)
        await gate.wait()
        return "value"

    tasks = [asyncio.create_task(cache.aget_or_set("a", load)) for _ in range(10)]
    await until(lambda: wanting(cache) == 10)
    tasks[0].cancel()
    await until(tasks[0].done)
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == ["value"] * 9
    assert len(runs) == 1
    assert cache["a"] == "value"


@in_child
async def test_1_cancelling_a_waiter_harms_nobody_else():
    cache, gate, runs = Cache("defect"), asyncio.Event(), []

    async def load():
        runs.append(1)
        await gate.wait()
        return "value"

    tasks = [asyncio.create_task(cache.aget_or_set("a", load)) for _ in range(10)]
    await until(lambda: wanting(cache) == 10)
    for task in tasks[3:6]:
        task.cancel()
    await until(lambda: wanting(cache) == 7)
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["str"] * 3 + ["CancelledError"] * 3 + ["str"] * 4
    assert len(runs) == 1


@in_child
async def test_1_when_all_have_left_the_loader_is_cancelled_and_the_next_starts_anew():
    cache, cancelled = Cache("defect"), []

    async def load():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    tasks = [asyncio.create_task(cache.aget_or_set("a", load)) for _ in range(3)]
    await until(lambda: wanting(cache) == 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await until(lambda: cancelled)
    assert await cache.aget_or_set("a", 5) == 5


@in_child
async def test_1_a_timeout_of_one_caller_is_no_timeout_of_another():
    cache, gate = Cache("defect"), asyncio.Event()

    async def load():
        await gate.wait()
        return "value"

    patient = asyncio.create_task(cache.aget_or_set("a", load))
    await until(lambda: wanting(cache) == 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cache.aget_or_set("a", load), 0.01)
    gate.set()
    assert await patient == "value"


@in_child
def test_2_one_key_awaited_from_four_threads_with_loops_of_their_own():
    cache, runs, found, start = Cache("defect"), [], [], threading.Barrier(4)

    async def load():
        runs.append(1)
        await asyncio.sleep(0.05)
        return ["value"]

    async def main():
        start.wait()
        found.append(await cache.aget_or_set("a", load))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(value is found[0] for value in found)
    assert len(runs) == 1


@in_child
def test_2_a_cache_outlives_the_loop_that_used_it():
    cache = Cache("defect")

    async def load():
        await asyncio.sleep(0)
        return "value"

    for number in range(5):
        assert asyncio.run(cache.aget_or_set(number, load)) == "value"
        assert asyncio.run(cache.aget_or_set(0, load)) == "value"


@in_child
def test_2_when_the_loop_that_loads_is_closed_a_waiter_takes_over():
    cache, started, found = Cache("defect"), threading.Event(), []

    async def stuck():
        started.set()
        await asyncio.Event().wait()

    def doomed():
        loop = asyncio.new_event_loop()
        loading = loop.create_task(cache.aget_or_set("a", stuck))
        loop.call_later(0.2, loop.stop)
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.gather(loading, *asyncio.all_tasks(loop), return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=doomed)
    thread.start()
    started.wait(10)
    waiter = threading.Thread(target=lambda: found.append(cache.get_or_set("a", lambda: "taken over")))
    waiter.start()
    thread.join()
    waiter.join(15)
    assert found == ["taken over"]


@in_child
def test_3_a_loader_that_asks_for_its_own_key_is_told():
    cache = Cache("defect")

    def again():
        return cache.get_or_set("a", again)

    def around():
        return cache.get_or_set("b", lambda: cache.get_or_set("c", around))

    async def aagain():
        return await cache.aget_or_set("a", aagain)

    with pytest.raises(ReentrantLoadError, match="'a'"):
        cache.get_or_set("a", again)
    with pytest.raises(ReentrantLoadError, match=r"'b'.*'c'.*'b'"):
        cache.get_or_set("b", lambda: cache.get_or_set("c", around))
    with pytest.raises(ReentrantLoadError, match="'a'"):
        asyncio.run(cache.aget_or_set("a", aagain))
    assert len(cache) == 0
    assert cache.get_or_set("a", 1) == 1


@in_child
def test_3_loaders_of_two_threads_that_want_each_other_are_told():
    cache, meet, errors, found = Cache("defect"), threading.Barrier(2), [], []

    def ask(mine, other):
        def load():
            meet.wait(10)
            return cache.get_or_set(other, lambda: "inner")

        try:
            found.append(cache.get_or_set(mine, load))
        except ReentrantLoadError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) + len(found) == 2
    assert errors


@in_child
async def test_3_a_plain_call_on_the_thread_whose_loop_loads_does_not_wait_for_it():
    cache, gate = Cache("defect"), asyncio.Event()

    async def load():
        await gate.wait()
        return "awaited"

    task = asyncio.create_task(cache.aget_or_set("a", load))
    await until(lambda: wanting(cache) == 1)
    assert cache.get_or_set("a", lambda: "plain") == "plain"
    gate.set()
    assert await task in {"awaited", "plain"}


@in_child
def test_3_nested_loads_of_other_keys_work_to_any_depth():
    cache = Cache("defect")

    def load(depth):
        return 0 if depth == 0 else 1 + cache.get_or_set(depth - 1, lambda: load(depth - 1))

    assert cache.get_or_set(100, lambda: load(100)) == 100
    assert len(cache) == 101


@in_child
async def test_4_an_error_is_not_remembered():
    cache, runs = Cache("defect", default_ttl=60), []

    async def load():
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) < 3:
            raise ValueError(f"run {len(runs)}")
        return "value"

    for run in (1, 2):
        with pytest.raises(ValueError, match=f"run {run}"):
            await cache.aget_or_set("a", load)
        assert cache.get("a", MISSING) is MISSING
    assert await cache.aget_or_set("a", load) == "value"


@in_child
def test_4_whatever_a_loader_raises_the_key_is_free_again():
    cache = Cache("defect")
    for kind in (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, MemoryError, RecursionError):

        def load(kind=kind):
            raise kind("loader")

        with pytest.raises(kind):
            cache.get_or_set("a", load)
        assert cache.get_or_set("a", lambda: 5) == 5
        del cache["a"]


@in_child
def test_4_recursion_without_end_in_a_loader():
    cache = Cache("defect")

    def load(depth):
        return cache.get_or_set(depth, lambda: load(depth + 1))

    with pytest.raises(RecursionError):
        load(0)
    assert cache.get_or_set(0, 5) == 5
    cache._validate()


@in_child
async def test_5_none_is_cached():
    cache, runs = Cache("defect"), []

    async def load():
        runs.append(1)

    for _ in range(3):
        assert await cache.aget_or_set("a", load) is None
        assert cache.get_or_set("b", lambda: runs.append(1)) is None
    assert len(runs) == 2


@in_child
async def test_10_a_cycle_through_the_cache_is_collected():
    async def made():
        cache = Cache("defect")

        async def load():
            await asyncio.sleep(0)
            return [cache, load]

        await cache.aget_or_set("a", load)
        await cache.aget_or_set("self", lambda: cache)
        return weakref.ref(cache)

    gone = await made()
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


@in_child
def test_10_collections_and_finalizers_under_the_lock_freeze_nothing():
    cache = Cache("defect", max_size=10)

    class Value:
        def __init__(self):
            self.me = self

        def __del__(self):
            gc.collect()
            cache.get(1)
            cache[2] = None

    for number in range(200):
        cache[number % 20] = Value()
        if number % 10 == 0:
            gc.collect()
    cache.clear()
    cache._validate()


@in_child
def test_a_loader_that_hangs_holds_up_only_its_own_key():
    cache, gate = Cache("hanging"), threading.Event()
    thread = threading.Thread(target=lambda: cache.get_or_set("slow", lambda: gate.wait(20)))
    thread.start()
    while not cache._flights.running():
        pass
    assert cache.get_or_set("other", 5) == 5
    cache["slow"] = "set by hand"
    assert cache["slow"] == "set by hand"
    assert cache.get_or_set("slow", 7) == "set by hand"
    cache.clear()
    gate.set()
    thread.join()
    assert "slow" not in cache


@in_child
def test_loaders_that_use_the_cache_they_fill_from_many_threads():
    cache, problems = Cache("filled", max_size=30), []

    def load(key):
        cache[("seen", key)] = True
        cache.get_or_set(("part", key), lambda: key)
        if key % 5 == 0:
            cache.delete(("seen", key))
            cache.invalidate(tags=["x"])
            cache.set_strategy("lfu" if key % 2 else "lru")
        return key

    def work(seed):
        for turn in range(300):
            key = turn * seed % 40
            try:
                if cache.get_or_set(key, lambda key=key: load(key), tags=["x"]) != key:
                    problems.append(key)
            except BaseException as error:
                problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    cache._validate()
