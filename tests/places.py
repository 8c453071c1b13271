"""Where the entries of a cache may live, so that each behaviour is written once and tested in all of them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from omnicache import Backend, FileSystemBackend, MemoryBackend, RedisBackend, StoreBackend, TieredBackend
from tests.servers.shared import cluster, single


class PlainStore(StoreBackend):
    """A store of a user's own, with plain methods."""

    timeout = None

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.data.get(key)

    def set(self, key: str, data: bytes, ttl: float | None) -> None:
        assert isinstance(data, bytes)
        assert ttl is None or ttl > 0
        self.data[key] = data

    def delete(self, key: str) -> None:
        self.data.pop(key, None)

    def scan(self, prefix: str) -> Iterator[str]:
        return (key for key in list(self.data) if key.startswith(prefix))


class AwaitedStore(StoreBackend):
    """A store of a user's own, with coroutine functions, which suspend."""

    def __init__(self) -> None:
        self.plain = PlainStore()

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.plain.get(key)

    async def set(self, key: str, data: bytes, ttl: float | None) -> None:
        await asyncio.sleep(0)
        self.plain.set(key, data, ttl)

    async def delete(self, key: str) -> None:
        await asyncio.sleep(0)
        self.plain.delete(key)

    async def scan(self, prefix: str) -> list[str]:
        await asyncio.sleep(0)
        return list(self.plain.scan(prefix))


PLACES: dict[str, Callable[[Path], Backend]] = {
    "memory": lambda _: MemoryBackend(),
    "files": FileSystemBackend,
    "tiered": lambda path: TieredBackend(far=FileSystemBackend(path)),
    "behind": lambda path: TieredBackend(far=FileSystemBackend(path), write="behind"),
    "store": lambda _: PlainStore(),
    "awaited": lambda _: AwaitedStore(),
    "tiered-store": lambda _: TieredBackend(far=PlainStore()),
    "redis": lambda _: RedisBackend(single().url),
    "tiered-redis": lambda _: TieredBackend(far=RedisBackend(single().url)),
    "cluster": lambda _: RedisBackend(cluster().url),
}
"""Each takes a directory that it may use."""
