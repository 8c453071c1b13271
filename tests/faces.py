"""A cache through one of its two faces, so that each behaviour is written once and tested on both."""

import asyncio
import atexit
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from omnicache import (
    Cache,
    CustomStrategy,
    LFUStrategy,
    LRUStrategy,
    MemoryBackend,
    SizeStrategy,
    Strategy,
    TinyLFUStrategy,
    TTLStrategy,
)
from omnicache.strategies import EntryFacts

SUSPENDS = {"get_or_set"}
"""What may have to wait even in memory: it is run by a loop; all else there must end without suspending."""


class Coldest(CustomStrategy):
    """A strategy written in Python: the first of the candidates goes."""

    def victims(self, candidates: Sequence[EntryFacts], need: int) -> Iterator[Any]:
        return (entry.key for entry in candidates[:need])


STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "lru": LRUStrategy,
    "lfu": LFUStrategy,
    "ttl": TTLStrategy,
    "size": lambda max_size=None, max_bytes="1GiB": SizeStrategy(max_bytes, max_size),
    "tinylfu": TinyLFUStrategy,
    "custom": Coldest,
}
"""Each takes ``max_size`` and ``max_bytes``."""


class Sync:
    """The plain methods."""

    name = "sync"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return getattr(self.cache, method)


class Async:
    """The ``a`` twins, called by their plain names; what has no twin is the plain method."""

    name = "async"

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    def __getattr__(self, method: str) -> Callable[..., Any]:
        twin = getattr(self.cache, f"a{method}", None)
        if twin is None:
            return getattr(self.cache, method)
        assert inspect.iscoroutinefunction(twin)
        if not isinstance(self.cache.backend, MemoryBackend):
            return lambda *args, **options: in_loop(twin(*args, **options))
        if method in SUSPENDS:
            return lambda *args, **options: asyncio.run(twin(*args, **options))
        return lambda *args, **options: at_once(twin(*args, **options))


def at_once(coroutine: Any) -> Any:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("the operation suspended")


RUNNER = asyncio.Runner()
atexit.register(RUNNER.close)


def in_loop(coroutine: Any) -> Any:
    """The result of a coroutine; one loop runs all of them, for making one takes longer than most of them do."""
    return RUNNER.run(coroutine)


FACES = {"sync": Sync, "async": Async}
