"""A cache over a Redis server of its own on this machine, beside what people use: redis-py, aiocache, cashews.

Values are dicts of about one kilobyte, and every figure is the time on the wall, the server's included.
"""

import asyncio
import pickle
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omnicache import Cache, LRUStrategy, RedisBackend, TieredBackend

from .harness import Contestant, Target, Verdict, calls, measure
from .near import full
from .options import Options

try:
    import aiocache
    import cashews
    import redis as redis_py
    from aiocache.serializers import PickleSerializer
except ImportError:
    redis_py = None

KEYS = [f"user:{number}" for number in range(1_000)]
VALUE = {
    "id": 4711,
    "name": "a name of some length",
    "active": True,
    "score": 1.5,
    "tags": [f"tag-{number}" for number in range(12)],
    "history": [{"at": 1_700_000_000 + number, "what": "something that was done"} for number in range(10)],
    "text": "x" * 600,
}
TASKS = 100
MANY = 100

Call = Callable[[str], Any]
AsyncCall = Callable[[str], Awaitable[Any]]


def one_by_one(label: str, function: Call, operations: int) -> Contestant:
    """`function(key)`, one after the other."""

    def run() -> float:
        start = time.perf_counter()
        for number in range(operations):
            function(KEYS[number % len(KEYS)])
        return time.perf_counter() - start

    return Contestant(label, run, operations)


def awaited(
    label: str, loop: asyncio.AbstractEventLoop, function: AsyncCall, operations: int, tasks: int
) -> Contestant:
    """`await function(key)` by so many tasks at once."""

    async def work(first: int) -> None:
        for number in range(first, operations, tasks):
            await function(KEYS[number % len(KEYS)])

    async def all_of_them() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(work(first) for first in range(tasks)))
        return time.perf_counter() - start

    return Contestant(label, lambda: loop.run_until_complete(all_of_them()), operations)


@contextmanager
def server() -> Iterator[str]:
    """A server of this run's own; its address."""
    from tests.servers.server import Server  # noqa: PLC0415 - an installed package has no tests

    with Server() as running:
        yield running.url


def sync(url: str, options: Options) -> list[Verdict]:
    """Sequential calls of plain methods."""
    count = 1_000 if options.quick else 10_000
    verdicts = []
    with Cache("redis-sync", backend=RedisBackend(url)) as cache, redis_py.Redis.from_url(url) as peer:
        cache.set_many(dict.fromkeys(KEYS, VALUE))
        for key in KEYS:
            peer.set(key, pickle.dumps(VALUE), ex=600)
        pairs: list[tuple[str, Call, Call]] = [
            ("get", cache.get, lambda key: pickle.loads(peer.get(key))),  # noqa: S301 - what was just written
            (
                "set",
                lambda key: cache.set(key, VALUE, 600),
                lambda key: peer.set(key, pickle.dumps(VALUE), ex=600),
            ),
        ]
        for what, ours, theirs in pairs:
            rows = [one_by_one("redis-py", theirs, count), one_by_one("omnicache", ours, count)]
            target = Target("omnicache", round(1 / 1.3, 3), "redis-py")
            verdicts += measure(f"redis sync {what}", rows, [target], options.rounds)
        many = KEYS[:MANY]
        rows = [
            one_by_one("redis-py", lambda _: [pickle.loads(data) for data in peer.mget(many)], count // 20),  # noqa: S301
            one_by_one("omnicache", lambda _: cache.get_many(many), count // 20),
        ]
        verdicts += measure("redis sync get_many of 100", rows, [Target("omnicache", 1.0, "redis-py")], options.rounds)
    return verdicts


def tasks(url: str, options: Options) -> list[Verdict]:
    """Calls of coroutine functions, one at a time and by a hundred tasks."""
    count = 1_000 if options.quick else 10_000
    verdicts = []
    loop = asyncio.new_event_loop()
    peer = redis_py.asyncio.Redis.from_url(url)
    host, port = url.removeprefix("redis://").removesuffix("/0").split(":")
    aio = aiocache.RedisCache(endpoint=host, port=int(port), serializer=PickleSerializer(), namespace="aio")
    shews = cashews.Cache()
    shews.setup(url)

    async def peer_get(key: str) -> Any:
        return pickle.loads(await peer.get(key))  # noqa: S301 - what was just written

    async def peer_set(key: str) -> Any:
        return await peer.set(key, pickle.dumps(VALUE), ex=600)

    async def fill() -> None:
        for key in KEYS:
            await asyncio.gather(
                peer_set(key), aio.set(key, VALUE), shews.set(f"shews:{key}", VALUE), cache.aset(key, VALUE)
            )

    with Cache("redis-async", backend=RedisBackend(url)) as cache:
        loop.run_until_complete(fill())
        calls: list[tuple[str, list[tuple[str, AsyncCall]], tuple[float, float]]] = [
            (
                "get",
                [
                    ("redis.asyncio", peer_get),
                    ("aiocache", aio.get),
                    ("cashews", lambda key: shews.get(f"shews:{key}")),
                    ("omnicache", cache.aget),
                ],
                (0.9, 5.0),
            ),
            (
                "set",
                [
                    ("redis.asyncio", peer_set),
                    ("aiocache", lambda key: aio.set(key, VALUE, ttl=600)),
                    ("cashews", lambda key: shews.set(f"shews:{key}", VALUE, expire=600)),
                    ("omnicache", lambda key: cache.aset(key, VALUE, 600)),
                ],
                (0.9, 6.0),
            ),
        ]
        for what, functions, (alone, together) in calls:
            for crowd, factor in ((1, alone), (TASKS, together)):
                rows = [awaited(label, loop, function, count, crowd) for label, function in functions]
                target = Target("omnicache", round(1 / factor, 3), "redis.asyncio")
                title = f"redis async {what}, {crowd} task{'s' if crowd > 1 else ''}"
                verdicts += measure(title, rows, [target], options.rounds)
    loop.run_until_complete(asyncio.gather(peer.aclose(), aio.close(), shews.close()))
    loop.close()
    return verdicts


def near(url: str, options: Options) -> list[Verdict]:
    """A hit near that the server's pushes keep true, beside a plain one."""
    backend = TieredBackend(far=RedisBackend(url))
    with full("plain", KEYS) as plain, Cache("near", backend=backend, strategy=LRUStrategy(max_size=2_000)) as tiered:
        tiered.set_many(dict.fromkeys(KEYS, 1))
        tiered.get_many(KEYS)
        rows = [
            calls("plain get", plain.get, KEYS * 100),
            calls("tracked get", tiered.get, KEYS * 100),
        ]
        targets = [Target("tracked get", 1.5, "plain get", show_peers=False)]
        return measure("redis near hit", rows, targets, options.rounds)


def redis(options: Options) -> list[Verdict]:
    """All of it."""
    if redis_py is None:
        print("\nredis: redis-py, aiocache or cashews is not installed, nothing to compare with")
        return []
    with server() as url:
        return [*sync(url, options), *tasks(url, options), *near(url, options)]
