"""A store goes down and comes back, as the application sees it: it goes on, is told, and nothing deleted returns."""

import asyncio
import logging
from pathlib import Path

import pytest

from omnicache import Cache, CacheBackendError, FileSystemBackend, ManualClock, StoreBackend, TieredBackend, cached


class Server(StoreBackend):
    """A store elsewhere, which may be unreachable."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.reachable = True

    def _reach(self) -> None:
        if not self.reachable:
            raise ConnectionRefusedError("no route to the server")

    async def get(self, key: str) -> bytes | None:
        self._reach()
        return self.data.get(key)

    async def set(self, key: str, data: bytes, ttl: float | None) -> None:
        self._reach()
        self.data[key] = data

    async def delete(self, key: str) -> None:
        self._reach()
        self.data.pop(key, None)

    async def scan(self, prefix: str) -> list[str]:
        self._reach()
        return [key for key in self.data if key.startswith(prefix)]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_an_application_goes_through_an_outage(tmp_path: Path, server: Server, clock: ManualClock, caplog):
    caplog.set_level(logging.WARNING, "omnicache")
    errors = []
    with Cache("users", backend=server, fallback=FileSystemBackend(tmp_path), clock=clock, default_ttl="1h") as users:
        users.on("error", lambda event: errors.append(event.error))

        @cached(cache=users)
        def profile(number: int) -> dict[str, int]:
            return {"id": number}

        users["ada"] = {"name": "Ada"}
        users["bob"] = {"name": "Bob"}
        users.set("report", "of today", tags=["reports"])
        assert profile(1) == {"id": 1}
        assert (users.status, users.stats().backend_status) == ("active", "connected")

        server.reachable = False
        assert [users.get("ada") for _ in range(4)] == [None] * 4
        assert (users.status, users.stats().backend_status) == ("degraded", "degraded")
        assert "left alone for a while" in caplog.text
        assert isinstance(errors[0], CacheBackendError)
        assert "no route to the server" in str(errors[0])

        # It goes on: what is written and loaded now is served.
        users["eve"] = {"name": "Eve"}
        assert users["eve"] == {"name": "Eve"}
        assert [profile(2) for _ in range(3)] == [{"id": 2}] * 3
        # This the server has to hear of, later.
        users.delete("ada")
        users.invalidate(tags=["reports"])

        server.reachable = True
        assert users.get("bob") is None, "not yet: it is left alone for a while"
        clock.advance(5)
        assert users.get("ada") is None, "deleted during the outage"
        assert users.get("report") is None, "invalidated during the outage"
        assert users["bob"] == {"name": "Bob"}
        assert (users.status, users.stats().backend_status) == ("active", "connected")
        assert "the backend is back" in caplog.text
        assert users.get("eve") is None, "what the fallback was given is gone with it"


def test_a_tiered_cache_serves_near_during_an_outage(server: Server, clock: ManualClock):
    tiers = TieredBackend(far=server, near_ttl="10m")
    with Cache("near", backend=tiers, clock=clock) as cache:
        cache["a"] = 1
        server.reachable = False
        cache.get("elsewhere")
        assert cache["a"] == 1
        assert cache.get_or_set("b", lambda: 2) == 2


def test_an_old_value_is_served_when_the_loader_fails_too(server: Server, clock: ManualClock):
    def broken() -> int:
        raise RuntimeError("the database is down as well")

    with Cache("stale", backend=server, clock=clock, default_ttl=60, stale_on_error="1h") as cache:
        assert cache.get_or_set("a", lambda: 1) == 1
        clock.advance(120)
        assert cache.get_or_set("a", broken) == 1
        server.reachable = False
        with pytest.raises(RuntimeError, match="as well"):
            cache.get_or_set("a", broken)


def test_who_wants_to_know_is_told(server: Server):
    with Cache("strict", backend=server, on_error="raise") as cache:
        cache["a"] = 1
        server.reachable = False
        with pytest.raises(CacheBackendError, match=r"Server\.get failed: ConnectionRefusedError: no route"):
            cache["a"]
        with pytest.raises(CacheBackendError):
            cache["a"] = 2


async def test_the_same_in_tasks(tmp_path: Path, server: Server, clock: ManualClock):
    async with Cache("tasks", backend=server, fallback=FileSystemBackend(tmp_path), clock=clock) as cache:
        await cache.aset("a", 1)
        server.reachable = False
        await asyncio.gather(*(cache.aget("a") for _ in range(20)))
        assert cache.status == "degraded"
        await cache.aset("b", 2)
        await cache.adelete("a")
        assert await cache.aget("b") == 2
        server.reachable = True
        clock.advance(100)
        found = await asyncio.gather(*(cache.aget("a") for _ in range(20)))
        assert found == [None] * 20
        assert cache.status == "active"
