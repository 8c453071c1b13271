"""The same work by four threads and by one: under the GIL four must not be slower in total."""

import sys
import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from omnicache import Cache, LRUStrategy

from . import peers
from .harness import Contestant, Target, Verdict, chunks, measure
from .options import Options
from .workload import make_keys, zipf

THREADS = 4
SIZE = 10_000


def shared(label: str, function: Callable[[object], object], order: Sequence[object], threads: int) -> Contestant:
    """`function(key)` for every key, the keys dealt out to threads that start together."""

    def run() -> float:
        ready = threading.Barrier(threads + 1)

        def work(part: Sequence[object]) -> None:
            ready.wait()
            for key in part:
                function(key)

        workers = [threading.Thread(target=work, args=(part,)) for part in chunks(order, threads)]
        for worker in workers:
            worker.start()
        ready.wait()
        start = perf_counter()
        for worker in workers:
            worker.join()
        return perf_counter() - start

    return Contestant(label, run, len(order))


def four(options: Options) -> list[Verdict]:
    """Total time of gets by four threads beside one."""
    keys = make_keys("str", SIZE)
    order = zipf(keys, 4 * options.length)
    with Cache("bench", strategy=LRUStrategy(max_size=2 * SIZE)) as cache:
        peers.filled(cache, keys)
        rows = [
            shared("dict.get, 1 thread", dict.fromkeys(keys).get, order, 1),
            shared(f"dict.get, {THREADS} threads", dict.fromkeys(keys).get, order, THREADS),
            shared("omnicache, 1 thread", cache.get, order, 1),
            shared(f"omnicache, {THREADS} threads", cache.get, order, THREADS),
        ]
        if peers.cachebox:
            rival = peers.filled(peers.cachebox_lru(2 * SIZE), keys).get
            rows += [
                shared("cachebox, 1 thread", rival, order, 1),
                shared(f"cachebox, {THREADS} threads", rival, order, THREADS),
            ]
        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        title = f"{THREADS} threads and one, get, {SIZE:,} entries, GIL {'on' if gil else 'off'}"
        target = Target(f"omnicache, {THREADS} threads", 1.0, "omnicache, 1 thread", show_peers=False)
        return measure(title, rows, [target], options.rounds)
