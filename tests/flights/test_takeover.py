"""A leader's loop that ends, closes or stops: waiters elsewhere take over."""

import asyncio
import threading

from omnicache import _parties
from tests.flights.fake import Counter, FakeCache, Runner, on_loop, threads, until
from tests.support import in_child


def dying_leader(die):
    """A loop leads a flight that never ends, others wait; then ``die`` happens on the loop."""
    cache, entered, go = FakeCache(), threading.Event(), threading.Event()

    async def hang():
        entered.set()
        await asyncio.Event().wait()

    leader = Runner(lambda: die(cache, hang, go))
    leader.start()
    entered.wait(10)
    second = Counter("second")
    others = threads(4, lambda: cache.get("a", second))

    async def many():
        return await asyncio.gather(*(cache.aget("a", second) for _ in range(5)))

    loops = [on_loop(many) for _ in range(2)]
    cache.until_wanting("a", 1 + 4 + 10)
    go.set()
    assert all(other.result() == "second" for other in others)
    assert all(loop.result() == ["second"] * 5 for loop in loops)
    assert second.runs == 1
    leader.join(20)
    assert len(cache.flights) == 0


@in_child
def test_waiters_elsewhere_take_over_when_asyncio_run_ends():
    def die(cache, hang, go):
        async def main():
            task = asyncio.create_task(cache.aget("a", hang))
            await until(go.is_set)
            return task

        asyncio.run(main())

    dying_leader(die)


@in_child
def test_waiters_elsewhere_take_over_when_the_loop_is_closed_over_its_tasks():
    keep = []

    def die(cache, hang, go):
        loop = asyncio.new_event_loop()

        async def main():
            keep.append(asyncio.create_task(cache.aget("a", hang)))
            await until(go.is_set)

        loop.run_until_complete(main())
        keep.extend(asyncio.all_tasks(loop))
        loop.close()

    dying_leader(die)
    quietly_forget(keep)
    assert not _parties._PARTIES


@in_child
def test_waiters_elsewhere_take_over_when_the_loop_stops_for_good():
    keep, stopped = [], []

    def die(cache, hang, go):
        loop = asyncio.new_event_loop()

        async def main():
            keep.append(asyncio.create_task(cache.aget("a", hang)))
            await until(go.is_set)

        loop.run_until_complete(main())
        stopped.append(loop)

    dying_leader(die)
    loop = stopped[0]
    assert loop.run_until_complete(keep[0]) == "second", "the caller on the stopped loop finds what the others loaded"
    loop.close()
    assert not _parties._PARTIES


def quietly_forget(tasks):
    """A task that is destroyed while it is pending says so; here that was the plan."""
    for task in tasks:
        task._log_destroy_pending = False
    tasks.clear()


@in_child
def test_a_newcomer_leads_when_the_leader_s_loop_was_closed_before():
    cache, keep = FakeCache(), []
    loop = asyncio.new_event_loop()

    async def main():
        keep.append(asyncio.create_task(cache.aget("a", asyncio.Event().wait)))
        await asyncio.sleep(0.01)

    loop.run_until_complete(main())
    keep += asyncio.all_tasks(loop)
    loop.close()
    runner = Runner(lambda: cache.get("a", lambda: "new"))
    runner.start()
    assert runner.result() == "new"
    cache.data.clear()
    assert asyncio.run(cache.aget("a", lambda: "newer")) == "newer"
    quietly_forget(keep)


@in_child
def test_a_waiter_s_loop_that_closes_harms_nobody():
    cache, gate, keep = FakeCache(), threading.Event(), []
    loader = Counter(gate=gate)
    leader = Runner(lambda: cache.get("a", loader))
    leader.start()
    loader.entered.wait(10)
    loop = asyncio.new_event_loop()

    async def main():
        keep.append(asyncio.create_task(cache.aget("a", loader)))
        await cache.auntil_wanting("a", 1)

    loop.run_until_complete(main())
    loop.close()
    gate.set()
    assert leader.result() == "value"
    assert not _parties._PARTIES
    quietly_forget(keep)
