"""The store of files beside diskcache, which is SQLite: gets and sets of values of 1 and of 100 KiB."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from omnicache._omnicache import FarTerms, FileStore

from .harness import Contestant, Target, Verdict, measure
from .options import Options

try:
    import diskcache
except ImportError:
    diskcache = None

# Bytes of a value, entries, gets and sets in a round, and the part of diskcache's time that may be taken for each.
SIZES = ((1 << 10, 2_000, 20_000, 2_000, 1 / 3, 1 / 2.5), (100 << 10, 200, 2_000, 400, 1 / 2.5, 1 / 3))


def looped(label: str, function: Callable[[int], object], operations: int) -> Contestant:
    """`function(number)` for so many numbers, by the clock on the wall: the disk is part of it."""

    def run() -> float:
        start = time.perf_counter()
        for number in range(operations):
            function(number)
        return time.perf_counter() - start

    return Contestant(label, run, operations)


def ours(store: FileStore, payload: bytes, keys: Sequence[bytes], gets: int, sets: int) -> tuple[Contestant, ...]:
    """Our rows: a get, a set, a set with an end and a tag."""
    count, now = len(keys), time.time()
    for key in keys:
        store.set(key, payload, now)

    def get(number: int) -> bytes | None:
        found = store.get(keys[number % count], time.time())
        return found.payload if found else None

    def store_it(number: int) -> None:
        store.set(keys[number % count], payload, time.time())

    def store_more(number: int) -> None:
        now = time.time()
        store.set(keys[number % count], payload, now, FarTerms(fresh_until=now + 60, expires=now + 60, tags=("tag",)))

    return (
        looped("omnicache", get, gets),
        looped("omnicache", store_it, sets),
        looped("omnicache", store_more, sets),
    )


def theirs(directory: Path, payload: bytes, keys: Sequence[str], gets: int, sets: int) -> tuple[Contestant, ...]:
    """The same rows of diskcache."""
    cache, count = diskcache.Cache(str(directory)), len(keys)
    for key in keys:
        cache.set(key, payload)
    return (
        looped("diskcache", lambda number: cache.get(keys[number % count]), gets),
        looped("diskcache", lambda number: cache.set(keys[number % count], payload), sets),
        looped("diskcache", lambda number: cache.set(keys[number % count], payload, expire=60, tag="tag"), sets),
    )


def files(options: Options) -> list[Verdict]:
    """A get, a set, and a set with an end and a tag, in a directory of the disk that the checkout lies on."""
    if diskcache is None:
        print("\nfar: diskcache is not installed, nothing to compare with")
        return []
    verdicts = []
    part = 4 if options.quick else 1
    for size, entries, gets, sets, get_part, set_part in SIZES:
        keys = [f"key-{number}" for number in range(entries)]
        payload = os.urandom(size)
        with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as directory:
            store = FileStore(Path(directory) / "ours")
            mine = ours(store, payload, [key.encode() for key in keys], gets // part, sets // part)
            peer = theirs(Path(directory) / "theirs", payload, keys, gets // part, sets // part)
            limits = (get_part, set_part, set_part)
            for what, limit, row, rival in zip(("get", "set", "set, ttl, tag"), limits, mine, peer, strict=True):
                target = Target("omnicache", round(limit, 2), "diskcache")
                verdicts += measure(f"far {what}, {size >> 10} KiB", [rival, row], [target], options.rounds)
            store.close()
    return verdicts
