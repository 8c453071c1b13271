"""How often loaders ran, and whether they have ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..cache import Cache

__all__ = ["asettled", "assert_loads", "settled"]

_GLANCE = 0.001


def loads_of(target: Any) -> int | None:
    """Loader runs of a cache or a cached function so far; None for anything else."""
    if isinstance(target, Cache):
        return target._loads.runs
    runs = getattr(getattr(target, "_keeper", None), "runs", None)
    return runs if isinstance(runs, int) else None


@contextmanager
def assert_loads(target: Any, count: int) -> Iterator[None]:
    """A block within which the loaders of `target` run `count` times, no more and no less.

    Refreshes that were started within the block are waited for at its end.

    Args:
        target: A cached function, plain or coroutine, or a cache.
        count: How often.

    Raises:
        AssertionError: They ran a different number of times.
        TypeError: `target` is neither.

    >>> from omnicache import Cache
    >>> from omnicache.testing import assert_loads
    >>> with Cache("asked-twice") as cache, assert_loads(cache, 1):
    ...     _ = cache.get_or_set("a", lambda: 1), cache.get_or_set("a", lambda: 2)
    """
    before = loads_of(target)
    if before is None:
        raise TypeError(f"assert_loads: a cached function or a cache, not {type(target).__name__}")
    yield
    _wait(target, 10.0)
    ran = (loads_of(target) or 0) - before
    if ran != count:
        times = "time" if ran == 1 else "times"
        raise AssertionError(f"{target!r}: the loader ran {ran} {times}, expected {count}")


def settled(target: Any, timeout: float = 10.0) -> None:
    """Waits in this thread until no load of `target`, a cache or a cached function, is under way.

    Loads that are tasks of the loop that runs in this very thread, or of one that does not run, are not waited for;
    for the former there is :func:`asettled`.

    Args:
        target: A cached function or a cache.
        timeout: Seconds of real time to wait at most.

    Raises:
        AssertionError: A load still runs then.
    """
    if not _wait(target, timeout):
        raise AssertionError(f"{target!r}: a load still runs after {timeout} s")


async def asettled(target: Any, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - that of settled()
    """As :func:`settled`, letting the tasks of the running loop go on meanwhile."""
    end = time.monotonic() + timeout
    cache = _cache_of(target)
    while len(cache._flights):
        if time.monotonic() > end:
            raise AssertionError(f"{target!r}: a load still runs after {timeout} s")
        await asyncio.sleep(_GLANCE)


def _cache_of(target: Any) -> Cache:
    cache = target if isinstance(target, Cache) else getattr(target, "cache", None)
    if not isinstance(cache, Cache):
        raise TypeError(f"a cached function or a cache, not {type(target).__name__}")
    return cache


def _wait(target: Any, timeout: float) -> bool:
    """Waits for the loads that can go on meanwhile; whether all have ended."""
    end = time.monotonic() + timeout
    cache = _cache_of(target)
    own = asyncio._get_running_loop()
    while any(_goes_on(flight.pilot, own) for flight in cache._flights.running()):
        if time.monotonic() > end:
            return False
        time.sleep(_GLANCE)
    return True


def _goes_on(pilot: Any, own: object) -> bool:
    """Whether a load goes on while this thread, which runs the loop `own` or none, sleeps."""
    loop = getattr(pilot, "loop", None)
    return loop is None or (loop is not own and loop.is_running())
