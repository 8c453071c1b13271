"""What a ttl costs, and what a popularity sketch costs, on a hit and on a set."""

from typing import Any

from omnicache import Cache, LRUStrategy, TinyLFUStrategy

from . import peers
from .harness import Target, Verdict, calls, measure, stores
from .options import Options
from .workload import make_keys, zipf


def ttl(options: Options) -> list[Verdict]:
    """Entries that expire beside entries that do not."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf(keys, options.length)
        strategy = LRUStrategy(max_size=2 * size)
        with (
            Cache("for_ever", strategy=strategy) as for_ever,
            Cache("for_a_day", strategy=strategy, default_ttl=peers.DAY) as for_a_day,
        ):
            plain = dict.fromkeys(keys, 1)
            caches: dict[str, Any] = {"omnicache": for_ever, "omnicache with ttl": for_a_day}
            caches |= {label: make() for label, make in peers.small(2 * size).items()}
            caches |= peers.expiring(2 * size)
            for cache in caches.values():
                peers.filled(cache, keys)
            target = Target("omnicache with ttl", 1.3, "omnicache", show_peers=False)
            rows = [calls("dict", plain.get, order)]
            rows += [calls(label, cache.get, order) for label, cache in caches.items()]
            verdicts += measure(f"get of an entry with a ttl, {size:,} entries", rows, [target], options.rounds)
            rows = [stores("dict", plain, order)]
            rows += [stores(label, cache, order) for label, cache in caches.items()]
            verdicts += measure(f"overwrite of an entry with a ttl, {size:,} entries", rows, [target], options.rounds)
    return verdicts


def tinylfu(options: Options) -> list[Verdict]:
    """A hit where uses are counted."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf(keys, options.length)
        with Cache("bench", strategy=TinyLFUStrategy(max_size=2 * size)) as cache:
            peers.filled(cache, keys)
            counting = [row for row in peers.gets(keys, order) if row.label in {"moka-py", "theine"}]
            rows = [
                calls("dict.get", peers.filled({}, keys).get, order),
                calls("omnicache", cache.get, order),
                *counting,
            ]
            target = Target("omnicache", 2.5, "dict.get", "moka-py")
            verdicts += measure(f"get with TinyLFU, {size:,} entries", rows, [target], options.rounds)
    return verdicts
