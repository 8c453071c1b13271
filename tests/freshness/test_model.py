"""Any interleaving of callers, cancellations, invalidations, moves of the clock and ends of loads, against a model.

The callers are tasks of one loop, which runs until all of them wait after every step, and threads, which are waited for
likewise. After every step: no two runs of a loader overlap, unless one was given up; what a caller got is allowed; at
the end nobody waits.
"""

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from omnicache import Cache, CacheTimeoutError, ManualClock

TTL, STALE, FAILSAFE, HARD, RETRY = 100.0, 50.0, 200.0, 30.0, 10.0


class Broken(Exception):  # noqa: N818 - it is no error of ours
    """What a loader raises."""


class Value:
    """What a run of the loader brings: when it began, and how many invalidations it came after."""

    def __init__(self, number: int, soft: int, hard: int) -> None:
        self.number, self.soft, self.hard = number, soft, hard
        self.arrived: float | None = None


class Run:
    """One run of the loader, until the model ends it."""

    def __init__(self, model: "Loads") -> None:
        self.value = Value(len(model.runs), model.soft, model.hard)
        self.began = model.now
        self.end: asyncio.Future[Value] = model.loop.create_future()
        self.over = False


class Caller:
    """One caller, and what it may be given."""

    def __init__(self, model: "Loads", task: "asyncio.Task[Value]") -> None:
        self.task = task
        self.soft, self.hard, self.asked = model.soft, model.hard, model.now
        self.cancelled = False


class Loads(RuleBasedStateMachine):
    """One key of one cache."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.now = 0.0
        self.soft = self.hard = 0  # invalidations so far
        self.runs: list[Run] = []
        self.callers: list[Caller] = []
        self.failed = False
        self.cache = Cache(
            "model",
            default_ttl=TTL,
            stale=STALE,
            stale_on_error=FAILSAFE,
            timeout=HARD,
            retry_after=RETRY,
            clock=self.clock,
        )

    def step(self) -> None:
        """Lets the loop run until nothing moves any more; waits with a limit look again only after real time."""

        async def idle() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())

    def look(self) -> None:
        """Lets those look at the clock who wait with a limit, and take the consequences."""

        async def idle() -> None:
            await asyncio.sleep(0.006)

        self.loop.run_until_complete(idle())
        self.step()

    async def load(self, ctx: Any) -> Value:
        run = Run(self)
        alive = [other for other in self.runs if not other.over and self.now - other.began < HARD]
        assert not alive, "two runs of the loader overlap"
        self.runs.append(run)
        try:
            return await run.end
        finally:
            run.over = True

    @property
    def running(self) -> list[Run]:
        return [run for run in self.runs if not run.end.done()]

    @rule(count=st.integers(1, 4))
    def ask(self, count: int) -> None:
        for _ in range(count):
            task = self.loop.create_task(self.cache.aget_or_set("key", self.load, tags=["tag"]))
            self.callers.append(Caller(self, task))
        self.step()

    @precondition(lambda self: self.running)
    @rule(good=st.booleans())
    def end(self, good: bool) -> None:
        run = self.running[-1]
        if good:
            run.value.arrived = self.now
            run.end.set_result(run.value)
        else:
            run.end.set_exception(Broken())
        self.step()

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        caller = data.draw(st.sampled_from(self.callers))
        caller.cancelled = caller.cancelled or not caller.task.done()
        caller.task.cancel()
        self.step()

    @rule(how=st.sampled_from(["key", "tag", "pattern"]), hard=st.booleans())
    def invalidate(self, how: str, hard: bool) -> None:
        named: dict[str, Any] = {"key": {"keys": ["key"]}, "tag": {"tags": ["tag"]}, "pattern": {"pattern": "k*"}}[how]
        self.cache.invalidate(**named, hard=hard)
        if hard:
            self.hard += 1
        self.soft += 1
        self.step()

    @rule()
    def delete(self) -> None:
        self.cache.delete("key")
        self.hard += 1
        self.soft += 1
        self.step()

    @rule(seconds=st.sampled_from([1.0, 9.0, 25.0, 40.0, 90.0, 150.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.now += seconds
        self.look()

    @invariant()
    def callers_got_what_they_may(self) -> None:
        for caller in [caller for caller in self.callers if caller.task.done()]:
            self.callers.remove(caller)
            if caller.task.cancelled():
                assert caller.cancelled
                continue
            error = caller.task.exception()
            if error is not None:
                assert isinstance(error, Broken | CacheTimeoutError), error
                continue
            value = caller.task.result()
            assert value.arrived is not None
            assert value.hard >= caller.hard, "what was removed before the question is served"
            past = self.now - value.arrived - TTL
            assert past < FAILSAFE, "older than anybody may be given"
            # A value from before a soft invalidation stands in only for a load that failed.
            if value.soft < caller.soft:
                assert self.has_failed(value), "served although it was softly invalidated, and no load has failed"

    def has_failed(self, value: Value) -> bool:
        later = [run for run in self.runs if run.value.number > value.number]
        return any(run.end.done() or self.now - run.began >= HARD for run in later)

    @invariant()
    def the_store_holds_nothing_that_was_invalidated(self) -> None:
        found = self.cache.get("key")
        assert found is None or (found.soft == self.soft and found.hard == self.hard)

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.cache.close()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    def finish(self) -> None:
        for _ in range(40):
            if all(caller.task.done() for caller in self.callers) and not self.running:
                break
            for run in self.running:
                run.value.arrived = self.now
                run.end.set_result(run.value)
            self.look()
        waiting = [caller for caller in self.callers if not caller.task.done()]
        assert not waiting, "a waiter is lost"
        self.callers_got_what_they_may()
        assert len(self.cache._flights) == 0
        self.cache._validate()


TestLoads = Loads.TestCase
TestLoads.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
