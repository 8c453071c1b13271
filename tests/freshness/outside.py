"""The same ways of asking where the entries leave the process, and the names of all ways."""

import itertools
from tempfile import TemporaryDirectory

from omnicache import Backend, Cache, FileSystemBackend, RedisBackend, TieredBackend
from tests.freshness.ways import (
    AsyncMethod,
    AsyncWay,
    CoroutineFunction,
    Function,
    Method,
    SharedCoroutine,
    SharedFunction,
    Way,
    until,
)
from tests.places import PlainStore
from tests.servers.shared import single

_NUMBERS = itertools.count()


class Outside:
    """Before the others: the entries leave the process."""

    def opened(self, name: str) -> Cache:
        return Cache(name, namespace=f"way-{next(_NUMBERS)}", clock=self.clock, backend=self.backend())

    def backend(self) -> Backend:
        raise NotImplementedError


class OverStore(Outside):
    """In a store of a user's own."""

    def backend(self) -> Backend:
        return PlainStore()


class OverFiles(Outside):
    """In a directory."""

    def backend(self) -> Backend:
        self.directory = TemporaryDirectory()
        return FileSystemBackend(self.directory.name)

    def close(self) -> None:
        super().close()
        self.directory.cleanup()


class OverTiers(OverFiles):
    """As that, and there are objects of this process before them."""

    def backend(self) -> Backend:
        return TieredBackend(far=super().backend())


class OverRedis(Outside):
    """On a server, which all tests of this process share."""

    def backend(self) -> Backend:
        return RedisBackend(single().url)


class OverTracked(OverRedis):
    """As that, and there are objects of this process before them, of whose changes the server tells."""

    def opened(self, name: str) -> Cache:
        cache = super().opened(name)
        cache.get("nothing")
        until(lambda: cache._port.tells)
        cache.reset_stats()
        return cache

    def backend(self) -> Backend:
        return TieredBackend(far=super().backend())


class StoreWay(OverStore, Way):
    pass


class FilesWay(OverFiles, Way):
    pass


class AsyncFilesWay(OverFiles, AsyncWay):
    pass


class TieredFunction(OverTiers, SharedFunction):
    pass


class TieredCoroutine(OverTiers, SharedCoroutine):
    pass


class RedisWay(OverRedis, Way):
    pass


class AsyncRedisWay(OverRedis, AsyncWay):
    pass


class RedisFunction(OverRedis, SharedFunction):
    pass


class RedisCoroutine(OverRedis, SharedCoroutine):
    pass


class TrackedWay(OverTracked, Way):
    pass


class AsyncTrackedWay(OverTracked, AsyncWay):
    pass


class TrackedFunction(OverTracked, SharedFunction):
    pass


class TrackedCoroutine(OverTracked, SharedCoroutine):
    pass


WAYS: dict[str, type[Way]] = {
    "get_or_set": Way,
    "aget_or_set": AsyncWay,
    "function": Function,
    "coroutine": CoroutineFunction,
    "shared-function": SharedFunction,
    "shared-coroutine": SharedCoroutine,
    "method": Method,
    "async-method": AsyncMethod,
    "store-get_or_set": StoreWay,
    "files-get_or_set": FilesWay,
    "files-aget_or_set": AsyncFilesWay,
    "tiered-function": TieredFunction,
    "tiered-coroutine": TieredCoroutine,
    "redis-get_or_set": RedisWay,
    "redis-aget_or_set": AsyncRedisWay,
    "redis-function": RedisFunction,
    "redis-coroutine": RedisCoroutine,
    "tracked-get_or_set": TrackedWay,
    "tracked-aget_or_set": AsyncTrackedWay,
    "tracked-function": TrackedFunction,
    "tracked-coroutine": TrackedCoroutine,
}
