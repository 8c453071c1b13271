"""A day in the life of a cache, as a user would write it."""

import asyncio
import dataclasses
import threading

from omnicache import Cache, LRUStrategy, TTLStrategy, delete_cache, get_cache, list_caches


@dataclasses.dataclass(frozen=True)
class User:
    number: int
    name: str


def test_a_service_with_a_database():
    database = {number: User(number, f"user {number}") for number in range(50)}
    queries = []

    def find(number):
        queries.append(number)
        return database.get(number)

    with Cache("users", strategy=LRUStrategy(max_size=20), default_ttl="5m") as cache:
        for _ in range(3):
            for number in range(10):
                assert cache.get_or_set(("user", number), lambda n=number: find(n), tags=["user"]).number == number
        assert len(queries) == 10
        assert cache.get_or_set(("user", 999), lambda: find(999)) is None
        assert cache.get_or_set(("user", 999), lambda: find(999)) is None
        assert len(queries) == 11
        database[3] = User(3, "renamed")
        cache.delete(("user", 3))
        assert cache.get_or_set(("user", 3), lambda: find(3)).name == "renamed"
        cache.invalidate(tags=["user"])
        assert cache.get_or_set(("user", 4), lambda: find(4)) == database[4]
        for number in range(50):
            cache[User(number, "as a key")] = number
        assert len(cache) == 20
        assert cache[User(49, "as a key")] == 49
        stats = cache.stats()
        assert stats.load_count == 13
        assert 0 < stats.hit_rate < 1
    assert list_caches() == []


async def test_one_cache_for_threads_and_tasks():
    cache = get_cache("shared", max_size=1_000, default_ttl=60)

    async def fetch(number):
        await asyncio.sleep(0)
        return number * number

    squares = await asyncio.gather(*(cache.aget_or_set(n % 50, lambda n=n % 50: fetch(n)) for n in range(500)))
    assert squares == [(n % 50) ** 2 for n in range(500)]
    seen = await asyncio.to_thread(lambda: [cache[n] for n in range(50)])
    assert seen == [n * n for n in range(50)]
    assert cache.stats().load_count == 50
    async with cache:
        await cache.aset("a", 1)
    assert cache.closed


def test_sessions_that_end(clock):
    sessions = Cache("sessions", strategy=TTLStrategy(default_ttl="30m"), default_idle="10m", clock=clock)
    sessions["alice"] = {"cart": []}
    for _ in range(2):
        clock.advance("9m")
        sessions["alice"]["cart"].append("apple")
    clock.advance("9m")
    assert sessions["alice"] == {"cart": ["apple", "apple"]}
    clock.advance("9m")
    assert sessions.get("alice") is None


def test_counters_of_many_threads():
    cache = get_cache("counters")

    def work():
        for turn in range(1_000):
            cache.incr(("page", turn % 3))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(cache.values()) == 8_000
    delete_cache("counters")


def test_add_is_a_lock_that_one_of_many_gets():
    cache, won = get_cache("locks"), []
    start = threading.Barrier(16)

    def work(number):
        start.wait()
        if cache.add("lock", number, ttl=60):
            won.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [cache["lock"]] == won
