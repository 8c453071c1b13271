"""The first table: the same requests without a cache and with one."""

import random
from pathlib import Path
from time import perf_counter

from omnicache import Cache

from .library import Analysis, analyse
from .report import Expectations, seconds, table
from .workload import Workload

SAMPLE_SECONDS = 2.5


def without_cache(work: Workload) -> tuple[float, int]:
    """Seconds for all requests when each parses anew: measured on a random sample for a few seconds, and scaled."""
    order = random.Random(2).sample(range(len(work.requests)), len(work.requests))
    done, start = 0, perf_counter()
    for at in order:
        name = work.requests[at]
        analyse(name, work.sources[name])
        done += 1
        if perf_counter() - start > SAMPLE_SECONDS:
            break
    return (perf_counter() - start) * len(order) / done, done


def ask(cache: Cache, name: str, source: Path | None) -> Analysis:
    """The analysis of one module, from the cache if it is there."""
    found: Analysis = cache.get_or_set(name, lambda: analyse(name, source))
    return found


def ask_all(cache: Cache, work: Workload) -> float:
    """Seconds for all requests through the cache; a module is parsed when it is asked for the first time."""
    sources = work.sources
    start = perf_counter()
    for name in work.requests:
        ask(cache, name, sources[name])
    return perf_counter() - start


def compare(work: Workload, expect: Expectations) -> dict[str, Analysis]:
    """Print the table; what the cache learnt is the input of the later ones."""
    total = len(work.requests)
    bare, sampled = without_cache(work)
    with Cache("analysis") as cache:
        cold = ask_all(cache, work)
        first = cache.stats()
        warm = ask_all(cache, work)
        last = cache.stats()
        analyses = {name: cache[name] for name in work.sources}

    rows = [
        [label, seconds(took), seconds(took / total), f"{parsed:,}", f"{bare / took:,.1f}x"]
        for label, took, parsed in [
            ("without a cache (estimate *)", bare, total),
            ("with, empty at the start", cold, first.load_count),
            ("with, once it is full", warm, last.load_count - first.load_count),
        ]
    ]
    note = f"* every request parses: measured on {sampled:,} requests drawn at random, scaled to {total:,}"
    table("Time for all requests", ["", "total", "per request", "parsed", "faster"], rows, note)

    distinct = len(work.sources)
    expect.check("each module was parsed exactly once", first.load_count == distinct, f"{first.load_count} loads")
    expect.check("the second pass parsed nothing", last.load_count == distinct, f"{last.load_count} loads")
    expect.check("the first pass is at least 3 times faster than no cache", bare > 3 * cold, f"{bare / cold:.1f} times")
    expect.check("the second is at least 1,000 times faster", bare > 1000 * warm, f"{bare / warm:.0f} times")
    again = random.Random(3).sample(sorted(analyses), 20)
    same = all(analyses[name] == analyse(name, work.sources[name]) for name in again)
    expect.check("a cached analysis equals a fresh one (20 modules)", same)
    return analyses
