"""Memory that stays flat, however much has passed through: Python's own, and what the process holds."""

import asyncio
import gc
import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from omnicache import Cache, CacheExistsError, InvalidKeyError, ManualClock, cached
from tests.support import in_child

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the process's memory is read from /proc")


def held_by_process():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grows(work, rounds):
    """Bytes by which Python's memory and the process's grew over `rounds`, after as many to warm up."""
    tracemalloc.start()
    before = after = (0, 0)
    for _ in range(2):
        for _ in range(rounds):
            work()
        gc.collect()
        before, after = after, (tracemalloc.get_traced_memory()[0], held_by_process())
    tracemalloc.stop()
    return after[0] - before[0], after[1] - before[1]


def writes(strategy):
    clock = ManualClock()
    cache = Cache(f"leaks-{strategy}", strategy=strategy, max_size=500, clock=clock)

    def work():
        for number in range(2_000):
            cache.set(number, str(number), ttl=1 if number % 3 else 60, tags=[f"unique-{number}"])
            cache.get(number - 250)
            clock.advance(0.01)
        cache.purge_expired()

    return work


def loads():
    cache = Cache("leaks-loads", max_size=100)

    def fails():
        raise ZeroDivisionError

    async def aload():
        return []

    async def tasks():
        for number in range(500):
            await cache.aget_or_set(("task", number), aload)

    def work():
        for number in range(500):
            cache.get_or_set(number, lambda: [1], tags=["some"])
            with pytest.raises(ZeroDivisionError):
                cache.get_or_set("fails", fails)
        asyncio.run(tasks())

    return work


def caches():
    def work():
        for number in range(300):
            cache = Cache("leaks-short-lived")
            cache["itself"] = cache
            cache.on("set", lambda event, cache=cache: None)
            if number % 2:
                cache.close()
            else:
                del cache
                gc.collect(1)
                try:
                    Cache("leaks-short-lived").close()
                except CacheExistsError:
                    gc.collect()

    return work


def functions():
    together = Cache("leaks-shared", max_size=100)

    class Service:
        @cached(maxsize=100)
        def own(self, number):
            return number

        @together.cached()
        def shared(self, number):
            return number

    @cached(maxsize=100)
    def function(number):
        return number

    def work():
        for number in range(500):
            service = Service()
            service.own(number), service.shared(number), function(number)
            with pytest.raises(InvalidKeyError):
                function(object())
        for _ in range(100):
            together.cached(lambda number: number)(1)

    return work


KINDS = {
    **{strategy: lambda strategy=strategy: writes(strategy) for strategy in ("lru", "lfu", "ttl", "tinylfu")},
    "loads": loads,
    "caches": caches,
    "functions": functions,
}


@LINUX
@pytest.mark.timeout(150)
@in_child(timeout=120)
def test_memory_stays_flat():
    for kind, make in KINDS.items():
        python, process = grows(make(), 4)
        assert python < 40_000, f"{kind}: Python holds {python} bytes more"
        assert process < 2_000_000, f"{kind}: the process holds {process} bytes more"
