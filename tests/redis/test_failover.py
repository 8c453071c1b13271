"""Sentinels and clusters: a master is lost, slots move, and the cache finds its way."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from omnicache import Cache, ManualClock, RedisBackend, TieredBackend
from tests.servers.cluster import Cluster
from tests.servers.sentinel import Watched
from tests.servers.server import Server, caught_up, until


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A master, a replica and three sentinels, two of which have to agree, which the test may break."""
    made = Watched(sentinels=3, down_after_ms=300)
    yield made
    made.close()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """A cluster whose masters change; it is whole again between the tests."""
    made = Cluster()
    yield made
    made.close()


def works(cache: Cache) -> bool:
    """Whether what is written can be read."""
    cache.set("probe", time.monotonic())
    return cache.status == "active" and cache.get("probe") is not None


class Load:
    """Threads and tasks that write and read all the time; what went wrong is kept."""

    def __init__(self, cache: Cache, keys: int = 50) -> None:
        self.cache, self.keys = cache, keys
        self.stop = threading.Event()
        self.problems: list[object] = []
        self.longest = 0.0
        self.rounds = 0
        self.threads = [threading.Thread(target=self._threads), threading.Thread(target=self._tasks)]

    def _timed(self, start: float) -> None:
        self.longest = max(self.longest, time.monotonic() - start)
        self.rounds += 1

    def _threads(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            start = time.monotonic()
            try:
                key = f"t{number % self.keys}"
                self.cache.set(key, number)
                found = self.cache.get(key)
                if found is not None and found > number:
                    self.problems.append((key, number, found))
                self.cache.get_many([f"t{number}" for number in range(self.keys)])
            except Exception as error:
                self.problems.append(error)
            self._timed(start)

    def _tasks(self) -> None:
        async def one(number: int) -> None:
            key = f"a{number}"
            while not self.stop.is_set():
                start = time.monotonic()
                try:
                    await self.cache.aset(key, number)
                    if await self.cache.aget(key) not in {number, None}:
                        self.problems.append(key)
                except Exception as error:
                    self.problems.append(error)
                self._timed(start)
                # A loop that lets the GIL go for an instant only, again and again, starves all other threads.
                await asyncio.sleep(0.001)

        async def all_of_them() -> None:
            await asyncio.gather(*(one(number) for number in range(20)))

        asyncio.run(all_of_them())

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


# --- sentinels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "tiered"])
def test_a_failover_in_good_order(watched: Watched, make: Callable[..., Cache], kind: str):
    far = RedisBackend(watched.url)
    cache = make(backend=TieredBackend(far=far) if kind == "tiered" else far)
    cache["a"] = 1
    caught_up(watched.second, watched.first)
    with Load(cache) as load:
        watched.fail_over()
        until(lambda: works(cache), "the cache follows", 30)
    assert load.problems == []
    assert load.longest < 2 + 1.5
    assert cache["a"] == 1

    def arrives() -> bool:
        # The old master is one for a moment longer: what it is told then is lost, which is the way of sentinels.
        cache["b"] = 2
        return bool(watched.second("KEYS", "*:b"))

    until(arrives, "what is written is with the new master")


@pytest.mark.parametrize("sentinel", ["well", "killed", "stopped"])
def test_a_master_that_dies(watched: Watched, make: Callable[..., Cache], sentinel: str):
    """Alone, or together with the sentinel that is asked first: the other two are enough."""
    clock = ManualClock()
    cache = make(backend=RedisBackend(watched.url, timeout=0.5), clock=clock)
    cache["a"] = 1
    caught_up(watched.second, watched.first)
    with Load(cache) as load:
        if sentinel == "killed":
            watched.sentinels[0].kill()
        if sentinel == "stopped":
            watched.sentinels[0].pause()
        watched.first.kill()
        watched.wait_for(watched.second)

        def back() -> bool:
            clock.advance(61)
            return works(cache)

        until(back, "the cache follows", 30)
    assert load.problems == []
    assert load.longest < 3 * 0.5 + 1.5
    assert cache["a"] == 1
    cache.set("a", 3)
    assert cache["a"] == 3


# --- clusters ---------------------------------------------------------------------------------------------------------


def test_slots_that_move_are_found(nodes: Cluster, make: Callable[..., Cache]):
    cache = make(backend=nodes.url, on_error="raise")
    cache.set_many({f"k{number}": number for number in range(100)})
    (name,) = nodes.keys("*:k7")
    slot = nodes.slot(name)
    source = nodes.owner(slot)
    other = next(node for node in nodes.masters() if node is not source)
    with Load(cache) as load:
        nodes.move(slot, other)
        assert cache["k7"] == 7
    assert load.problems == []
    cache.set("k7", "new")
    assert other("EXISTS", name) == 1
    assert cache.get_many([f"k{number}" for number in range(100)])["k7"] == "new"
    nodes.move(slot, source)
    assert cache["k7"] == "new"


def test_a_slot_that_is_on_its_way_is_asked_for(nodes: Cluster, make: Callable[..., Cache]):
    cache = make(backend=nodes.url, on_error="raise")
    cache["k"] = 1
    (name,) = nodes.keys("*:k")
    slot = nodes.slot(name)
    source = nodes.owner(slot)
    other = next(node for node in nodes.masters() if node is not source)
    nodes.begin_move(slot, other)
    try:
        assert cache["k"] == 1, "it is where it was"
        cache["k"] = 2
        source("MIGRATE", "127.0.0.1", other.port, name, 0, 5000)
        assert cache["k"] == 2, "it is where it goes"
        cache["k"] = 3
        assert cache.get_many(["k", "missing"]) == {"k": 3}
    finally:
        nodes.move(slot, other)
    assert cache.delete("k")
    assert "k" not in cache
    nodes.move(slot, source)


def end_of(nodes: Cluster, node: Server) -> None:
    """Has a master that was killed come back as a replica, and waits until all is well."""
    node.start()
    until(lambda: node.info("role") == "slave" and node.info("master_link_status") == "up", "it follows", 30)
    for one in nodes.nodes:
        until(lambda one=one: nodes.state(one) == "ok", "the cluster is whole", 30)


@pytest.mark.parametrize("kind", ["plain", "tiered"])
def test_a_cluster_that_changes_its_master_under_load(nodes: Cluster, make: Callable[..., Cache], kind: str):
    far = RedisBackend(nodes.url)
    cache = make(backend=TieredBackend(far=far) if kind == "tiered" else far)
    cache.set_many({f"k{number}": number for number in range(60)})
    with Load(cache) as load:
        for master in nodes.masters():
            caught_up(nodes.replica_of(master), master)
            nodes.fail_over(master)
            time.sleep(0.1)
        until(lambda: works(cache), "the cache follows", 30)
    assert load.problems == []
    assert load.longest < 2 + 1.5
    until(lambda: len(cache.get_many([f"k{number}" for number in range(60)])) == 60, "all are there", 10)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_cluster_loses_a_master(nodes: Cluster, make: Callable[..., Cache], how: str):
    clock = ManualClock()
    cache = make(backend=RedisBackend(nodes.url, timeout=0.5, connect_timeout=0.5), clock=clock)
    cache.set_many({f"k{number}": number for number in range(60)})
    master = nodes.masters()[0]
    caught_up(nodes.replica_of(master), master)
    try:
        with Load(cache) as load:
            if how == "killed":
                master.kill()
            else:
                master.pause()

            def back() -> bool:
                clock.advance(61)
                found = cache.get_many([f"k{number}" for number in range(60)])
                return works(cache) and len(found) == 60

            until(back, "a replica takes over", 40)
        assert load.problems == []
        assert load.longest < 3 * 0.5 + 1.5
    finally:
        master.kill()
        end_of(nodes, master)


def test_clear_and_patterns_reach_every_master_and_leave_others_alone(nodes: Cluster, make: Callable[..., Cache]):
    cache, other = make(backend=nodes.url), make("other", backend=nodes.url)
    cache.set_many({f"k{number}": number for number in range(300)})
    other.set_many({f"k{number}": number for number in range(30)})
    for node in nodes.masters():
        assert any(node("SCAN", 0, "COUNT", 10_000)[1]), "every master has some"
    assert len(cache) == 300
    assert cache.delete_many(pattern="k1?") == 10
    assert cache.clear() == 290
    assert len(other) == 30
    assert other.clear() == 30
    assert nodes.keys(f"omnicache:default:{cache.name}:*") == nodes.keys("omnicache:default:other:*") == []
