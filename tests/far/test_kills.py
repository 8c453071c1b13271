"""A thousand writers, each killed at a random instant: in the middle of a write, an eviction, or a compaction."""

import os
import random
import signal
import time

import pytest

from omnicache._omnicache import FileStore
from tests.far.processes import heard, running

NOW = 1000.0
ROUNDS = 1000
LIMIT = 3_000_000

# Has a child of its own write for each line that it is given, says which process that is, and what it wrote last.
NURSERY = """
for line in sys.stdin:
    turn = line.strip()
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        store = FileStore(directory, max_bytes=int(sys.argv[2]))
        number, terms = 0, FarTerms(tags=["t"])
        while True:
            key = f"{turn}-{number}".encode()
            if number % 7 == 3:
                rows = [(key, key * (number % 400), terms), (b"m" + key, key * 900, terms)]
                store.set_many(rows, 1000.0)
            else:
                store.set(key, key * (1 + number % 400), 1000.0, FarTerms(expires=2000.0))
            os.write(writes, b"%d\\n" % number)
            if number % 11 == 0:
                store.delete(f"{turn}-{number - 5}".encode(), 1000.0)
            if number % 50 == 0:
                store.compact()
            number += 1
    os.close(writes)
    say(pid)
    with open(reads, "rb") as said:
        numbers = said.read().decode().split("\\n")
    os.waitpid(pid, 0)
    say(numbers[-2] if len(numbers) > 1 else -1)
"""


@pytest.mark.timeout(180)
def test_nothing_acknowledged_is_lost_by_a_thousand_kills(open_store):
    chance, acknowledged = random.Random(7), 0
    store: FileStore = open_store(max_bytes=LIMIT)
    with running(NURSERY, store.directory, LIMIT) as nursery:
        assert nursery.stdin is not None
        for turn in range(ROUNDS):
            nursery.stdin.write(f"{turn}\n")
            nursery.stdin.flush()
            writer = int(heard(nursery))
            time.sleep(0.02 * chance.random())  # not a wait for anything: the moment of death is to differ
            kill(writer)
            last = int(heard(nursery))
            acknowledged += last + 1
            # The latest ones cannot have been evicted yet.
            for number in range(max(0, last - 60), last + 1):
                assert_is_right(store, turn, number, last)
            store.set(b"alive", b"%d" % turn, NOW)
            assert store.get(b"alive", NOW).payload == b"%d" % turn
            assert store.stats(NOW)["bytes"] <= LIMIT
            if turn % 20 == 0:
                assert store.check(NOW) == []
        nursery.stdin.close()
        assert nursery.wait(timeout=20) == 0
    assert store.set_aside is None
    assert acknowledged > ROUNDS, "the writers wrote something before they died"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def assert_is_right(store: FileStore, turn: int, number: int, last: int) -> None:
    """What was acknowledged is there, and is what was written; but for what was deleted, or was being deleted."""
    key = f"{turn}-{number}".encode()
    found = store.get(key, NOW)
    if (number + 5) % 11 == 0 and number + 5 <= last:
        assert found is None or number + 5 == last, (key, last)
        return
    assert found is not None, (key, last)
    assert found.payload == key * (number % 400 if number % 7 == 3 else 1 + number % 400)
