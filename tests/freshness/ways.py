"""Every way of asking for a value that may have to be loaded, and a loader that the test steers run by run."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from time import monotonic
from typing import Any

from omnicache import Cache, LoadContext, ManualClock, cached
from omnicache.testing import settled

PATIENCE = 20.0
"""Seconds of real time after which a test has gone wrong."""


def until(condition: Callable[[], object]) -> None:
    """Blocks until `condition` is true, which another thread makes it."""
    pause, end = threading.Event(), monotonic() + PATIENCE
    while not condition():
        assert monotonic() < end, "it never comes true"
        pause.wait(0.0005)


class Run:
    """One run of the loader, which goes on until the test says how it ends."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.cancelled = False
        self.thread = threading.get_ident()
        self._end: Future[Callable[[Any], Any]] = Future()

    def brings(self, value: Any) -> None:
        """It returns `value`."""
        self.does(lambda _: value)

    def raises(self, error: BaseException) -> None:
        """It raises `error`."""

        def end(_: Any) -> Any:
            raise error

        self.does(end)

    def does(self, end: Callable[[Any], Any]) -> None:
        """It ends as this function of its context, called where the loader runs."""
        with suppress(InvalidStateError):  # a run that was cancelled needs no end
            self._end.set_result(end)

    def plain(self) -> Any:
        """The loader's side, in a thread."""
        return self._end.result()(self.context)

    async def coroutine(self) -> Any:
        """The loader's side, in a task."""
        try:
            end = await asyncio.wrap_future(self._end)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return end(self.context)


class Script:
    """A loader: each run ends as was said beforehand, else it waits for the test."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._ends: deque[Callable[[Any], Any]] = deque()

    def will_bring(self, *values: Any) -> None:
        """The next runs return these."""
        self._ends.extend((lambda _, value=value: value) for value in values)

    def will_raise(self, *errors: BaseException) -> None:
        """The next runs raise these."""

        def end(error: BaseException) -> Any:
            raise error

        self._ends.extend((lambda _, error=error: end(error)) for error in errors)

    def will(self, end: Callable[[Any], Any]) -> None:
        """The next run ends as this function of its context."""
        self._ends.append(end)

    def _begin(self, context: Any) -> Run:
        run = Run(context)
        if self._ends:
            run.does(self._ends.popleft())
        self.runs.append(run)
        return run

    def plain(self, context: Any = None) -> Any:
        return self._begin(context).plain()

    async def coroutine(self, context: Any = None) -> Any:
        return await self._begin(context).coroutine()

    def run(self, number: int) -> Run:
        """The run with this number, from 0; waits until it has begun."""
        until(lambda: len(self.runs) > number)
        return self.runs[number]

    def release(self) -> None:
        """Ends every run that still waits."""
        for run in self.runs:
            run.brings(None)


class LoneLoader:
    """A loader that takes some turns of the loop, and of which no two runs may overlap."""

    def __init__(self) -> None:
        self._inside = False
        self.begin("old")

    def begin(self, value: str) -> None:
        """From now on it brings `value`; its `runs` count from here."""
        self._value, self.runs = value, 0

    async def __call__(self) -> str:
        assert not self._inside, "two runs of one loader overlap"
        self._inside = True
        self.runs += 1
        try:
            for _ in range(4):
                await asyncio.sleep(0)
            return self._value
        finally:
            self._inside = False


class Loop:
    """An event loop in a thread of its own, on which the test has coroutines run."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call(self, function: Callable[[], Any]) -> Any:
        """What a plain function returns on the loop's thread."""

        async def run() -> Any:
            return function()

        return self.submit(run()).result(PATIENCE)

    def close(self) -> None:
        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.submit(end()).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


