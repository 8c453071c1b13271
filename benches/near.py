"""One key at a time, in this process: get, cache[k], a miss, set, an insert that evicts."""

from collections.abc import Callable
from typing import Any

from omnicache import Cache, LRUStrategy

from . import peers
from .harness import Contestant, Target, Verdict, calls, lookups, measure, stores, timed
from .options import Options
from .workload import KINDS, make_keys, zipf


def full(name: str, keys: list[object]) -> Cache:
    """Our LRU cache with every key in it and room to spare."""
    return peers.filled(Cache(name, strategy=LRUStrategy(max_size=2 * len(keys))), keys)


def get(options: Options) -> list[Verdict]:
    """A hit by a call of get."""
    verdicts = []
    for kind in KINDS:
        for size in options.sizes:
            keys = make_keys(kind, size)
            order = zipf(keys, options.length)
            with full("bench", keys) as cache:
                rows = [
                    calls("dict.get", peers.filled({}, keys).get, order),
                    calls("omnicache", cache.get, order),
                    *peers.gets(keys, order),
                ]
                limit = 1.5 if kind == "str" else 1.6
                target = Target("omnicache", limit, "dict.get", "cachebox")
                verdicts += measure(f"get, {kind} keys, {size:,} entries", rows, [target], options.rounds)
    return verdicts


def get_equal(options: Options) -> list[Verdict]:
    """A hit by a key that is equal to the stored one but another object, as a key from outside always is."""
    keys = make_keys("str", options.sizes[-1])
    copies = {key: "".join(list(str(key))) for key in keys}
    order = [copies[key] for key in zipf(keys, options.length)]
    with full("bench", keys) as cache:
        rows = [
            calls("dict.get", peers.filled({}, keys).get, order),
            calls("omnicache", cache.get, order),
            *peers.gets(keys, order),
        ]
        measure(f"get by an equal str, {options.sizes[-1]:,} entries (no target)", rows, [], options.rounds)
    return []


def item(options: Options) -> list[Verdict]:
    """A hit by cache[k]."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf(keys, options.length)
        mapping = peers.filled({}, keys)
        with full("bench", keys) as cache:
            rows = [
                lookups("d[k]", mapping, order),
                calls("dict.get", mapping.get, order),
                lookups("omnicache", cache, order),
                *peers.items(keys, order),
            ]
            target = Target("omnicache", 1.25, "d[k]", "cachebox")
            verdicts += measure(f"cache[k], str keys, {size:,} entries", rows, [target], options.rounds)
    return verdicts


def miss(options: Options) -> list[Verdict]:
    """A get of a key that is not there."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf([f"absent:{number}" for number in range(size)], options.length)
        with full("bench", keys) as cache:
            rows = [
                calls("dict.get", peers.filled({}, keys).get, order),
                calls("omnicache", cache.get, order),
                *peers.gets(keys, order),
            ]
            target = Target("omnicache", 1.4, "dict.get", "cachebox")
            verdicts += measure(f"get of a missing str, {size:,} entries", rows, [target], options.rounds)
    return verdicts


def sets(label: str, cache: Cache, keys: list[object]) -> Contestant:
    """`cache.set(key, 1)` for every key."""
    put = cache.set

    def loop() -> None:
        for key in keys:
            put(key, 1)

    return Contestant(label, lambda: timed(loop), len(keys))


def store(options: Options) -> list[Verdict]:
    """A new value for a key that is there."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf(keys, options.length)
        with full("bench", keys) as cache:
            rows = [
                stores("d[k] = v", peers.filled({}, keys), order),
                stores("omnicache c[k] = v", cache, order),
                sets("omnicache c.set(k, v)", cache, order),
                *peers.overwrites(keys, order),
            ]
            targets = [
                Target("omnicache c[k] = v", 2.4, "d[k] = v", "cachebox"),
                Target("omnicache c.set(k, v)", 2.4, "d[k] = v"),
            ]
            verdicts += measure(f"overwrite, str keys, {size:,} entries", rows, targets, options.rounds)
    return verdicts


def inserting(label: str, make: Callable[[], Any], keys: list[object]) -> Contestant:
    """Every key, all new, into a fresh container."""

    def run() -> float:
        container = make()
        took = stores(label, container, keys).run()
        if isinstance(container, Cache):
            container.close()
        return took

    return Contestant(label, run, len(keys))


def evict(options: Options) -> list[Verdict]:
    """An insert that evicts, beside a dict that only grows, and so moves all it has now and then."""
    size = 1_000
    keys = list(map(KINDS["str"], range(5 * options.length)))  # as new keys are: beside each other in memory
    makers = {
        "inserting dict": dict,
        "omnicache": lambda: Cache("bench", strategy=LRUStrategy(max_size=size)),
        **peers.small(size),
    }
    rows = [inserting(label, make, keys) for label, make in makers.items()]
    target = Target("omnicache", 0.5, "inserting dict")
    return measure(f"insert {len(keys):,} str keys into {size:,} entries", rows, [target], options.rounds)
