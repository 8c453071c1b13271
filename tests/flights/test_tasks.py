"""Flights of tasks on one loop: cancelling, errors, circles, ten thousand waiters."""

import asyncio
import contextvars
import gc
import threading
import time
import weakref

import pytest

from omnicache import _parties
from omnicache._omnicache import waits_len
from omnicache.exceptions import ReentrantLoadError
from tests.flights.fake import AsyncCounter, FakeCache
from tests.support import in_child


@in_child
async def test_a_thousand_tasks_run_the_loader_once():
    cache, loader = FakeCache(), AsyncCounter()
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(1000)]
    await cache.auntil_wanting("a", 1000)
    loader.gate.set()
    assert set(await asyncio.gather(*tasks)) == {"value"}
    assert (loader.runs, cache.stored, cache.flights.coalesced, len(cache.flights)) == (1, ["value"], 999, 0)
    assert not _parties._PARTIES
    assert waits_len() == 0


@in_child
async def test_an_error_goes_to_the_waiters_of_that_flight_and_to_no_one_later():
    cache, error = FakeCache(), LookupError("gone")
    loader = AsyncCounter(error)
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(50)]
    await cache.auntil_wanting("a", 50)
    loader.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is error for result in results)
    assert error.__context__ is None
    assert len(cache.failures) == 1
    assert await cache.aget("a", lambda: 1) == 1


@in_child
async def test_a_plain_loader_runs_inline_and_an_awaitable_is_awaited():
    cache, thread = FakeCache(), threading.get_ident()
    assert await cache.aget("plain", threading.get_ident) == thread
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 5)
    assert await cache.aget("future", lambda: future) == 5
    assert await cache.aget("none", lambda: None) is None


@in_child
async def test_a_loader_task_that_asks_for_its_own_key_is_told_so():
    cache = FakeCache()

    async def direct():
        return await cache.aget("a", direct)

    async def by_task():
        return await asyncio.create_task(cache.aget("b", by_task))

    async def by_thread():
        return await asyncio.to_thread(cache.get, "c", lambda: 1)

    async def by_plain_call():
        return cache.get("d", lambda: 1)

    for key, loader in {"a": direct, "b": by_task, "c": by_thread, "d": by_plain_call}.items():
        with pytest.raises(ReentrantLoadError, match=rf"users\['{key}'\] -> users\['{key}'\]\."):
            await cache.aget(key, loader)
    assert len(cache.flights) == 0
    assert waits_len() == 0


@in_child
async def test_nested_loads_of_different_keys_work():
    cache = FakeCache()

    async def fib(n):
        async def load():
            return n if n < 2 else sum(await asyncio.gather(fib(n - 1), fib(n - 2)))

        return await cache.aget(n, load)

    assert await fib(60) == 1548008755920
    assert waits_len() == 0


@in_child
async def test_two_tasks_that_wait_for_each_other_s_keys_do_not_hang():
    cache, both = FakeCache(), asyncio.Barrier(2)

    async def load(other):
        await both.wait()
        return await cache.aget(other, lambda: "never")

    results = await asyncio.gather(
        cache.aget("x", lambda: load("y")), cache.aget("y", lambda: load("x")), return_exceptions=True
    )
    assert all(isinstance(result, ReentrantLoadError) for result in results)
    assert await cache.aget("x", lambda: 1) == 1
    assert waits_len() == 0


@in_child
async def test_a_wait_that_was_given_up_no_longer_counts():
    cache = FakeCache()
    inner_entered, gate = asyncio.Event(), asyncio.Event()

    async def outer():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cache.aget("inner", inner), 0.01)
        await gate.wait()
        return "outer"

    async def inner():
        inner_entered.set()
        await gate.wait()
        return "inner"

    first = asyncio.create_task(cache.aget("outer", outer))
    await inner_entered.wait()
    other = asyncio.create_task(cache.aget("inner", inner))
    await cache.auntil_wanting("inner", 2)
    await cache.auntil_wanting("inner", 1)
    gate.set()
    assert await asyncio.gather(first, other) == ["outer", "inner"]


