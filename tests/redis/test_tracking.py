"""Near copies over a server: what any process writes, the server tells all others, and nothing near outlives that."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from omnicache import Cache, ManualClock, RedisBackend, TieredBackend
from tests.servers.proxy import Proxy
from tests.servers.server import HOST, Server, major, until
from tests.servers.shared import cluster, single
from tests.tiers.test_coherence import CHANGES
from tests.tiers.workers import Worker, working


def near_keys(cache: Cache) -> list[object]:
    """What is kept near."""
    return Cache.__mro__[-2].keys(cache)


def told(cache: Cache) -> None:
    """Waits until the server tells of changes, and what that emptied is empty."""
    until(lambda: cache._port.tells, "the server tells of changes")
    cache.get("nothing")


@pytest.fixture(params=["single", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A server, or several."""
    return single().url if request.param == "single" else cluster().url


@pytest.fixture
def cache(make: Callable[..., Cache], url: str) -> Cache:
    made = make(backend=TieredBackend(far=RedisBackend(url)), on_error="raise")
    told(made)
    return made


@pytest.fixture
def worker(url: str, name: str) -> Iterator[Worker]:
    """Another process with the same cache."""
    with working(url, name=name, on_error="raise") as (worker,):
        worker("[time.sleep(0.001) for _ in range(5000) if not cache._port.tells][:0]")
        yield worker


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_another_process_is_seen(cache: Cache, worker: Worker, change: str):
    code, after = CHANGES[change]
    cache.set("k", 1, tags=["t"])
    cache.set("other", 0)
    assert (cache.get("k"), cache["other"]) == (1, 0)
    assert sorted(near_keys(cache)) == ["k", "other"]
    answer = worker(code)
    assert not isinstance(answer, dict), answer
    until(lambda: cache.get("k") == after, "the change is seen", 5)
    assert ("k" in cache) == (after is not None)


def test_an_end_given_by_another_process_is_seen(cache: Cache, worker: Worker):
    cache["k"] = 1
    assert cache["k"] == 1
    assert worker("cache.touch('k', 0.05)")
    until(lambda: cache.get("k") is None, "the entry ends", 5)


def test_a_hit_near_asks_nobody(make: Callable[..., Cache], server: Server):
    cache = make(backend=TieredBackend(far=RedisBackend(server.url)))
    told(cache)
    cache["k"] = 1
    assert cache["k"] == 1

    def asked() -> int:
        return int(server.info("total_commands_processed"))

    before = asked()
    for _ in range(1000):
        assert cache["k"] == 1
    # The count itself, and the sign of life that is asked for now and then.
    assert asked() - before < 10


def test_what_this_process_writes_stays_near(cache: Cache):
    for number in range(50):
        cache[f"k{number}"] = number
    cache.get("nothing")  # whatever the server has to say by now is heard
    assert len(near_keys(cache)) == 50


def test_a_server_that_is_emptied_empties_what_is_near(make: Callable[..., Cache], server: Server):
    cache = make(backend=TieredBackend(far=RedisBackend(server.url)))
    told(cache)
    cache["k"] = 1
    server("FLUSHALL")
    until(lambda: cache.get("k") is None, "it is seen", 5)


def test_a_key_that_somebody_deletes_by_hand_goes(make: Callable[..., Cache], server: Server):
    cache = make(backend=TieredBackend(far=RedisBackend(server.url)))
    told(cache)
    cache["k"] = 1
    (key,) = server("KEYS", "*:k")
    server("DEL", key)
    until(lambda: cache.get("k") is None, "it is seen", 5)


# --- while the server does not tell -----------------------------------------------------------------------------------


def disturbed(make: Callable[..., Cache], proxy: Proxy, **options: object) -> Cache:
    far = RedisBackend(proxy.url, timeout=0.3, connect_timeout=0.3)
    cache = make(backend=TieredBackend(far=far, **options))
    told(cache)
    return cache


def test_a_lost_connection_empties_what_is_near(make: Callable[..., Cache], server: Server, proxy: Proxy, name: str):
    cache = disturbed(make, proxy)
    cache["k"] = "old"
    assert cache["k"] == "old"
    proxy.refuse = True
    proxy.reset()
    with working(server.url, name=name) as (worker,):
        worker("cache.set('k', 'new')")
    until(lambda: cache.get("k") != "old", "the loss is noticed", 5)
    proxy.flow()
    until(lambda: cache.get("k") == "new", "the connection is back", 10)


def test_a_connection_that_is_only_silent_is_noticed(
    make: Callable[..., Cache], server: Server, proxy: Proxy, name: str
):
    cache = disturbed(make, proxy)
    cache["k"] = "old"
    proxy.stall()
    with working(server.url, name=name) as (worker,):
        worker("cache.set('k', 'new')")
    until(lambda: cache.get("k") != "old", "the silence is noticed", 5)
    proxy.flow()
    until(lambda: cache.get("k") == "new", "the connection is back", 10)


def test_near_copies_live_for_a_while_where_the_server_does_not_tell(make: Callable[..., Cache], name: str):
    if major() < 7:
        pytest.skip("this server cannot deny a part of a command")
    with Server() as server:
        rights = ("on", ">secret", "~omnicache:*", "resetchannels", "&omnicache:*", "+@all", "-client|tracking")
        server("ACL", "SETUSER", "app", *rights)
        clock = ManualClock()
        far = RedisBackend(host=HOST, port=server.port, username="app", password="secret")
        cache = make(backend=TieredBackend(far=far, near_ttl=None), clock=clock)
        cache["k"] = "old"
        assert cache["k"] == "old"
        assert not cache._port.tells
        with working(server.url, name=name, kind="far") as (worker,):
            worker("cache.set('k', 'new')")
        clock.advance(5.1)
        assert cache["k"] == "new"


# --- loads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["cache.delete('k')", "cache.invalidate(tags=['t'], hard=True)", "cache.delete_many(pattern='k*')"]
)
def test_a_load_that_an_invalidation_raced_is_not_stored(cache: Cache, worker: Worker, end: str):
    begun, gate = threading.Event(), threading.Event()

    def loader() -> str:
        begun.set()
        assert gate.wait(20)
        return "old"

    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(cache.get_or_set("k", loader, tags=["t"])))
    thread.start()
    assert begun.wait(20)
    answer = worker(end)
    assert not isinstance(answer, dict), answer
    gate.set()
    thread.join(20)
    assert found == ["old"]
    assert cache.get("k") is None
    assert worker("cache.get('k')") is None
    assert cache.get_or_set("k", lambda: "new") == "new"


async def test_a_read_that_a_write_raced_is_not_kept(cache: Cache, worker: Worker):
    """Many reads and writes at once; whatever is near afterwards is what is far."""
    for round_ in range(20):
        worker(f"cache.set('k', {round_})")
        worker.tell(f"cache.set('k', 'new {round_}')")
        await asyncio.gather(*(cache.aget("k") for _ in range(20)))
        worker.answer()
        until(lambda n=round_: cache.get("k") == f"new {n}", "the write is seen", 5)


def test_the_fence(cache: Cache, worker: Worker):
    """What was said before an answer is known when the answer is here."""
    worker("cache.set('k', 0)")
    for number in range(1, 200):
        assert cache.get("k") in {number - 1, number}
        worker(f"cache.set('k', {number})")
        cache.get_many([f"nothing {number}"])  # all servers have told what they had to say before they answer
        deadline = time.monotonic() + 1
        while cache.get("k") != number:
            assert time.monotonic() < deadline
