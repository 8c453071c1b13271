"""What the freshness options cost: a hit with all of them on beside off, and many waiters on one cold key."""

import asyncio
import threading
from collections.abc import Callable
from time import perf_counter, sleep, thread_time
from typing import Any

from omnicache import Cache, Timeout, cached

from .harness import Contestant, Target, Verdict, calls, measure
from .options import Options
from .workload import make_keys, zipf

ARGUMENTS = 1_000
LOAD = 0.2
TASKS, THREADS = 1_000, 64
ALL: dict[str, Any] = {
    "stale": "1h",
    "stale_on_error": "1d",
    "retry_after": 5,
    "refresh_at": 0.8,
    "timeout": Timeout(soft=1, hard=10),
    "jitter": 0.1,
    "errors": {LookupError: 60},
}


def awaited(label: str, function: Callable[[Any], Any], order: list[object]) -> Contestant:
    """`await function(key)` for every key, in one task."""

    async def loop() -> float:
        start = thread_time()
        for key in order:
            await function(key)
        return thread_time() - start

    return Contestant(label, lambda: asyncio.run(loop()), len(order))


def hits(options: Options) -> list[Verdict]:
    """A hit of entries with a ttl, with every option on and with none."""
    order = zipf(make_keys("int", ARGUMENTS), options.length)
    verdicts: list[Verdict] = []
    with Cache("bench-off", default_ttl=3600) as off, Cache("bench-on", default_ttl=3600, **ALL) as on:

        def load() -> int:
            return 1

        def ask(cache: Cache) -> Callable[[object], Any]:
            return lambda key: cache.get_or_set(key, load)

        def aask(cache: Cache) -> Callable[[object], Any]:
            return lambda key: cache.aget_or_set(key, load)

        def plain(x: int) -> int:
            return x

        async def coroutine(x: int) -> int:
            return x

        for cache in (off, on):
            for key in set(order):
                cache.get_or_set(key, load)
        target = Target("all options", 1.15, "none", show_peers=False)
        rows = [calls("none", ask(off), order), calls("all options", ask(on), order)]
        verdicts += measure("hit of get_or_set, options on and off", rows, [target], options.rounds)
        rows = [awaited("none", aask(off), order), awaited("all options", aask(on), order)]
        verdicts += measure("hit of await aget_or_set, options on and off", rows, [target], options.rounds)
        bare, full = cached(ttl=3600)(plain), cached(ttl=3600, **ALL)(plain)
        rows = [calls("none", bare, order), calls("all options", full, order)]
        verdicts += measure("hit of @cached, options on and off", rows, [target], options.rounds)
        abare, afull = cached(ttl=3600)(coroutine), cached(ttl=3600, **ALL)(coroutine)
        rows = [awaited("none", abare, order), awaited("all options", afull, order)]
        verdicts += measure("hit of @cached async, options on and off", rows, [target], options.rounds)
    return verdicts


def tasks(count: int, ask: Callable[[], Any]) -> Contestant:
    """So many tasks that ask for one cold key at once."""

    async def run() -> float:
        start = perf_counter()
        await asyncio.gather(*(ask() for _ in range(count)))
        return perf_counter() - start

    return Contestant(f"{count:,} tasks", lambda: asyncio.run(run()), 1)


def threads(count: int, ask: Callable[[], Any]) -> Contestant:
    """So many threads that ask for one cold key at once."""

    def run() -> float:
        ready = threading.Barrier(count + 1)

        def work() -> None:
            ready.wait()
            ask()

        workers = [threading.Thread(target=work) for _ in range(count)]
        for worker in workers:
            worker.start()
        ready.wait()
        start = perf_counter()
        for worker in workers:
            worker.join()
        return perf_counter() - start

    return Contestant(f"{count} threads", run, 1)


def cold(options: Options) -> list[Verdict]:
    """Many waiters on one load beside the load itself, on the wall's clock."""

    def load() -> int:
        sleep(LOAD)
        return 1

    async def aload() -> int:
        await asyncio.sleep(LOAD)
        return 1

    async def alone() -> float:
        start = perf_counter()
        await aload()
        return perf_counter() - start

    def timed() -> float:
        start = perf_counter()
        load()
        return perf_counter() - start

    verdicts: list[Verdict] = []
    for title, given in (("no options", {}), ("all options", ALL)):
        with Cache("bench-cold", default_ttl=3600, **given) as cache:

            async def aask(cache: Cache = cache) -> object:
                return await cache.aget_or_set("key", aload)

            def ask(cache: Cache = cache) -> object:
                return cache.get_or_set("key", load)

            def emptied(row: Contestant, cache: Cache = cache) -> Contestant:
                run = row.run

                def fresh() -> float:
                    cache.clear()
                    return run()

                return Contestant(row.label, fresh, 1)

            for base, many in (
                (Contestant("the loader", lambda: asyncio.run(alone()), 1), tasks(TASKS, aask)),
                (Contestant("the loader", timed, 1), threads(THREADS, ask)),
            ):
                target = Target(many.label, 1.2, "the loader", show_peers=False)
                rows = [base, emptied(many)]
                group = f"{many.label} on one cold key, a load of {LOAD} s, {title}"
                verdicts += measure(group, rows, [target], options.rounds)
    return verdicts


def freshness(options: Options) -> list[Verdict]:
    """All of it."""
    return hits(options) + cold(options)
