"""The least that a cache must be for a load: a dict and its flights."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

from omnicache._loads import load_async, load_sync
from omnicache._omnicache import Flights
from omnicache._work import ABSENT, LoaderCancelled


class FakeWork:
    """One request to a fake cache."""

    def __init__(self, cache: "FakeCache", key: Any, loader: Callable[[], Any]) -> None:
        self.cache, self.key, self.loader = cache, key, loader
        self.name, self.flights = cache.name, cache.flights

    def now(self) -> float:
        return 0.0

    def begin(self) -> Callable[[], Any]:
        return self.loader

    def look(self) -> Any:
        return self.cache.peek(self.key, ABSENT)

    def led_by(self, leader: Any) -> None:
        self.leader = leader

    def store(self, value: Any) -> bool:
        self.cache.store(self.key, value)
        return True

    def discard(self, value: Any) -> None:
        self.cache.discard(self.key, value)

    def failed(self, error: BaseException, valid: Callable[[], bool]) -> None:
        self.cache.load_failed(self.key, error)

    def context(self) -> Context:
        return copy_context()


class FakeCache:
    """A dict with loads, that counts what it is asked to do."""

    def __init__(self, name: str = "users") -> None:
        self.name = name
        self.flights = Flights()
        self.data: dict[Any, Any] = {}
        self.stored: list[Any] = []
        self.failures: list[tuple[Any, BaseException]] = []

    def peek(self, key: Any, default: Any, /) -> Any:
        return self.data.get(key, default)

    def discard(self, key: Any, value: Any, /) -> None:
        if self.data.get(key, ABSENT) is value:
            del self.data[key]

    def load_failed(self, key: Any, error: BaseException, /) -> None:
        self.failures.append((key, error))

    def store(self, key: Any, value: Any) -> None:
        self.stored.append(value)
        self.data[key] = value

    def delete(self, key: Any) -> None:
        self.flights.invalidate(key)
        self.data.pop(key, None)

    def get(self, key: Any, loader: Callable[[], Any]) -> Any:
        found = self.data.get(key, ABSENT)
        return load_sync(FakeWork(self, key, loader)) if found is ABSENT else found

    async def aget(self, key: Any, loader: Callable[[], Any]) -> Any:
        found = self.data.get(key, ABSENT)
        if found is not ABSENT:
            return found
        try:
            return await load_async(FakeWork(self, key, loader))
        except LoaderCancelled as cancelled:
            raise cancelled.error from None

    def wanting(self, key: Any) -> int:
        """How many callers want the value being loaded; the thread that leads a flight is not among them."""
        return sum(flight.wanting for flight in self.flights.running() if flight.key == key)

    def until_wanting(self, key: Any, count: int) -> None:
        """Blocks until just ``count`` callers wait for the load of ``key``."""
        pause = threading.Event()
        while self.wanting(key) != count:
            pause.wait(0.001)

    async def auntil_wanting(self, key: Any, count: int) -> None:
        """Lets other tasks run until just ``count`` callers wait for the load of ``key``."""
        await until(lambda: self.wanting(key) == count)


async def until(condition: Callable[[], bool]) -> None:
    """Lets other tasks run until ``condition`` is true, which another thread may make it."""
    while not condition():  # noqa: ASYNC110 - an asyncio.Event belongs to one loop
        await asyncio.sleep(0.001)


class Counter:
    """A loader that counts its runs, and checks that they do not overlap."""

    def __init__(self, value: Any = "value", gate: threading.Event | None = None) -> None:
        self.value = value
        self.gate = gate
        self.entered = threading.Event()
        self.runs = 0
        self._inside = threading.Lock()

    def __call__(self) -> Any:
        assert self._inside.acquire(blocking=False), "two runs of one loader overlap"
        try:
            self.runs += 1
            self.entered.set()
            if self.gate is not None:
                assert self.gate.wait(20), "nobody opened the gate"
        finally:
            self._inside.release()
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class AsyncCounter:
    """A coroutine function as a loader, which waits at its gate and counts."""

    def __init__(self, value: Any = "value", steps: int = 0) -> None:
        self.value = value
        self.steps = steps
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.runs = self.cancelled = self.inside = 0

    async def __call__(self) -> Any:
        assert not self.inside, "two runs of one loader overlap"
        self.runs += 1
        self.inside += 1
        self.entered.set()
        try:
            for _ in range(self.steps):
                await asyncio.sleep(0)
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def threads(count: int, target: Callable[[], Any]) -> list["Runner"]:
    """Starts ``count`` threads that run ``target``."""
    runners = [Runner(target) for _ in range(count)]
    for runner in runners:
        runner.start()
    return runners


class Runner(threading.Thread):
    """A thread that keeps what its function returned or raised."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.function = function
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self.function()
        except BaseException as error:
            self.error = error

    def result(self, timeout: float = 20) -> Any:
        """What the function returned."""
        self.join(timeout)
        assert not self.is_alive(), "the thread hangs"
        if self.error is not None:
            raise self.error
        return self.value


def on_loop(function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> Runner:
    """Starts a thread with a loop of its own, which runs ``function(*arguments)``."""
    runner = Runner(lambda: asyncio.run(function(*arguments)))
    runner.start()
    return runner
