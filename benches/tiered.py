"""A hit in the near store of a tiered cache, which sees at once what other processes write, beside a plain one."""

import tempfile
from pathlib import Path

from omnicache import Cache, FileSystemBackend, LRUStrategy, TieredBackend

from . import peers
from .harness import Target, Verdict, calls, lookups, measure
from .near import full
from .options import Options
from .workload import make_keys, zipf

LIMIT = 1.5


def near(options: Options) -> list[Verdict]:
    """A hit by get and by cache[k]; what is asked of it is that looking at the far store costs at most a half more."""
    verdicts = []
    for size in options.sizes:
        keys = make_keys("str", size)
        order = zipf(keys, options.length)
        with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as directory, full("plain", keys) as plain:
            tiers = TieredBackend(far=FileSystemBackend(directory))
            with Cache("tiered", backend=tiers, strategy=LRUStrategy(max_size=2 * size)) as tiered:
                tiered.set_many(dict.fromkeys(keys, 1))
                tiered.get_many(keys)  # from here on all of it is near
                rows = [
                    calls("dict.get", peers.filled({}, keys).get, order),
                    calls("plain get", plain.get, order),
                    calls("tiered get", tiered.get, order),
                    lookups("plain c[k]", plain, order),
                    lookups("tiered c[k]", tiered, order),
                ]
                targets = [
                    Target("tiered get", LIMIT, "plain get", show_peers=False),
                    Target("tiered c[k]", LIMIT, "plain c[k]", show_peers=False),
                ]
                verdicts += measure(f"tiered near hit, {size:,} entries", rows, targets, options.rounds)
    return verdicts
