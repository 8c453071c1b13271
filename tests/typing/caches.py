"""What type checkers must see of a cache. Checked by mypy and pyright, never run."""

from datetime import timedelta

from omnicache import Cache, LRUStrategy, Statistics, TinyLFUStrategy, get_cache


def build() -> None:
    Cache("a")
    Cache("b", strategy=LRUStrategy(max_size=10), default_ttl=timedelta(minutes=1))
    Cache("c", strategy="lfu", max_size=10, default_ttl="5m", namespace="tenant")
    Cache("d", max_bytes="64MiB", copy="deep")
    Cache()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def use(cache: Cache) -> None:
    cache.set("k", 1, ttl="5m", tags=("a", "b"), priority=0.9)
    cache["k"] = 2
    number: int = len(cache)
    there: bool = "k" in cache
    removed: bool = cache.delete("k")
    stats: Statistics = cache.stats()
    rate: float = stats.hit_rate
    cache.set_strategy(TinyLFUStrategy(max_size=number))
    print(there, removed, rate, get_cache("a"))
    with cache as same:
        same.clear()


def load() -> list[int]:
    return [1]


async def aload() -> list[int]:
    return [1]


async def loads(cache: Cache) -> None:
    found: list[int] = cache.get_or_set("k", load)
    awaited: list[int] = await cache.aget_or_set("k", aload)
    print(found, awaited)
    async with cache as same:
        await same.aclear()
