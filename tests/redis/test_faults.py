"""Whatever happens to a server: no call hangs, none raises, nothing deleted comes back, and all is well afterwards."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from omnicache import Cache, CacheBackendError, CacheTimeoutError, ManualClock, RedisBackend, TieredBackend
from tests.faces import FACES, Async, Sync
from tests.redis.faults import FAULTS, TIMEOUT, is_loaded, loads_slowly
from tests.servers.proxy import Proxy
from tests.servers.server import Server, until

SLACK = 1.0
"""Seconds that a machine with other things to do may add to a timeout."""


def timed(call: Callable[[], object], longest: float) -> object:
    start = time.monotonic()
    answer = call()
    took = time.monotonic() - start
    assert took < longest + SLACK, f"it took {took} s"
    return answer


def backend(proxy: Proxy, kind: str) -> RedisBackend | TieredBackend:
    far = RedisBackend(proxy.url, timeout=TIMEOUT, connect_timeout=TIMEOUT)
    return TieredBackend(far=far) if kind == "tiered" else far


def recovered(cache: Cache, clock: ManualClock) -> None:
    """Waits until the cache is in full use again, without anybody's help."""

    def works() -> bool:
        clock.advance(61)
        cache.set("probe", 1)
        return cache.status == "active" and cache.get("probe") == 1

    until(works, "the cache recovers")


@pytest.fixture(params=list(FACES))
def face(request: pytest.FixtureRequest) -> type[Sync | Async]:
    return FACES[request.param]


@pytest.mark.parametrize("kind", ["plain", "tiered"])
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_hangs_nothing_raises_and_nothing_old_comes_back(
    server: Server, proxy: Proxy, make: Callable[..., Cache], face: type[Sync | Async], fault: str, kind: str
):
    clock = ManualClock()
    cache = make(backend=backend(proxy, kind), clock=clock)
    box = face(cache)
    box.set_many({"kept": "old", "deleted": "old", "tagged": "old"})
    box.set("tagged", "old", tags=["t"])
    assert box.get("deleted") == box.get("tagged") == "old"

    with FAULTS[fault].begin(server, proxy):
        for _ in range(2):
            timed(lambda: box.get("kept"), TIMEOUT)
            timed(lambda: box.delete("deleted"), TIMEOUT)
            timed(lambda: box.invalidate(tags=["t"], hard=True), TIMEOUT)
            timed(lambda: box.set("written", "new"), TIMEOUT)
            assert timed(lambda: box.get_or_set("loaded", lambda: "value"), 4 * TIMEOUT) == "value"
            timed(lambda: box.get_many(["kept", "deleted", "other"]), TIMEOUT)
            timed(lambda: box.incr("count"), 4 * TIMEOUT)
            assert timed(lambda: box.get("deleted"), TIMEOUT) is None
            assert timed(lambda: box.get("tagged"), TIMEOUT) is None

    recovered(cache, clock)
    assert box.get("deleted") is None
    assert box.get("tagged") is None
    if FAULTS[fault].forgets:
        assert box.get("kept") is None
    box.set("after", 1)
    assert box.get("after") == 1
    assert box.get("written") in {"new", None}


@pytest.mark.parametrize("fault", ["killed", "stopped", "half-open", "garbage"])
def test_who_wants_to_know_is_told_in_time(server: Server, proxy: Proxy, make: Callable[..., Cache], fault: str):
    clock = ManualClock()
    cache = make(backend=backend(proxy, "plain"), clock=clock, on_error="raise")
    cache["a"] = 1
    with FAULTS[fault].begin(server, proxy):
        for _ in range(3):
            with pytest.raises((CacheBackendError, CacheTimeoutError)):
                timed(lambda: cache.get("a"), TIMEOUT)
        assert cache.status == "degraded"
    until(lambda: works(cache, clock), "the cache recovers")


def works(cache: Cache, clock: ManualClock) -> bool:
    clock.advance(61)
    try:
        cache["b"] = 2
        return cache["b"] == 2
    except (CacheBackendError, CacheTimeoutError, KeyError):
        return False


async def test_a_hundred_tasks_wait_no_longer_than_one(server: Server, proxy: Proxy, make: Callable[..., Cache]):
    cache = make(backend=backend(proxy, "plain"))
    await cache.aset("a", 1)
    proxy.stall()
    start = time.monotonic()
    found = await asyncio.gather(*(cache.aget("a", "nothing") for _ in range(100)))
    assert time.monotonic() - start < TIMEOUT + SLACK
    assert found == ["nothing"] * 100
    proxy.flow()


def test_a_restart_with_an_empty_store_is_no_fault_at_all(server: Server, make: Callable[..., Cache]):
    """The connection is lost, and made anew within the very next call."""
    cache = make(backend=server.url, on_error="raise")
    cache.set("a", 1, tags=["t"])
    for number in range(3):
        server.restart()
        assert cache.get("a") is None
        cache.set("a", number, tags=["t"])
        assert cache["a"] == number
        cache.invalidate(tags=["t"], hard=True)
        assert cache.get("a") is None


@pytest.mark.parametrize("kind", ["plain", "tiered"])
def test_a_server_that_loads_what_it_had_is_waited_for_within_the_timeout(
    server: Server, make: Callable[..., Cache], face: type[Sync | Async], kind: str
):
    far = RedisBackend(server.url, timeout=20)
    cache = make(backend=TieredBackend(far=far) if kind == "tiered" else far, on_error="raise")
    box = face(cache)
    box.set("a", 1, tags=["t"])
    box.set("b", 2)
    loads_slowly(server)
    refused = int(server.info("total_error_replies"))

    def load() -> None:
        until(lambda: int(server.info("total_error_replies")) > refused, "it is asked before it can answer")
        is_loaded(server)

    loader = threading.Thread(target=load)
    loader.start()
    assert box.get("b") == 2
    loader.join()
    assert box.get("a") == 1
    box.invalidate(tags=["t"], hard=True)
    assert box.get("a") is None
    assert box.get("b") == 2
    assert cache.stats().error_count == 0


def test_connections_that_are_killed_between_calls_are_not_noticed(server: Server, make: Callable[..., Cache]):
    cache = make(backend=TieredBackend(far=RedisBackend(server.url)), on_error="raise")
    for number in range(20):
        cache["a"] = number
        server("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert cache["a"] == number
    assert cache.stats().error_count == 0
