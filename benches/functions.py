"""Cached functions: a hit beside functools.lru_cache, and an awaited hit beside a coroutine over a dict."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from time import thread_time
from typing import Any

from omnicache import Cache, cached

from . import peers
from .harness import Contestant, Target, Verdict, calls, measure, timed
from .options import Options
from .workload import make_keys, zipf

SIZE = 1_024
ARGUMENTS = 1_000


def one(x: int) -> int:
    """f(int)."""
    return x


def three(x: int, y: str, z: int = 0) -> int:
    """f(int, str, z=int)."""
    return x + len(y) + z


def sync(options: Options) -> list[Verdict]:
    """A hit of a cached function."""
    order = zipf(make_keys("int", ARGUMENTS), options.length)

    def with_three(label: str, function: Callable[..., int], *, slow: bool) -> Contestant:
        def loop() -> None:
            for number in order:
                function(number, "name", z=3)

        return Contestant(label, lambda: timed(loop), len(order), slow)

    def decorated(function: Callable[..., int]) -> list[tuple[str, Callable[..., int], bool]]:
        fast = {"lru_cache": functools.lru_cache(maxsize=SIZE), "omnicache": cached(maxsize=SIZE)}
        slow = peers.sync_decorators(SIZE)
        return [(label, decorate(function), label in slow) for label, decorate in (fast | slow).items()]

    target = Target("omnicache", 1.3, "lru_cache")
    rows = [calls(label, function, order, slow=slow) for label, function, slow in decorated(one)]
    verdicts = measure("@cached f(int)", rows, [target], options.rounds)
    target = Target("omnicache", 1.2, "lru_cache")
    rows = [with_three(label, function, slow=slow) for label, function, slow in decorated(three)]
    return verdicts + measure("@cached f(int, str, z=int)", rows, [target], options.rounds)


def awaited(label: str, function: Callable[[Any], Awaitable[object]], order: list[object], *, slow: bool) -> Contestant:
    """`await function(key)` for every key, in one task."""

    async def loop() -> float:
        start = thread_time()
        for key in order:
            await function(key)
        return thread_time() - start

    return Contestant(label, lambda: asyncio.run(loop()), len(order), slow)


def coroutine(options: Options) -> list[Verdict]:
    """A hit of a cached coroutine function, and of aget."""
    order = zipf(make_keys("int", ARGUMENTS), options.length)
    mapping = {key: key for key in order}

    async def bare(key: object) -> object:
        return mapping[key]

    async def plain(x: int) -> int:
        return x

    with Cache("bench") as cache:
        peers.filled(cache, list(mapping))
        rows = [
            awaited("bare coroutine", bare, order, slow=False),
            awaited("omnicache", cached(maxsize=SIZE)(plain), order, slow=False),
            awaited("omnicache aget", cache.aget, order, slow=False),
        ]
        fewer = order[: len(order) // 10]
        for label, decorate in peers.async_decorators(SIZE).items():
            rows.append(awaited(label, decorate(plain), fewer, slow=True))
        targets = [Target("omnicache", 1.5, "bare coroutine"), Target("omnicache aget", 1.4, "bare coroutine")]
        return measure("@cached async f(int), and await cache.aget(k)", rows, targets, options.rounds)
