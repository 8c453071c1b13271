"""Everything at once: threads and loops use one cache while its strategy, its limits and its entries change."""

import asyncio
import gc
import random
import sys
import threading
import weakref

import pytest

from omnicache import Cache, SizeStrategy
from tests.faces import Coldest
from tests.support import in_child

KEYS = 200
TAGS = [f"tag-{number}" for number in range(7)]


class Value:
    """A value that at times uses the cache when it is dropped."""

    def __init__(self, cache, number):
        self.cache, self.number = weakref.ref(cache), number

    def __del__(self):
        cache = self.cache()
        if self.number % 5 == 0 and cache is not None:
            cache.get(self.number)
            cache.set(("dropped", self.number), self.number)


def one_operation(cache, chance):
    """One operation of any kind."""
    key = chance.randrange(KEYS)
    tags = chance.sample(TAGS, 2)
    chance.choice(
        [
            *[lambda: cache.get(key)] * 6,
            *[lambda: cache.set(key, Value(cache, key), tags=tags, priority=chance.random())] * 4,
            *[lambda: cache.get_or_set(key, lambda: Value(cache, key), tags=tags)] * 4,
            lambda: cache.set([key], key, ttl=0.001),
            lambda: cache.add((key, None), key, idle=0.001),
            lambda: cache.delete(key),
            lambda: cache.pop(key, None),
            lambda: cache.touch(key, 5),
            lambda: cache.incr("counter"),
            lambda: cache.setdefault(key, None),
            lambda: cache.get_many(range(key, key + 5)),
            lambda: cache.invalidate(tags=tags),
            lambda: cache.entries(limit=5, tags=tags),
            lambda: cache.delete_many(pattern=f"{key % 10}?"),
            lambda: (len(cache), list(cache), cache.stats(), cache.purge_expired()),
            lambda: chance.random() < 0.1 and cache.clear(),
            lambda: chance.random() < 0.1 and gc.collect(),
        ]
    )()


def one_change(cache, chance):
    """One change of what the cache is."""
    chance.choice(
        [
            lambda: cache.set_strategy(chance.choice(["lru", "lfu", "ttl", "tinylfu"])),
            lambda: cache.set_strategy(SizeStrategy("64KiB")),
            lambda: cache.set_strategy(Coldest(max_size=chance.choice([20, 100]))),
            lambda: cache.configure(
                max_size=chance.choice([10, 100, None]), default_ttl=chance.choice([0.001, 5, None])
            ),
        ]
    )()


async def many_loads(cache, chance):
    """Tasks that load, some of which are cancelled."""

    async def load():
        await asyncio.sleep(0)
        return Value(cache, 5)

    for _ in range(300):
        tasks = [asyncio.create_task(cache.aget_or_set(chance.randrange(KEYS), load)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert not isinstance(outcome, Exception), outcome


@pytest.mark.timeout(150)
@in_child(timeout=120)
def test_everything_at_once():
    sys.setswitchinterval(1e-5)
    cache = Cache("hammered", max_size=100)
    # What listens can be switched away between any two steps, too.
    cache.on("evict", lambda event: None)
    errors = []

    def run(work, seed):
        try:
            work(random.Random(seed))
        except BaseException as error:
            errors.append(error)

    works = [
        *[lambda chance: [one_operation(cache, chance) for _ in range(3_000)]] * 4,
        lambda chance: [one_change(cache, chance) for _ in range(600)],
        lambda chance: asyncio.run(many_loads(cache, chance)),
        lambda chance: asyncio.run(many_loads(cache, chance)),
    ]
    threads = [threading.Thread(target=run, args=(work, seed)) for seed, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert cache.stats().error_count == 0
    assert len(cache._flights) == 0
    for strategy in ("lru", "lfu", "ttl", "tinylfu", SizeStrategy("64KiB"), Coldest(max_size=50)):
        cache.set_strategy(strategy)
        cache._validate()
