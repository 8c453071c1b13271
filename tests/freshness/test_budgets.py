"""What one caller will put up with: modes, limits, nesting, and where a budget reaches."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from omnicache import Cache, CacheConfigError, CacheTimeoutError, ManualClock, MissingKeyError, cached
from tests.freshness.ways import PATIENCE, AsyncWay, Way, until


def within(one: Way, *mode: Any, **limits: Any) -> Any:
    """What a caller gets that asks in a block of its own."""
    if not isinstance(one, AsyncWay):

        def call() -> Any:
            with one.cache.using(*mode, **limits):
                return one.call()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(call).result(PATIENCE)

    async def acall() -> Any:
        with one.cache.using(*mode, **limits):
            return await one.acall()

    return one.loop.submit(acall()).result(PATIENCE)


def starts_within(one: Way, **limits: Any) -> Any:
    """As :func:`within`, without waiting."""
    pool = ThreadPoolExecutor(1)
    asked = pool.submit(within, one, **limits)
    pool.shutdown(wait=False)
    return asked


def test_bypass_reads_nothing_and_keeps_nothing(way: Callable[..., Way]):
    one = way()
    one.script.will_bring("kept", "b", "c")
    assert one.ask() == "kept"
    assert within(one, "bypass") == "b"
    assert within(one, "bypass") == "c"
    assert one.ask() == "kept"


def test_bypass_serves_nothing_old(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=100, stale_on_error=100)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        within(one, "bypass")


def test_read_only_reads_and_keeps_nothing(way: Callable[..., Way]):
    one = way()
    one.script.will_bring("a", "kept")
    assert within(one, "read_only") == "a"
    assert one.stored is None
    assert one.ask() == "kept"
    assert within(one, "read_only") == "kept"


def test_read_only_starts_no_refresh(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, refresh_at=0.5, stale_on_error=100)
    one.script.will_bring("old")
    one.ask()
    clock.advance(60)
    assert within(one, "read_only") == "old"
    one.settle()
    assert len(one.script.runs) == 1
    clock.advance(60)
    one.script.will_raise(LookupError("no"))
    assert within(one, "read_only") == "old", "it may be served what is old"


def test_offline_loads_nothing(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, refresh_at=0.5, stale_on_error=100)
    with pytest.raises(MissingKeyError):
        within(one, "offline")
    one.script.will_bring("old")
    one.ask()
    for seconds in (60, 60):
        clock.advance(seconds)
        assert within(one, "offline") == "old"
    assert within(one, "offline", max_stale=30) == "old"
    with pytest.raises(MissingKeyError):
        within(one, "offline", max_stale=10)
    clock.advance(80)
    with pytest.raises(MissingKeyError):
        within(one, "offline")
    one.settle()
    assert len(one.script.runs) == 1


def test_max_stale_refuses_what_is_older(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, stale=50, stale_on_error=50)
    one.script.will_bring("old")
    one.ask()
    clock.advance(110)
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        within(one, max_stale=9)
    one.script.will_bring("new")
    assert within(one, max_stale=0) == "new"
    clock.advance(110)
    asked = starts_within(one, max_stale=11)
    assert asked.result(PATIENCE) == "new"
    one.script.run(3).brings("newer")
    one.settle()
    assert one.ask() == "newer"


def test_a_deadline_ends_the_wait_of_this_caller_only(way: Callable[..., Way], clock: ManualClock):
    one = way()
    asked = starts_within(one, deadline=5)
    run = one.script.run(0)
    other = one.start()
    one.waiting(2)
    clock.advance(5)
    with pytest.raises(CacheTimeoutError, match="deadline"):
        asked.result(PATIENCE)
    assert not other.done()
    run.brings("value")
    assert other.result(PATIENCE) == "value"
    assert len(one.script.runs) == 1


def test_a_deadline_serves_what_is_old(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale_on_error=100)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    asked = starts_within(one, deadline=5)
    run = one.script.run(1)
    other = one.start()
    one.waiting(2)
    clock.advance(5)
    assert asked.result(PATIENCE) == "old"
    run.brings("new")
    assert other.result(PATIENCE) == "new"


def test_a_background_refresh_has_no_budget(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=100, context=True)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    seen: list[Any] = []

    def end(_: Any) -> str:
        seen.append(one.cache._budget())
        return "new"

    one.script.will(end)
    assert within(one, max_stale=50, deadline=5) == "old"
    one.settle()
    assert one.ask() == "new"
    assert seen[0].deadline is None
    assert seen[0].max_stale is None


def test_the_deadline_of_one_caller_is_not_that_of_the_load(way: Callable[..., Way], clock: ManualClock):
    one = way(context=True)
    seen: list[Any] = []
    asked = starts_within(one, deadline=5, max_stale=3)
    run = one.script.run(0)
    other = one.start()
    one.waiting(2)

    def end(_: Any) -> str:
        seen.append(one.cache._budget())
        return "value"

    run.does(end)
    assert asked.result(PATIENCE) == other.result(PATIENCE) == "value"
    assert seen[0].deadline is None
    assert seen[0].max_stale == 3


def test_blocks_within_blocks(make: Callable[..., Cache], clock: ManualClock):
    cache = make(clock=clock)
    with cache.using(max_stale=10, deadline=100):
        with cache.using("offline", max_stale=20, deadline=50):
            assert cache._budget() == ("offline", 10, clock_now(cache) + 50)
            with cache.using("normal", deadline=500):
                assert cache._budget() == ("normal", 10, clock_now(cache) + 50)
        assert cache._budget() == ("normal", 10, clock_now(cache) + 100)
    assert cache._budget() == ("normal", None, None)


def clock_now(cache: Cache) -> float:
    return cache._now()


def test_a_budget_is_for_one_cache(make: Callable[..., Cache]):
    one, other = make(), make()
    other["a"] = 1
    with one.using("bypass"):
        assert other.get("a") == 1
        with other.using("bypass"):
            assert other.get("a") is None
        assert other.get("a") == 1


def test_every_read_and_write_beneath_it(make: Callable[..., Cache]):
    cache = make()
    cache["a"] = 1

    @cache.cached
    def double(n: int) -> int:
        return 2 * n

    double(1)
    with cache.using("bypass"):
        assert cache.get("a") is None
        assert cache.get_many(["a"]) == {}
        cache.set("b", 2)
        cache["c"] = 3
        assert cache.add("d", 4) is False
        double(2)
    with cache.using("read_only"):
        assert cache.get("a") == 1
        cache["a"] = 2
        cache.incr("n")
        cache.set_many({"e": 5})
        double(3)
        assert cache.delete("a") is True
    assert sorted(map(str, cache.keys())) == [str(double.key(1))]
    assert double.cache_info().currsize == 1


def test_a_budget_reaches_the_tasks_and_threads_that_are_given_the_context(make: Callable[..., Cache]):
    cache = make()
    cache["a"] = 1

    async def main() -> None:
        with cache.using("bypass"):
            assert await asyncio.create_task(cache.aget("a")) is None
            assert await asyncio.to_thread(cache.get, "a") is None
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(cache.get, "a").result() == 1
                assert pool.submit(copy_context().run, cache.get, "a").result() is None

    asyncio.run(main())


def test_one_task_s_budget_is_nothing_to_another(make: Callable[..., Cache]):
    cache = make()
    cache["a"] = 1

    async def main() -> None:
        inside, done = asyncio.Event(), asyncio.Event()

        async def impatient() -> None:
            with cache.using("bypass"):
                inside.set()
                await done.wait()
                assert cache.get("a") is None

        task = asyncio.create_task(impatient())
        await inside.wait()
        assert cache.get("a") == 1
        done.set()
        await task

    asyncio.run(main())


def test_a_task_that_outlives_the_block_has_no_budget_any_more(make: Callable[..., Cache]):
    cache = make()
    cache["a"] = 1

    async def main() -> None:
        go = asyncio.Event()

        async def later() -> Any:
            await go.wait()
            return cache.get("a")

        with cache.using("bypass"):
            task = asyncio.create_task(later())
        with cache.using("read_only"):
            go.set()
            assert await task == 1

    asyncio.run(main())


def test_a_block_left_in_another_context_is_over(make: Callable[..., Cache]):
    cache = make()
    cache["a"] = 1
    block = cache.using("bypass")
    copy_context().run(block.__enter__)
    with pytest.raises(ValueError, match="Context"):
        block.__exit__(None, None, None)
    assert cache._budgets == 0
    assert cache.get("a") == 1


def test_a_block_is_entered_once_at_a_time(make: Callable[..., Cache]):
    cache = make()
    block = cache.using()
    with block, pytest.raises(RuntimeError, match="entered already"):
        block.__enter__()
    with block:
        pass
    assert cache._budgets == 0


def test_hits_are_as_quick_as_ever_when_no_block_is_open(make: Callable[..., Cache]):
    cache = make()
    with cache.using("bypass"), cache.using("offline"):
        assert cache._budgets == 2
    assert cache._budgets == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "ofline"}, ["mode", "'offline'"]),
        ({"max_stale": -1}, ["max_stale", "negative"]),
        ({"deadline": 0}, ["deadline", "no time"]),
    ],
)
def test_what_cannot_be_used_is_named(make: Callable[..., Cache], given: dict[str, Any], words: list[str]):
    with pytest.raises(CacheConfigError) as caught:
        make().using(**given)
    assert all(word in str(caught.value) for word in words)


def test_a_function_s_own_cache_has_budgets_too():
    runs = threading.Semaphore(0)

    @cached
    def load() -> str:
        runs.release()
        return "value"

    load()
    with load.cache.using("bypass"):
        load()
    assert runs.acquire(timeout=0)
    assert runs.acquire(timeout=0)
    until(lambda: len(load.cache._flights) == 0)
