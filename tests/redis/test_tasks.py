"""Tasks and replies: each gets its own, whoever leaves, whatever becomes of loops and processes."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import pytest

from omnicache import Cache, RedisBackend, TieredBackend
from tests.servers.proxy import Proxy
from tests.servers.server import Server
from tests.support import in_child
from tests.tiers.test_processes import forked


@pytest.fixture
def cache(make: Callable[..., Cache], proxy: Proxy) -> Cache:
    return make(backend=RedisBackend(proxy.url), on_error="raise")


async def test_replies_are_not_mixed_up(cache: Cache):
    async def one(number: int) -> None:
        for round_ in range(20):
            await cache.aset(f"k{number}", [number, round_])
            assert await cache.aget(f"k{number}") == [number, round_]
            assert await cache.aget_many([f"k{number}", f"none{number}"]) == {f"k{number}": [number, round_]}

    await asyncio.gather(*(one(number) for number in range(100)))


async def test_a_crowd_wakes_its_loop_a_few_times(cache: Cache):
    await cache.aset_many({f"k{number}": number for number in range(200)})
    loop = asyncio.get_running_loop()
    woken, run_once = 0, loop._run_once

    def counted() -> None:
        nonlocal woken
        woken += 1
        run_once()

    loop._run_once = counted
    found = await asyncio.gather(*(cache.aget(f"k{number}") for number in range(200)))
    assert found == list(range(200))
    assert woken < 100, "many replies come at once"


async def test_a_task_that_is_cancelled_leaves_the_others_alone(cache: Cache, proxy: Proxy):
    await cache.aset_many({f"k{number}": number for number in range(50)})
    proxy.delay = 0.1
    tasks = [asyncio.create_task(cache.aget(f"k{number}")) for number in range(50)]
    await asyncio.sleep(0.05)
    for task in tasks[::2]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in found[::2])
    assert found[1::2] == list(range(1, 50, 2))
    proxy.flow()
    assert await cache.aget("k0") == 0, "the connection is as good as before"


async def test_a_write_that_was_cancelled_leaves_nothing_old_near(make: Callable[..., Cache], proxy: Proxy):
    cache = make(backend=TieredBackend(far=RedisBackend(proxy.url)))
    await cache.aset("k", "old")
    assert await cache.aget("k") == "old"
    proxy.delay = 0.05
    writing = asyncio.create_task(cache.aset("k", "new"))
    await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    proxy.flow()
    async with asyncio.timeout(5):
        while await cache.aget("k") != "new":  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


def test_a_loop_that_is_closed_with_replies_under_way_harms_nobody(cache: Cache, proxy: Proxy):
    cache.set_many({f"k{number}": number for number in range(20)})
    for _ in range(5):
        proxy.delay = 0.05

        async def leave() -> None:
            for number in range(20):
                asyncio.create_task(cache.aget(f"k{number}"))  # noqa: RUF006 - they are left
                asyncio.create_task(cache.aset(f"k{number}", number))  # noqa: RUF006 - as above
            await asyncio.sleep(0.01)

        asyncio.run(leave())
        proxy.flow()

        async def ask() -> list[object]:
            return await asyncio.gather(*(cache.aget(f"k{number}") for number in range(20)))

        assert asyncio.run(ask()) == list(range(20))


def test_a_loop_that_just_stops_harms_nobody(cache: Cache, proxy: Proxy):
    cache["k"] = 1
    proxy.delay = 0.05
    loop = asyncio.new_event_loop()
    task = loop.create_task(cache.aget("k"))
    loop.run_until_complete(asyncio.sleep(0.01))
    assert not task.done()
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    proxy.flow()
    assert cache["k"] == 1


def test_loops_in_threads_of_their_own(cache: Cache):
    problems: list[object] = []

    def run(number: int) -> None:
        async def ask() -> None:
            for round_ in range(30):
                await cache.aset(f"k{number}", round_)
                if await cache.aget(f"k{number}") != round_:
                    problems.append(number)

        try:
            asyncio.run(ask())
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []


async def test_an_error_of_the_server_is_the_tasks_own(cache: Cache, server: Server):
    from omnicache import CacheBackendError

    server("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(CacheBackendError, match="memory"):
        await cache.aset("a", 1)
    server("CONFIG", "SET", "maxmemory", 0)
    await cache.aset("a", 1)
    assert await cache.aget("a") == 1


@in_child(timeout=50)
def test_a_child_after_a_fork_has_connections_of_its_own():
    with Server() as server:
        far = RedisBackend(server.url)
        cache = Cache("forked", backend=TieredBackend(far=far), on_error="raise")
        cache["a"] = 1
        assert asyncio.run(cache.aget("a")) == 1
        before = int(server.info("connected_clients"))

        def child() -> None:
            assert cache["a"] == 1
            assert int(server.info("connected_clients")) > before
            cache["b"] = os.getpid()

            async def ask() -> None:
                assert await asyncio.gather(*(cache.aget("b") for _ in range(20))) == [os.getpid()] * 20

            asyncio.run(ask())
            cache["a"] = 2
            cache.close()

        for _ in range(3):
            cache["a"] = 1
            assert cache["a"] == 1
            assert forked(child) == 0
            deadline = time.monotonic() + 5
            while cache["a"] != 2:
                assert time.monotonic() < deadline, "the parent hears of what its child wrote"
        assert asyncio.run(cache.aget("b")) is not None
        cache.close()
