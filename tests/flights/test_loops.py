"""Flights across event loops and threads: shared, taken over, never a dead end."""

import asyncio
import threading
from functools import partial

import pytest

from omnicache import _parties
from omnicache._omnicache import waits_len
from omnicache.exceptions import ReentrantLoadError
from tests.flights.fake import Counter, FakeCache, Runner, on_loop, threads, until
from tests.support import in_child


@in_child
def test_four_loops_and_eight_threads_share_one_flight_led_by_a_thread():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter(gate=gate)
    leader = Runner(lambda: cache.get("a", loader))
    leader.start()
    loader.entered.wait(10)
    followers_share(cache, loader)
    gate.set()
    assert leader.result() == "value"
    finish(cache, loader)


@in_child
def test_four_loops_and_eight_threads_share_one_flight_led_by_a_task():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter(gate=gate)

    async def load():
        return await asyncio.to_thread(loader)

    leader = on_loop(cache.aget, "a", load)
    loader.entered.wait(10)
    followers_share(cache, loader, started=1)
    gate.set()
    assert leader.result() == "value"
    finish(cache, loader)


def followers_share(cache, loader, started=0):
    async def many():
        return await asyncio.gather(*(cache.aget("a", loader) for _ in range(50)))

    cache.loops = [on_loop(many) for _ in range(4)]
    cache.threads = threads(8, lambda: cache.get("a", loader))
    cache.until_wanting("a", 208 + started)


def finish(cache, loader):
    assert all(runner.result() == ["value"] * 50 for runner in cache.loops)
    assert all(runner.result() == "value" for runner in cache.threads)
    assert (loader.runs, len(cache.flights), cache.flights.coalesced) == (1, 0, 208)
    assert not _parties._PARTIES
    assert waits_len() == 0


@in_child
def test_one_coroutine_function_awaited_from_four_loops():
    cache, runs = FakeCache(), []
    barrier = threading.Barrier(4)

    async def load():
        runs.append(1)
        await asyncio.sleep(0.05)
        return "value"

    async def main():
        barrier.wait(10)
        return await cache.aget("a", load)

    assert [runner.result() for runner in [on_loop(main) for _ in range(4)]] == ["value"] * 4
    assert len(runs) == 1


@in_child
def test_the_last_waiter_leaving_from_another_loop_cancels_the_loader():
    cache, entered, cancelled, left = FakeCache(), threading.Event(), threading.Event(), threading.Event()

    async def hang():
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def lead():
        task = asyncio.create_task(cache.aget("a", hang))
        await cache.auntil_wanting("a", 2)
        task.cancel()
        await asyncio.wait([task])
        left.set()
        await until(cancelled.is_set)

    async def follow():
        task = asyncio.create_task(cache.aget("a", hang))
        await asyncio.to_thread(left.wait, 10)
        assert not cancelled.is_set()
        task.cancel()
        await asyncio.wait([task])

    leader = on_loop(lead)
    entered.wait(10)
    follower = on_loop(follow)
    follower.result()
    leader.result()
    assert len(cache.flights) == 0


@in_child
def test_a_plain_call_on_a_loop_thread_does_not_wait_for_what_needs_that_thread():
    """Shape 4: T's plain call asks for b; another thread loads b and waits for a, which runs on T's loop."""
    cache, in_b = FakeCache(), threading.Event()
    gate = None

    async def load_a():
        await gate.wait()
        return "a"

    def load_b():
        in_b.set()
        return cache.get("a", lambda: "never") + "b"

    async def main():
        nonlocal gate
        gate = asyncio.Event()
        a = asyncio.create_task(cache.aget("a", load_a))
        await cache.auntil_wanting("a", 1)
        b = Runner(lambda: cache.get("b", load_b))
        b.start()
        await cache.auntil_wanting("a", 2)
        assert cache.get("b", lambda: "mine") == "mine"
        gate.set()
        assert await a == "a"
        return await asyncio.to_thread(b.result)

    assert asyncio.run(main()) == "ab"


