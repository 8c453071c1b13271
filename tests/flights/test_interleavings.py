"""Any order of callers, cancellations, invalidations and loader ends: nobody is lost, nothing outdated is served."""

import asyncio
import random
import time
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from omnicache import _parties
from omnicache._omnicache import waits_len
from omnicache.exceptions import ReentrantLoadError
from tests.flights.fake import FakeCache, Runner
from tests.support import in_child

STEPS = ["call", "call", "plain call", "cancel", "invalidate", "finish", "fail", "give up", "kill", "tick", "tick"]


class World:
    """One key whose true value is a version number; loads take as long as the steps say."""

    def __init__(self) -> None:
        self.cache = FakeCache()
        self.version = 0
        self.callers: list[tuple[int, asyncio.Task[int]]] = []
        self.cancelled: set[asyncio.Task[int]] = set()
        self.gate: asyncio.Future[str] | None = None
        self.flying: asyncio.Task[None] | None = None
        self.gave_up = 0
        self.ending = False

    async def load(self) -> int:
        assert self.gate is None, "two loads of one key overlap"
        version = self.version
        self.flying = asyncio.current_task()
        self.gate = asyncio.get_running_loop().create_future()
        if self.ending:
            self.gate.set_result("finish")
        try:
            how = await self.gate
        finally:
            self.gate = self.flying = None
        if how == "fail":
            raise LookupError(version)
        if how == "give up":
            self.gave_up += 1
            raise asyncio.CancelledError
        return version

    async def step(self, step: str, which: int) -> None:
        if step == "call":
            self.callers.append((self.version, asyncio.create_task(self.cache.aget("k", self.load))))
        elif step == "plain call":
            assert self.cache.get("k", lambda: self.version) == self.version
        elif step == "cancel" and self.callers:
            _, task = self.callers[which % len(self.callers)]
            if not task.done():
                task.cancel()
                self.cancelled.add(task)
        elif step == "invalidate":
            self.version += 1
            self.cache.delete("k")
        elif step == "kill" and self.flying is not None:
            self.flying.cancel()
        elif step in {"finish", "fail", "give up"} and self.gate is not None and not self.gate.done():
            self.gate.set_result(step)
        elif step == "tick":
            for _ in range(which % 4):
                await asyncio.sleep(0)
        assert self.cache.data.get("k", self.version) == self.version, "an outdated value is in the store"

    async def end(self) -> None:
        self.ending = True
        if self.gate is not None and not self.gate.done():
            self.gate.set_result("finish")
        if self.callers:
            _, lost = await asyncio.wait([task for _, task in self.callers], timeout=10)
            assert not lost, "a waiter is lost"
        stopped = 0
        for asked_at, task in self.callers:
            if task.cancelled():
                stopped += task not in self.cancelled
            elif error := task.exception():
                assert isinstance(error, LookupError)
                assert error.args[0] >= asked_at
            else:
                assert task.result() >= asked_at, "what was invalidated before the call is served"
        assert stopped <= self.gave_up
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(self.cache.flights) == 0
        assert not _parties._PARTIES
        assert waits_len() == 0


async def play(steps: list[tuple[str, int]]) -> None:
    world = World()
    for step, which in steps:
        await world.step(step, which)
    await world.end()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7)), max_size=40))
def test_every_order_of_events(steps: list[tuple[str, int]]) -> None:
    asyncio.run(play(steps))


class Maze:
    """Loads that ask for each other at random, over two caches: plain, awaited, in the loop's thread and in another."""

    def __init__(self) -> None:
        self.caches = [FakeCache("left"), FakeCache("right")]

    def ask(self, chance: random.Random, depth: int = 0) -> int:
        cache, key = self.caches[chance.randrange(2)], chance.randrange(4)

        def load() -> int:
            time.sleep(chance.choice([0, 0.0005]))
            return self.ask(chance, depth + 1) if depth < 4 and chance.random() < 0.7 else key

        try:
            return cache.get(key, load)
        except ReentrantLoadError:
            return -1
        finally:
            cache.delete(key)

    async def aask(self, chance: random.Random, depth: int = 0) -> int:
        cache, key = self.caches[chance.randrange(2)], chance.randrange(4)

        async def load() -> int:
            await asyncio.sleep(chance.choice([0, 0.0005]))
            return await self.further(chance, depth + 1) if depth < 4 and chance.random() < 0.7 else key

        try:
            return await cache.aget(key, load)
        except ReentrantLoadError:
            return -1
        finally:
            cache.delete(key)

    async def further(self, chance: random.Random, depth: int) -> int:
        way = chance.random()
        if way < 0.6:
            return await self.aask(chance, depth)
        if way < 0.8:
            return self.ask(chance, depth)
        return await asyncio.to_thread(self.ask, chance, depth)

    def calls(self, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(150):
            self.ask(chance)

    async def tasks(self, seed: int) -> None:
        chances = [random.Random(seed * 10 + at) for at in range(4)]
        for _ in range(40):
            doomed = asyncio.create_task(self.aask(chances[0]))
            await asyncio.gather(*map(self.aask, chances))
            doomed.cancel()
            await asyncio.wait([doomed])


@in_child(timeout=60)
def test_loads_that_ask_for_each_other_at_random_end_all_the_same():
    maze = Maze()
    runners = [Runner(partial(maze.calls, seed)) for seed in range(4)]
    runners += [Runner(lambda seed=seed: asyncio.run(maze.tasks(seed))) for seed in range(10, 13)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.result(50)
    assert [len(cache.flights) for cache in maze.caches] == [0, 0]
    assert waits_len() == 0
