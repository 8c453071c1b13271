"""The fourth table: one live cache changes its strategy again and again and loses nothing."""

from omnicache import Cache

from .library import Analysis
from .report import Expectations, table
from .strategies import every_strategy
from .workload import Workload

SHARE = 0.08  # of the distinct modules


def show(work: Workload, analyses: dict[str, Analysis], expect: Expectations) -> None:
    """Print the table and check that each switch keeps every entry and its value."""
    size = max(8, round(SHARE * len(work.sources)))
    strategies = every_strategy(size)
    step = len(work.requests) // len(strategies)
    rows: list[list[str]] = []
    kept = True
    with Cache("switching", strategy=strategies["LRU"]) as cache:
        for turn, (name, strategy) in enumerate(strategies.items()):
            before = dict(cache.items())
            cache.set_strategy(strategy)
            entries = len(cache)
            kept = kept and dict(cache.items()) == before

            cache.reset_stats()
            for module in work.requests[turn * step : (turn + 1) * step]:
                if cache.get(module) is None:
                    cache.set(module, analyses[module])
            stats = cache.stats()
            rows.append([f"to {name}", f"{len(before):,}", f"{entries:,}", f"{stats.hit_rate:.1%}", f"{len(cache):,}"])
    headers = ["switch", "entries before", "after", "hit ratio of the next part", "entries then"]
    table("A live switch of strategy", headers, rows, f"{size:,} entries; each strategy serves a fifth of the requests")
    expect.check("a switch of strategy keeps every entry and its value", kept)
