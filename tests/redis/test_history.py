"""Two processes read and write through near copies, and a checker reads their histories as one.

Each key is written by one process only, with numbers that go up; a deletion has a number of its own, and reads as
none. An operation is an interval on the clock that all processes of a machine share. What must hold of every read, near
or far:

1. It returns what was written before it ended.
2. It returns nothing older than the last write that was over when a *fence* of the reader began: a fence is a question
   on the connection by which the server tells of changes, whose answer comes after all that it had to tell until then.

While a write, or the word of it, is under way, one read may see the new value far, and the next one the copy near.
"""

import json
import random
import subprocess
import sys
from bisect import bisect_left
from typing import Any, NamedTuple

import pytest

from tests.servers.server import Server
from tests.support import ROOT

KEYS = 4
PROCESS = """
import json, random, sys, threading, time
from omnicache import Cache, RedisBackend, TieredBackend
url, name, me, seconds, seed = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5])
cache = Cache(name, backend=TieredBackend(far=RedisBackend(url)), on_error="raise", max_size=100)
cache.get("warm")
end, history = time.monotonic() + seconds, []
def write():
    draw, number = random.Random(seed), 0
    while time.monotonic() < end:
        number += 1
        key, delete = f"{me}{draw.randrange(KEYS)}", draw.random() < 0.2
        start = time.monotonic_ns()
        if delete:
            cache.delete(key)
        elif draw.random() < 0.5:
            cache.set(key, number)
        else:
            cache.set(key, number, 60, tags=["t"])
        history.append(("delete" if delete else "set", key, number, start, time.monotonic_ns(), 0))
        if draw.random() < 0.3:
            time.sleep(0.0005)
def read(thread):
    draw, fence = random.Random(seed + 1 + thread), 0
    while time.monotonic() < end:
        if draw.random() < 0.1:
            began = time.monotonic_ns()
            cache.delete("a key that is not there")
            fence = began
        key = f"{draw.choice('ab')}{draw.randrange(KEYS)}"
        start = time.monotonic_ns()
        found = cache.get(key)
        history.append((f"read {thread}", key, found, start, time.monotonic_ns(), fence))
threads = [threading.Thread(target=write), *(threading.Thread(target=read, args=(n,)) for n in range(2))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(history))
""".replace("KEYS", str(KEYS))


class Write(NamedTuple):
    value: int | None
    start: int
    end: int


class Read(NamedTuple):
    who: str
    value: int | None
    start: int
    end: int
    fence: int


def wrong(writes: list[Write], reads: list[Read]) -> list[str]:
    """What must not be, of one key whose writes are given in order."""
    writes = [Write(None, 0, 0), *writes]
    ends = [write.end for write in writes]
    numbers = {write.value: at for at, write in enumerate(writes) if write.value is not None}
    nothing = [at for at, write in enumerate(writes) if write.value is None]
    problems = []
    for read in sorted(reads, key=lambda read: read.start):
        # The last write that was over when the fence began.
        least = max(bisect_left(ends, read.fence) - 1, 0)
        # Of several times without a value the first that is not too old: the most favourable to what follows.
        first = next((at for at in nothing if at >= least), None)
        at = first if read.value is None else numbers.get(read.value)
        if at is None or at < least:
            problems.append(f"{read} is older than {writes[least]}")
        elif writes[at].start > read.end:
            problems.append(f"{read} comes from the future: {writes[at]}")
    return problems


def histories(url: str, name: str, seconds: float) -> dict[str, tuple[list[Write], list[Read]]]:
    """What two processes did, by key."""
    seed = random.randrange(1 << 30)
    command = [sys.executable, "-c", PROCESS, url, name]
    children = [
        subprocess.Popen([*command, me, str(seconds), str(seed + ord(me))], stdout=subprocess.PIPE, cwd=ROOT)
        for me in "ab"
    ]
    keys: dict[str, tuple[list[Write], list[Read]]] = {}
    for me, child in zip("ab", children, strict=True):
        said, _ = child.communicate(timeout=seconds + 40)
        assert child.returncode == 0
        for kind, key, value, start, end, fence in json.loads(said):
            writes, reads = keys.setdefault(key, ([], []))
            if kind.startswith("read"):
                reads.append(Read(me + kind, value, start, end, fence))
            else:
                writes.append(Write(None if kind == "delete" else value, start, end))
    return keys


def test_two_processes_never_read_what_is_older_than_they_were_told():
    with Server() as server:
        keys = histories(server.url, "history", 4.0)
    problems: dict[str, Any] = {key: found for key, kept in keys.items() if (found := wrong(*kept))}
    assert sum(len(reads) for _, reads in keys.values()) > 1000
    assert sum(len(writes) for writes, _ in keys.values()) > 100
    assert problems == {}


@pytest.mark.parametrize(
    ("read", "right"),
    [
        (Read("x", 2, 50, 51, 45), True),
        (Read("x", 1, 50, 51, 45), False),
        (Read("x", 1, 50, 51, 35), True),
        (Read("x", 1, 50, 51, 0), True),
        (Read("x", None, 50, 51, 45), False),
        (Read("x", None, 80, 81, 75), True),
        (Read("x", 3, 80, 81, 0), False),
        (Read("x", 2, 80, 81, 75), False),
    ],
)
def test_the_checker_knows_right_from_wrong(read: Read, right: bool):
    writes = [Write(1, 10, 20), Write(2, 30, 40), Write(None, 60, 70), Write(3, 90, 100)]
    assert (wrong(writes, [read]) == []) == right
