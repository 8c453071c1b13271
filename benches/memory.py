"""Bytes per entry: resident memory before and after filling, each cache in a process of its own."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import peers
from .harness import Target, Verdict, judge
from .options import Options

ENTRIES = 1_000_000
STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make(label: str, entries: int) -> Any:
    """An empty cache by its label; None if it is not installed."""
    from omnicache import Cache, LRUStrategy, TinyLFUStrategy  # noqa: PLC0415 - a peer's process does without

    makers = {
        "dict": dict,
        "omnicache LRU": lambda: Cache("bench", strategy=LRUStrategy(max_size=entries)),
        "omnicache TinyLFU": lambda: Cache("bench", strategy=TinyLFUStrategy(max_size=entries)),
        "omnicache LRU with ttl": lambda: Cache("bench", strategy=LRUStrategy(max_size=entries), default_ttl=peers.DAY),
        "cachebox LRU": peers.cachebox and (lambda: peers.cachebox_lru(entries)),
        "cachebox TTL": peers.cachebox and (lambda: peers.cachebox.TTLCache(entries, peers.DAY)),
        "lru-dict": peers.lru and (lambda: peers.lru.LRU(entries)),
        "cachetools LRU": peers.cachetools and (lambda: peers.cachetools.LRUCache(entries)),
        "moka-py": peers.moka and (lambda: peers.moka.Moka(entries)),
        "": lambda: None,
    }
    if not label:
        return [name for name, maker in makers.items() if name and maker]
    return makers[label]()


def fill(label: str, entries: int) -> float:
    """Run in the child: bytes per entry that filling the cache added, the key's own included."""
    values = list(range(entries))  # made before, so that they do not count
    cache = make(label, entries)
    put = cache.set if label == "moka-py" else cache.__setitem__
    gc.collect()
    before = resident()
    for number in values:
        put(f"key:{number:09d}", number)
    gc.collect()
    return (resident() - before) / entries


def memory(options: Options) -> list[Verdict]:
    """One line per cache."""
    if not STATM.exists():
        print("\nmemory: needs /proc/self/statm, left out on this system")
        return []
    entries = ENTRIES // 10 if options.quick else ENTRIES
    rows = {}
    for label in make("", 1):
        command = [sys.executable, "-m", "benches.memory", label, str(entries)]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(1 if options.quick else 3)]
        rows[label] = (min(runs), sorted(runs)[len(runs) // 2])
    key = sys.getsizeof("key:000000000")
    print("\nMemory is how much the resident set grows while the entries go in: overhead and key object together, the")
    print(f"values made before. Each cache has a process of its own, three times. A key object alone is {key} bytes.")
    rival = "cachebox LRU"
    targets = [Target("omnicache LRU", 1.0, rival)] if rival in rows else []
    return judge(f"memory, {entries:,} str -> int entries", rows, targets, "bytes per entry")


if __name__ == "__main__":
    print(json.dumps(fill(sys.argv[1], int(sys.argv[2]))))
