"""The third table: many callers want one missing entry at the same moment; the loader runs once."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable

from omnicache import Cache

from .report import Expectations, seconds, table

THREADS = 64
TASKS = 1_000
LOAD_SECONDS = 0.05


class Loader:
    """A slow computation in both colours that counts how often it ran."""

    def __init__(self) -> None:
        self.runs = 0

    def in_thread(self) -> str:
        """The blocking colour."""
        self.runs += 1
        time.sleep(LOAD_SECONDS)
        return "loaded"

    async def in_task(self) -> str:
        """The awaiting colour."""
        self.runs += 1
        await asyncio.sleep(LOAD_SECONDS)
        return "loaded"


def start_threads(cache: Cache, loader: Loader, answers: list[str]) -> list[threading.Thread]:
    """Threads that meet at a barrier and then all ask for the key."""
    barrier = threading.Barrier(THREADS)

    def ask() -> None:
        barrier.wait()
        answers.append(cache.get_or_set("cold", loader.in_thread))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


async def ask_in_tasks(cache: Cache, loader: Loader, answers: list[str]) -> None:
    """Tasks of one loop that all ask for the key."""
    answers += await asyncio.gather(*(cache.aget_or_set("cold", loader.in_task) for _ in range(TASKS)))


def threads_only(cache: Cache, loader: Loader, answers: list[str]) -> None:
    """64 threads."""
    for thread in start_threads(cache, loader, answers):
        thread.join()


def tasks_only(cache: Cache, loader: Loader, answers: list[str]) -> None:
    """1,000 tasks."""
    asyncio.run(ask_in_tasks(cache, loader, answers))


def both(cache: Cache, loader: Loader, answers: list[str]) -> None:
    """64 threads and 1,000 tasks on one key."""
    threads = start_threads(cache, loader, answers)
    asyncio.run(ask_in_tasks(cache, loader, answers))
    for thread in threads:
        thread.join()


CASES: list[tuple[str, int, Callable[[Cache, Loader, list[str]], None]]] = [
    (f"{THREADS} threads", THREADS, threads_only),
    (f"{TASKS:,} tasks", TASKS, tasks_only),
    (f"{THREADS} threads and {TASKS:,} tasks", THREADS + TASKS, both),
]


def show(expect: Expectations) -> None:
    """Print the table and check that each crowd cost one load."""
    rows: list[list[str]] = []
    for label, callers, run in CASES:
        loader, answers = Loader(), list[str]()
        with Cache("stampede") as cache:
            start = time.perf_counter()
            run(cache, loader, answers)
            took = time.perf_counter() - start
            coalesced = cache.stats().coalesced_count
        served = Counter(answers)["loaded"]
        rows.append([label, f"{served:,}", str(loader.runs), f"{coalesced:,}", seconds(took)])
        ok = loader.runs == 1 and served == callers
        expect.check(f"{label}: one load serves all", ok, f"{loader.runs} loads, {served} answers")
    note = f"one cold key; the loader takes {LOAD_SECONDS * 1000:.0f} ms; 'waited' shared a load already running"
    table("Stampede", ["callers", "answered", "loader runs", "waited", "total"], rows, note)
