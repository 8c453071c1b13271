"""Crowds that ask for one value on a server: threads, tasks and processes, callers who leave, loaders that fail."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omnicache import Backend, Cache, ManualClock, RedisBackend, TieredBackend
from omnicache.testing import asettled
from tests.freshness.ways import PATIENCE, LoneLoader, Loop, until
from tests.servers.shared import single
from tests.tiers.workers import Worker, working

KINDS = ["plain", "tiered"]


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """The server, alone and behind near copies."""
    far = RedisBackend(single().url)
    return TieredBackend(far=far) if request.param == "tiered" else far


def wanting(cache: Cache) -> int:
    """How many wait for loads."""
    return sum(flight.wanting for flight in cache._flights.running())


@pytest.mark.parametrize("options", [{}, {"ttl": 100, "stale": 50, "stale_on_error": 100, "timeout": 60}])
async def test_two_thousand_tasks_wait_for_one_load(
    make: Callable[..., Cache], backend: Backend, options: dict[str, Any]
):
    cache, gate, runs = make(backend=backend, on_error="raise"), asyncio.Event(), []

    async def load() -> str:
        runs.append(1)
        await gate.wait()
        return "value"

    tasks = [asyncio.create_task(cache.aget_or_set("k", load, **options)) for _ in range(2000)]
    async with asyncio.timeout(PATIENCE):
        while wanting(cache) < 2000:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.001)
    gate.set()
    assert await asyncio.gather(*tasks) == ["value"] * 2000
    assert len(runs) == 1
    assert cache.stats().coalesced_count == 1999
    assert await cache.aget("k") == "value"


async def test_all_hear_of_an_error_and_nobody_later(make: Callable[..., Cache], backend: Backend):
    cache, gate = make(backend=backend, on_error="raise"), asyncio.Event()

    async def load() -> str:
        await gate.wait()
        raise LookupError("no")

    tasks = [asyncio.create_task(cache.aget_or_set("k", load)) for _ in range(200)]
    async with asyncio.timeout(PATIENCE):
        while wanting(cache) < 200:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
    gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(error) for error in found} == {LookupError}
    assert await cache.aget_or_set("k", lambda: "fine") == "fine"


@pytest.mark.parametrize("age", ["absent", "stale", "failsafe"])
@pytest.mark.parametrize("victim", ["leader", "waiter", "both"])
async def test_a_caller_is_cancelled_wherever_it_is(
    make: Callable[..., Cache], backend: Backend, clock: ManualClock, age: str, victim: str
):
    """After more and more turns of the loop, until all have what they asked for before anybody leaves."""
    options: dict[str, Any] = {"ttl": 10, "stale": 10, "stale_on_error": 100, "timeout": 60}
    cache = make(backend=backend, clock=clock, on_error="raise")
    load = LoneLoader()
    steps = left = 0
    while True:
        key = f"k{steps}"
        load.begin("old")
        if age != "absent":
            await cache.aget_or_set(key, load, **options)
            clock.advance(15 if age == "stale" else 30)
        load.begin("new")
        callers = [asyncio.create_task(cache.aget_or_set(key, load, **options)) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        if all(caller.done() for caller in callers):
            break
        left += 1
        for caller, named in zip(callers, ("leader", "waiter"), strict=False):
            if victim in (named, "both"):
                caller.cancel()
        found = await asyncio.gather(*callers, return_exceptions=True)
        # A refresh may be done before the last one has asked.
        assert found[2] in (("old", "new") if age == "stale" else ("new",))
        assert all(isinstance(one, asyncio.CancelledError) or one in ("old", "new") for one in found)
        await asettled(cache)
        assert await cache.aget_or_set(key, load, **options) == "new"
        assert load.runs == 1
        steps += 1 + steps // 8
    assert left > 1


def test_loops_and_threads_share_one_load_and_one_refresh(
    make: Callable[..., Cache], backend: Backend, clock: ManualClock
):
    cache = make(backend=backend, default_ttl=10, stale=100, clock=clock, on_error="raise")
    gate, began, runs = threading.Event(), threading.Event(), []

    def load() -> int:
        runs.append(1)
        began.set()
        assert gate.wait(PATIENCE)
        return len(runs)

    async def aload() -> int:
        return await asyncio.to_thread(load)

    loops = [Loop() for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:

        def ask() -> list[Any]:
            async def many() -> list[int]:
                return await asyncio.gather(*(cache.aget_or_set("key", aload) for _ in range(25)))

            asked = [pool.submit(cache.get_or_set, "key", load) for _ in range(7)]
            return [*asked, *(loop.submit(many()) for loop in loops)]

        first = pool.submit(cache.get_or_set, "key", load)
        assert began.wait(PATIENCE)
        rest = ask()
        until(lambda: wanting(cache) == 7 + 75)
        gate.set()
        assert first.result(PATIENCE) == 1
        assert all(one.result(PATIENCE) in (1, [1] * 25) for one in rest)

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


CROWD = """
import asyncio
def marked(key, value):
    with open(marks + "/" + key, "a") as file:
        file.write("x")
    time.sleep(0.002)
    return value
def threads(count, keys):
    found, start = {}, threading.Barrier(count)
    def ask():
        start.wait()
        for key in keys:
            found.setdefault(key, set()).add(cache.get_or_set(key, lambda: marked(key, os.getpid())))
    started = [threading.Thread(target=ask) for _ in range(count)]
    for thread in started: thread.start()
    for thread in started: thread.join()
    return {key: sorted(values) for key, values in found.items()}
def tasks(count, keys):
    found = {}
    async def ask():
        for key in keys:
            async def load():
                return await asyncio.to_thread(marked, key, os.getpid())
            found.setdefault(key, set()).add(await cache.aget_or_set(key, load))
    async def all_of_them():
        await asyncio.gather(*(ask() for _ in range(count)))
    asyncio.run(all_of_them())
    return {key: sorted(values) for key, values in found.items()}
"""


def told(workers: list[Worker], directory: Path) -> None:
    """Tells them what a crowd is."""
    for worker in workers:
        worker(f"marks = {str(directory)!r}" + CROWD)
        worker("cache.get('warm')")


@pytest.mark.parametrize("crowds", [("threads", "threads"), ("tasks", "tasks"), ("threads", "tasks")])
@pytest.mark.parametrize("kind", KINDS)
def test_the_crowds_of_two_processes_load_each_key_once(name: str, tmp_path: Path, kind: str, crowds: tuple[str, str]):
    keys = [f"k{number}" for number in range(30)]
    with working(single().url, 2, "far" if kind == "plain" else kind, name=name, on_error="raise") as workers:
        told(workers, tmp_path)
        for worker, crowd in zip(workers, crowds, strict=True):
            worker.tell(f"{crowd}(16, {keys})")
        one, other = (worker.answer() for worker in workers)
    assert {key: len(values) for key, values in one.items()} == dict.fromkeys(keys, 1)
    assert one == other
    assert {key: (tmp_path / key).read_text() for key in keys} == dict.fromkeys(keys, "x")
