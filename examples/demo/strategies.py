"""The second table: hit ratio, evictions and speed of every strategy at three sizes, on the same requests."""

from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

from omnicache import (
    Cache,
    LFUStrategy,
    LRUStrategy,
    SizeStrategy,
    Statistics,
    Strategy,
    TinyLFUStrategy,
    TTLStrategy,
)

from .library import Analysis
from .optimal import best_hits
from .report import Expectations, table
from .workload import Workload

SHARES = (0.02, 0.08, 0.25)  # of the distinct modules
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """One strategy at one size."""

    strategy: str
    size: int
    stats: Statistics
    per_second: float

    @property
    def hit_ratio(self) -> float:
        """Hits per request."""
        return self.stats.hit_count / (self.stats.hit_count + self.stats.miss_count)


def every_strategy(size: int) -> dict[str, Strategy]:
    """The built-in strategies, each limited to `size` entries."""
    return {
        "LRU": LRUStrategy(max_size=size),
        "LFU": LFUStrategy(max_size=size),
        "TTL": TTLStrategy(default_ttl="1h", max_size=size),
        "Size": SizeStrategy(max_bytes="1GiB", max_size=size),
        "TinyLFU": TinyLFUStrategy(max_size=size),
    }


def replay(name: str, size: int, work: Workload, analyses: dict[str, Analysis]) -> Outcome:
    """Ask for every module in order; on a miss store what an earlier part of the demo computed.

    The analysis itself would hide what the cache costs, so the figure is of cache operations alone.
    """
    fastest = float("inf")
    for _ in range(ROUNDS):
        with Cache("replay", strategy=every_strategy(size)[name]) as cache:
            operations = 0
            start = perf_counter()
            for module in work.requests:
                operations += 1
                if cache.get(module) is None:
                    cache.set(module, analyses[module])
                    operations += 1
            fastest = min(fastest, (perf_counter() - start) / operations)
            stats = cache.stats()
    return Outcome(name, size, stats, 1 / fastest)


def compare(work: Workload, analyses: dict[str, Analysis], expect: Expectations) -> None:
    """Print the table and check what must hold of every line."""
    total = len(work.requests)
    sizes = [max(8, round(share * len(work.sources))) for share in SHARES]
    rows: list[list[str]] = []
    outcomes: list[Outcome] = []
    for size in sizes:
        best = best_hits(work.requests, size) / total
        for name in every_strategy(size):
            outcome = replay(name, size, work, analyses)
            outcomes.append(outcome)
            rows.append(
                [
                    name,
                    f"{size:,}",
                    f"{outcome.hit_ratio:.1%}",
                    f"{outcome.hit_ratio / best:.1%}",
                    f"{outcome.stats.eviction_count:,}",
                    f"{outcome.per_second / 1e6:.2f} M",
                ]
            )
        rows.append(["(best possible)", f"{size:,}", f"{best:.1%}", "100.0%", "", ""])
        if size != sizes[-1]:
            rows.append([""] * 6)
    note = f"{total:,} requests for {len(work.sources):,} modules; an operation is one get or one set"
    headers = ["strategy", "entries", "hit ratio", "of the best", "evictions", "operations/s"]
    table("Strategies", headers, rows, note)

    counted = all(o.stats.hit_count + o.stats.miss_count == total for o in outcomes)
    expect.check("every request is counted as a hit or a miss", counted)
    left = all(o.stats.miss_count - o.stats.eviction_count == o.stats.entry_count for o in outcomes)
    expect.check("what was stored is still there or was counted as evicted", left)
    expect.check("no cache holds more than its limit", all(o.stats.entry_count <= o.size for o in outcomes))
    sane = all(o.hit_ratio <= best_hits(work.requests, o.size) / total for o in outcomes)
    expect.check("no strategy claims more than the best possible", sane)
    ratio = {(o.strategy, o.size): o.hit_ratio for o in outcomes}
    for smaller, larger in pairwise(sizes):
        grown = all(ratio[name, smaller] < ratio[name, larger] for name in every_strategy(1))
        expect.check(f"{larger} entries hit more often than {smaller}, whatever the strategy", grown)
    behind = [size for size in sizes if ratio["TinyLFU", size] < ratio["LRU", size] - 0.04]
    expect.check("TinyLFU is nowhere more than 4 points behind LRU", not behind, f"at {behind}")
