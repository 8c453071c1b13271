"""Cancelling, from inside and from outside: it takes the one that is cancelled, and nobody with it."""

import asyncio

import pytest

from tests.flights.fake import AsyncCounter, Counter, FakeCache
from tests.support import in_child


@in_child
async def test_cancelling_the_caller_that_started_the_load_takes_only_that_caller():
    cache, loader = FakeCache(), AsyncCounter()
    first = asyncio.create_task(cache.aget("a", loader))
    others = [asyncio.create_task(cache.aget("a", loader)) for _ in range(5)]
    await cache.auntil_wanting("a", 6)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    loader.gate.set()
    assert await asyncio.gather(*others) == ["value"] * 5
    assert loader.runs == 1


@in_child
async def test_cancelling_a_waiter_takes_only_that_waiter():
    cache, loader = FakeCache(), AsyncCounter()
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(6)]
    await cache.auntil_wanting("a", 6)
    tasks[3].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks.pop(3)
    loader.gate.set()
    assert await asyncio.gather(*tasks) == ["value"] * 5


@in_child
async def test_the_loader_is_cancelled_when_the_last_waiter_leaves():
    cache, loader = FakeCache(), AsyncCounter()
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(3)]
    await cache.auntil_wanting("a", 3)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.wait(tasks[1:])
    assert loader.cancelled == 0
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    await asyncio.sleep(0)
    assert (loader.cancelled, len(cache.flights), cache.stored) == (1, 0, [])
    loader.gate.set()
    assert await cache.aget("a", loader) == "value"


@in_child
async def test_a_newcomer_waits_for_a_cancelled_loader_to_clean_up_and_then_leads():
    cache, cleaned, order = FakeCache(), asyncio.Event(), []

    async def slow_to_stop():
        try:
            await asyncio.Event().wait()
        finally:
            await cleaned.wait()
            order.append("cleaned")

    async def second():
        order.append("second")
        return 2

    first = asyncio.create_task(cache.aget("a", slow_to_stop))
    await cache.auntil_wanting("a", 1)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    newcomer = asyncio.create_task(cache.aget("a", second))
    await cache.auntil_wanting("a", 1)
    cleaned.set()
    assert await newcomer == 2
    assert order == ["cleaned", "second"]


@in_child
async def test_the_starter_cancelled_at_every_await_point_harms_nobody():
    for step in range(12):
        cache, loader = FakeCache(), AsyncCounter(steps=8)
        loader.gate.set()
        first = asyncio.create_task(cache.aget("a", loader))
        other = asyncio.create_task(cache.aget("a", loader))
        for _ in range(step):
            await asyncio.sleep(0)
        first.cancel()
        assert await other == "value"
        await asyncio.wait([first])
        assert loader.runs == 1
        assert len(cache.flights) == 0


@in_child
async def test_the_loader_s_task_cancelled_at_every_await_point_hands_the_load_over():
    for step in range(12):
        cache, loader = FakeCache(), AsyncCounter(steps=8)
        loader.gate.set()
        before = asyncio.all_tasks()
        callers = [asyncio.create_task(cache.aget("a", loader)) for _ in range(3)]
        for _ in range(step):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before - set(callers):
            task.cancel()
        assert await asyncio.gather(*callers) == ["value"] * 3
        assert loader.runs <= 2
        assert len(cache.flights) == 0


@in_child
async def test_a_loader_that_raises_cancelled_error_stops_the_caller_that_started_it():
    cache = FakeCache()
    entered, gate = asyncio.Event(), asyncio.Event()

    async def gives_up():
        entered.set()
        await gate.wait()
        raise asyncio.CancelledError("by itself")

    first = asyncio.create_task(cache.aget("a", gives_up))
    await entered.wait()
    others = [asyncio.create_task(cache.aget("a", lambda: "second")) for _ in range(3)]
    await cache.auntil_wanting("a", 4)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await asyncio.gather(*others) == ["second"] * 3
    assert cache.stored == ["second"]


@in_child
async def test_a_flight_never_started_is_abandoned():
    cache, loader = FakeCache(), Counter()
    before = asyncio.all_tasks()
    first = asyncio.create_task(cache.aget("a", loader))
    await asyncio.sleep(0)
    (flying,) = asyncio.all_tasks() - before - {first}
    flying.cancel()
    assert await first == "value"
    assert loader.runs == 1