def blocked_first(ask):
    """Shape 5: T's plain call waits for b already when the loader of b asks for a, which runs on T's loop."""
    cache, in_b, blocked = FakeCache(), threading.Event(), threading.Event()

    async def main():
        gate = asyncio.Event()
        a = asyncio.create_task(cache.aget("a", gate.wait))
        await cache.auntil_wanting("a", 1)

        def load_b():
            in_b.set()
            cache.until_wanting("b", 1)
            return ask(cache) + "b"

        b = Runner(lambda: cache.get("b", load_b))
        b.start()
        in_b.wait(10)
        assert cache.get("b", lambda: "never") == "own ab"
        gate.set()
        assert await a is True
        return b.result()

    assert asyncio.run(main()) == "own ab"
    assert waits_len() == 0
    assert not blocked.is_set()


@in_child
def test_a_loader_does_not_wait_for_a_thread_that_waits_for_it():
    async def own():
        return "own a"

    blocked_first(lambda cache: cache.get("a", lambda: "own a"))
    blocked_first(lambda cache: asyncio.run(cache.aget("a", own)))


@in_child
def test_a_circle_through_a_thread_and_a_loop_is_refused():
    cache, both = FakeCache(), threading.Barrier(2)

    async def load_x():
        await asyncio.to_thread(both.wait, 10)
        return await cache.aget("y", lambda: "never")

    def load_y():
        both.wait(10)
        return cache.get("x", lambda: "never")

    runners = [on_loop(cache.aget, "x", load_x), Runner(lambda: cache.get("y", load_y))]
    runners[1].start()
    for runner in runners:
        with pytest.raises(ReentrantLoadError, match="->"):
            runner.result()
    assert len(cache.flights) == 0
    assert waits_len() == 0


@in_child
def test_errors_cross_loops():
    cache, gate, entered = FakeCache(), threading.Event(), threading.Event()
    error = ValueError("no")

    async def load():
        entered.set()
        await asyncio.to_thread(gate.wait)
        raise error

    leader = on_loop(cache.aget, "a", load)
    entered.wait(10)
    others = [*threads(3, partial(cache.get, "a", load)), on_loop(cache.aget, "a", load)]
    cache.until_wanting("a", 5)
    gate.set()
    for runner in [leader, *others]:
        with pytest.raises(ValueError, match="no") as caught:
            runner.result()
        assert caught.value is error


@in_child(timeout=60)
async def test_ten_thousand_waiters_of_another_thread_s_load_are_woken_by_one_call():
    cache, gate, calls = FakeCache(), threading.Event(), 0
    loader = Counter(gate=gate)
    leader = Runner(lambda: cache.get("a", loader))
    leader.start()
    loader.entered.wait(10)
    tasks = [asyncio.create_task(cache.aget("a", loader)) for _ in range(10_000)]
    await cache.auntil_wanting("a", 10_000)
    loop = asyncio.get_running_loop()
    wake = loop.call_soon_threadsafe

    def counted(*arguments, **options):
        nonlocal calls
        calls += 1
        return wake(*arguments, **options)

    loop.call_soon_threadsafe = counted
    gate.set()
    assert set(await asyncio.gather(*tasks)) == {"value"}
    assert leader.result() == "value"
    assert (loader.runs, calls) == (1, 1)


@in_child(timeout=60)
def test_hammering_mixed_callers_neither_hangs_nor_overlaps():
    cache, rounds = FakeCache(), 150
    loaders = {key: Counter(key) for key in range(5)}

    def caller():
        for at in range(rounds):
            key = at % 5
            assert cache.get(key, loaders[key]) == key
            cache.delete((at + 2) % 5)

    async def acaller():
        for at in range(rounds):
            key = at % 5
            assert await cache.aget(key, loaders[key]) == key
            cache.delete((at + 3) % 5)

    async def acallers():
        tasks = [asyncio.create_task(acaller()) for _ in range(5)]
        doomed = [asyncio.create_task(acaller()) for _ in range(5)]
        for task in doomed:
            await asyncio.sleep(0.002)
            task.cancel()
        await asyncio.gather(*tasks)

    runners = [*threads(4, caller), *(on_loop(acallers) for _ in range(3))]
    for runner in runners:
        runner.result(50)
    assert len(cache.flights) == 0
    assert waits_len() == 0
    assert not _parties._PARTIES
