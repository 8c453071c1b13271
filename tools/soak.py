"""A tiered cache over a server of its own, used by threads and tasks for a minute, while connections are cut.

``python tools/soak.py 60``: at the end memory, connections, threads and open files have to be where they were after the
first seconds, and nothing may have raised.
"""

import argparse
import asyncio
import gc
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from omnicache import Cache, RedisBackend, TieredBackend

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.servers.server import Server

KEYS = 500
TASKS = 40
THREADS = 3
WARM = 0.2
"""The part of the time after which things are looked at first."""


class Use:
    """What uses the cache all the time."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.stop = threading.Event()
        self.problems: list[object] = []
        self.operations = 0

    def _key(self) -> str:
        return f"k{random.randrange(KEYS)}"

    def threads(self) -> None:
        """What one thread does."""
        cache = self.cache
        steps: list[Any] = [
            lambda: cache.get(self._key()),
            lambda: cache.set(self._key(), list(range(100)), 30, tags=[f"t{random.randrange(10)}"]),
            lambda: cache.get_or_set(self._key(), lambda: "loaded" * 50, 20),
            lambda: cache.get_many([self._key() for _ in range(20)]),
            lambda: cache.delete(self._key()),
            lambda: cache.incr("count"),
            lambda: cache.invalidate(tags=[f"t{random.randrange(10)}"]),
        ]
        while not self.stop.is_set():
            try:
                random.choices(steps, [20, 5, 5, 2, 2, 1, 1])[0]()
                self.operations += 1
            except Exception as error:  # noqa: BLE001 - whatever it is must not happen
                self.problems.append(error)

    def tasks(self) -> None:
        """One loop after the other, some of them closed with tasks under way."""
        while not self.stop.is_set():
            try:
                asyncio.run(self._round())
            except Exception as error:  # noqa: BLE001 - as above
                self.problems.append(error)

    async def _round(self) -> None:
        async def one() -> None:
            while True:
                await self.cache.aget(self._key())
                await self.cache.aset(self._key(), "x" * 500, 30)
                await self.cache.aget_or_set(self._key(), lambda: "loaded")
                self.operations += 3

        tasks = [asyncio.create_task(one()) for _ in range(TASKS)]
        await asyncio.sleep(1)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0.05)
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                self.problems.append(task.exception())


def seen(server: Server) -> dict[str, int]:
    """What there is of everything that could grow."""
    gc.collect()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "memory, KiB": memory,
        "open files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - it is no directory of files
        "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208 - as above
        "connections": int(server.info("connected_clients")),
        "objects": len(gc.get_objects()),
    }


def settled(server: Server, threads: int) -> dict[str, int]:
    """The same when what is under way has ended."""
    end = time.monotonic() + 15
    while threading.active_count() > threads and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)
    return seen(server)


def main() -> int:
    """Uses the cache twice: for a while to warm up, then for the rest of the time; compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    backend: Any
    with Server() as server:
        backend = TieredBackend(far=RedisBackend(server.url, timeout=1.0), near_ttl=5)
        with Cache("soak", backend=backend, max_size=KEYS // 2) as cache:
            threads, measured = threading.active_count(), []
            for part in (WARM, 1 - WARM):
                use = Use(cache)
                users = [threading.Thread(target=use.threads) for _ in range(THREADS)]
                users.append(threading.Thread(target=use.tasks))
                for user in users:
                    user.start()
                end = time.monotonic() + seconds * part
                while time.monotonic() < end:
                    time.sleep(min(1.0, seconds / 20))
                    server("CLIENT", "KILL", "TYPE", "normal")
                use.stop.set()
                for user in users:
                    user.join(30)
                measured.append(settled(server, threads))
                print(f"{use.operations} operations, {len(use.problems)} problems {use.problems[:3]}")
                if use.problems:
                    return 1
    failed = 0
    for name, before in measured[0].items():
        after = measured[1][name]
        limit = before * 1.15 + (8 << 10 if "memory" in name else 2000 if name == "objects" else 6)
        print(f"{name:12} {before:>8} -> {after:>8}{'' if after <= limit else '   GREW'}")
        failed += after > limit
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