@in_child
async def test_the_loader_runs_in_a_copy_of_the_first_caller_s_context():
    cache, user = FakeCache(), contextvars.ContextVar("user", default="nobody")

    async def load():
        name = user.get()
        user.set("changed by the loader")
        return name

    async def caller(name):
        user.set(name)
        return await cache.aget("a", load), user.get()

    results = await asyncio.gather(caller("alice"), caller("bob"))
    assert results == [("alice", "alice"), ("alice", "bob")]


@in_child
async def test_a_plain_call_on_the_loop_s_own_thread_loads_by_itself():
    cache, loader = FakeCache(), AsyncCounter()
    task = asyncio.create_task(cache.aget("a", loader))
    await loader.entered.wait()
    assert cache.get("a", lambda: "mine") == "mine"

    not_yet_started = asyncio.create_task(cache.aget("c", lambda: "late"))
    asyncio.get_running_loop().call_soon(lambda: results.append(cache.get("c", lambda: "early")))
    results = []
    await asyncio.sleep(0)
    await not_yet_started
    assert results == ["early"]

    def recursive():
        return cache.get("b", lambda: cache.get("b", recursive))

    other = asyncio.create_task(cache.aget("b", loader_b := AsyncCounter()))
    await loader_b.entered.wait()
    with pytest.raises(ReentrantLoadError):
        cache.get("b", recursive)
    loader.gate.set()
    loader_b.gate.set()
    assert await asyncio.gather(task, other) == ["value", "value"]
    assert waits_len() == 0


@in_child
async def test_a_load_invalidated_while_it_runs_is_returned_but_not_stored():
    cache, loader = FakeCache(), AsyncCounter("old")
    before = [asyncio.create_task(cache.aget("a", loader)) for _ in range(3)]
    await cache.auntil_wanting("a", 3)
    cache.delete("a")
    after = [asyncio.create_task(cache.aget("a", lambda: "new")) for _ in range(3)]
    await asyncio.sleep(0)
    assert cache.wanting("a") == 3
    loader.gate.set()
    assert await asyncio.gather(*before, *after) == ["old"] * 3 + ["new"] * 3
    assert cache.stored == ["new"]


@in_child(timeout=60)
async def test_ten_thousand_waiters_are_woken_at_once():
    cache, loader = FakeCache(), AsyncCounter()
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(10_000)]
    await cache.auntil_wanting("a", 10_000)
    start = time.perf_counter()
    loader.gate.set()
    await asyncio.wait(tasks)
    took = time.perf_counter() - start
    assert {task.result() for task in tasks} == {"value"}
    assert loader.runs == 1
    assert took < 5


@in_child
async def test_nothing_is_kept_after_a_load():
    class Thing:
        pass

    cache, gone = FakeCache(), []

    async def load(fail):
        thing = Thing()
        gone.append(weakref.ref(thing))
        await asyncio.sleep(0)
        if fail:
            raise ValueError
        return thing

    async def callers(key, fail):
        tasks = [asyncio.create_task(cache.aget(key, lambda: load(fail))) for _ in range(3)]
        await asyncio.gather(*tasks, return_exceptions=True)

    await callers("good", fail=False)
    await callers("bad", fail=True)
    cache.data.clear()
    cache.stored.clear()
    cache.failures.clear()
    await asyncio.sleep(0)
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert not _parties._LEAVING


@in_child
async def test_a_background_task_of_a_loader_may_ask_again_later():
    cache, tasks = FakeCache(), []

    async def background(done):
        await done.wait()
        return await cache.aget("a", lambda: "again")

    async def load():
        tasks.append(asyncio.create_task(background(done)))
        return "first"

    done = asyncio.Event()
    assert await cache.aget("a", load) == "first"
    cache.data.clear()
    done.set()
    assert await tasks[0] == "again"