class Way:
    """One way of asking for the value of one key. Times are on `clock`, which the test moves."""

    is_async = False
    is_function = False

    def __init__(self, clock: ManualClock, options: dict[str, Any], *, context: bool = False) -> None:
        self.clock = clock
        self.script = Script()
        self.context = context
        self.options = options
        self.cache = self.made()

    def made(self) -> Cache:
        return self.opened("asked")

    def opened(self, name: str) -> Cache:
        """A cache that takes its options from whoever asks."""
        return Cache(name, clock=self.clock)

    @property
    def key(self) -> Any:
        return "key"

    def call(self) -> Any:
        """The value, asked for in this thread."""
        loader = with_context(self.script.plain, self.context)
        return self.cache.get_or_set(self.key, loader, **self.options)

    def start(self) -> "Future[Any]":
        """Asks in another thread, or in a task."""
        asked: Future[Any] = Future()

        def ask() -> None:
            try:
                asked.set_result(self.call())
            except BaseException as error:
                asked.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        return asked

    def ask(self) -> Any:
        """The value."""
        return self.start().result(PATIENCE)

    def settle(self) -> None:
        """Waits until no load is under way."""
        settled(self.cache, PATIENCE)

    def waiting(self, count: int) -> None:
        """Waits until so many callers wait for the load."""
        until(lambda: sum(flight.wanting for flight in self.cache._flights.running()) == count)

    @property
    def stored(self) -> Any:
        """The fresh value, asked of nobody; None if there is none."""
        entry = self.cache.entry(self.key)
        return None if entry is None else entry.value

    def close(self) -> None:
        self.script.release()
        self.settle()
        self.cache.close()


def with_context(loader: Callable[..., Any], takes: bool) -> Callable[..., Any]:
    """A loader with a required parameter, or with none."""

    def load(ctx: LoadContext) -> Any:
        return loader(ctx)

    return load if takes else loader


class AsyncWay(Way):
    is_async = True

    def __init__(self, clock: ManualClock, options: dict[str, Any], *, context: bool = False) -> None:
        self.loop = Loop()
        super().__init__(clock, options, context=context)

    async def acall(self) -> Any:
        loader = with_context(self.script.coroutine, self.context)
        return await self.cache.aget_or_set(self.key, loader, **self.options)

    def start(self) -> "Future[Any]":
        return self.loop.submit(self.acall())

    def close(self) -> None:
        self.script.release()
        self.settle()
        self.loop.close()
        self.cache.close()


class Function(Way):
    is_function = True

    def made(self) -> Cache:
        script = self.script
        if self.context:

            @self.decorator()
            def load(number: int, ctx: LoadContext) -> Any:
                return script.plain(ctx)

        else:

            @self.decorator()
            def load(number: int) -> Any:
                return script.plain()

        self.function: Any = load
        return load.cache

    def decorator(self) -> Any:
        return cached(clock=self.clock, **self.options)

    @property
    def key(self) -> Any:
        return self.function.key(1)

    def call(self) -> Any:
        return self.function(1)


class SharedFunction(Function):
    """In a cache that is not the function's own."""

    def decorator(self) -> Any:
        return self.opened("shared").cached(**self.options)


class CoroutineFunction(AsyncWay):
    is_function = True

    def made(self) -> Cache:
        script = self.script
        if self.context:

            @self.decorator()
            async def load(number: int, ctx: LoadContext) -> Any:
                return await script.coroutine(ctx)

        else:

            @self.decorator()
            async def load(number: int) -> Any:
                return await script.coroutine()

        self.function: Any = load
        return load.cache

    def decorator(self) -> Any:
        return cached(clock=self.clock, **self.options)

    @property
    def key(self) -> Any:
        return self.function.key(1)

    async def acall(self) -> Any:
        return await self.function(1)


class SharedCoroutine(CoroutineFunction):
    def decorator(self) -> Any:
        return self.opened("shared").cached(**self.options)


class Method(Way):
    is_function = True

    def made(self) -> Cache:
        script, context = self.script, self.context

        class Owner:
            if context:

                @cached(clock=self.clock, **self.options)
                def load(self, number: int, ctx: LoadContext) -> Any:
                    return script.plain(ctx)

            else:

                @cached(clock=self.clock, **self.options)
                def load(self, number: int) -> Any:
                    return script.plain()

        self.owner = Owner()
        self.function: Any = self.owner.load
        return self.function.cache

    @property
    def key(self) -> Any:
        return self.function.key(1)

    def call(self) -> Any:
        return self.owner.load(1)


class AsyncMethod(AsyncWay):
    is_function = True

    def made(self) -> Cache:
        script, context = self.script, self.context

        class Owner:
            if context:

                @cached(clock=self.clock, **self.options)
                async def load(self, number: int, ctx: LoadContext) -> Any:
                    return await script.coroutine(ctx)

            else:

                @cached(clock=self.clock, **self.options)
                async def load(self, number: int) -> Any:
                    return await script.coroutine()

        self.owner = Owner()
        self.function: Any = Owner.load
        return self.function.cache

    @property
    def key(self) -> Any:
        return self.function.key(self.owner, 1)

    async def acall(self) -> Any:
        return await self.owner.load(1)
