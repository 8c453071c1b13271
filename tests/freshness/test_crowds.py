"""Many callers of one load, and leaders that are cancelled wherever they wait."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from omnicache import Cache, ManualClock, cached
from omnicache.testing import asettled
from tests.freshness.ways import PATIENCE, LoneLoader, Loop, until
from tests.support import in_child


@pytest.mark.parametrize("options", [{}, {"ttl": 100, "stale": 50, "stale_on_error": 100, "timeout": 60}])
async def test_ten_thousand_waiters_on_one_load(options: dict[str, Any]):
    runs = []

    @cached(**options)
    async def load() -> str:
        runs.append(1)
        for _ in range(10):
            await asyncio.sleep(0)
        return "value"

    assert await asyncio.gather(*(load() for _ in range(10_000))) == ["value"] * 10_000
    assert len(runs) == 1
    assert load.cache.stats().coalesced_count == 9_999


async def test_ten_thousand_waiters_all_hear_of_an_error():
    @cached(stale=10, ttl=10)
    async def load() -> str:
        await asyncio.sleep(0)
        raise LookupError("no")

    found = await asyncio.gather(*(load() for _ in range(10_000)), return_exceptions=True)
    assert {type(error) for error in found} == {LookupError}


@pytest.mark.parametrize("age", ["absent", "stale", "failsafe"])
@pytest.mark.parametrize("victim", ["leader", "waiter", "both"])
@pytest.mark.parametrize("steps", range(12))
async def test_a_caller_is_cancelled_at_every_point(clock: ManualClock, age: str, victim: str, steps: int):
    loader = LoneLoader()

    @cached(ttl=10, stale=10, stale_on_error=100, timeout=60, clock=clock)
    async def load() -> str:
        return await loader()

    if age != "absent":
        await load()
        clock.advance(15 if age == "stale" else 30)
    loader.begin("new")
    callers = [asyncio.create_task(load()) for _ in range(3)]
    for _ in range(steps):
        await asyncio.sleep(0)
    for at, caller in enumerate(callers[:2]):
        if victim in (("leader", "both"), ("waiter", "both"))[at]:
            caller.cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert found[2] == ("old" if age == "stale" else "new")
    assert all(isinstance(one, asyncio.CancelledError) or one == found[2] for one in found)
    await asettled(load)
    assert await load() == "new"
    assert loader.runs == 1


@in_child
def test_four_loops_and_eight_threads_share_one_load_and_one_refresh():
    clock, gate, began = ManualClock(), threading.Event(), threading.Event()
    runs: list[int] = []

    def load() -> int:
        runs.append(1)
        began.set()
        assert gate.wait(PATIENCE)
        return len(runs)

    async def aload() -> int:
        return await asyncio.to_thread(load)

    with Cache("shared", default_ttl=10, stale=100, stale_on_error=200, clock=clock) as cache:
        loops = [Loop() for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:

            def ask() -> list[Any]:
                asked = [pool.submit(cache.get_or_set, "key", load) for _ in range(8)]

                async def many() -> list[int]:
                    return await asyncio.gather(*(cache.aget_or_set("key", aload) for _ in range(25)))

                return [*asked, *(loop.submit(many()) for loop in loops)]

            first = pool.submit(cache.get_or_set, "key", load)
            began.wait(PATIENCE)
            rest = ask()
            until(lambda: sum(flight.wanting for flight in cache._flights.running()) == 7 + 100)
            gate.set()
            assert first.result(PATIENCE) == 1
            assert all(one.result(PATIENCE) in (1, [1] * 25) for one in rest)
            assert len(runs) == 1

            gate.clear()
            clock.advance(50)
            assert all(one.result(PATIENCE) in (1, [1] * 25) for one in ask()), "stale, at once"
            until(lambda: len(runs) == 2)
            gate.set()
            until(lambda: not len(cache._flights))
            assert all(one.result(PATIENCE) in (2, [2] * 25) for one in ask())
            assert len(runs) == 2
        for loop in loops:
            loop.close()


def test_many_threads_with_a_limit_share_one_load(make: Callable[..., Cache]):
    cache, gate, runs = make(), threading.Event(), []

    def load() -> str:
        runs.append(1)
        assert gate.wait(PATIENCE)
        return "value"

    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(cache.get_or_set, "key", load, timeout=60) for _ in range(32)]
        until(lambda: sum(flight.wanting for flight in cache._flights.running()) == 32)
        gate.set()
        assert {one.result(PATIENCE) for one in asked} == {"value"}
    assert len(runs) == 1


def test_a_function_that_asks_for_itself_with_a_limit_is_an_error(make: Callable[..., Cache]):
    from omnicache.exceptions import ReentrantLoadError

    cache = make(timeout=60, stale_on_error=100)

    def load() -> Any:
        return cache.get_or_set("key", load)

    with pytest.raises(ReentrantLoadError):
        cache.get_or_set("key", load)
    assert cache.get_or_set("key", lambda: cache.get_or_set("other", lambda: 3)) == 3


def test_nested_limits_hold_each_for_its_own_load(make: Callable[..., Cache], clock: ManualClock):
    from omnicache import CacheTimeoutError

    cache, gate = make(clock=clock), threading.Event()

    def inner() -> str:
        clock.advance(3)
        assert gate.wait(PATIENCE)
        return "inner"

    def outer() -> str:
        try:
            return cache.get_or_set("inner", inner, timeout=2)
        except CacheTimeoutError:
            return "outer"

    assert cache.get_or_set("outer", outer, timeout=10) == "outer"
    gate.set()
    until(lambda: cache.get("inner") == "inner")
