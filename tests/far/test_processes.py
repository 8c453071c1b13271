"""Several processes and one directory: nothing that was acknowledged is lost, and no value is ever a wrong one."""

import multiprocessing
import os
import signal
import sys
import threading
import time

import pytest

from omnicache._omnicache import FarTerms, FileStore
from tests.far.processes import heard, killed, run, running
from tests.support import in_child

NOW = 1_700_000_000.0

# Writes numbers in order, each value made of its key, and says which are written.
WRITER = """
store = FileStore(directory, durability=sys.argv[3], max_bytes=None)
name, number = sys.argv[2], 0
say("ready")
while True:
    key = f"{name}-{number}".encode()
    store.set(key, key * (1 + number % 300), 1000.0)
    say(number)
    number += 1
"""


def assert_is_right(store: FileStore, key: bytes) -> None:
    """The value under `key` is the one that belongs there."""
    number = int(key.rpartition(b"-")[2])
    assert store.get(key, NOW).payload == key * (1 + number % 300), key


@pytest.mark.parametrize("durability", ["process", "system"])
def test_a_writer_that_is_killed_loses_nothing_it_has_acknowledged(open_store, durability: str):
    store = open_store(durability=durability)
    for turn in range(10):
        with running(WRITER, store.directory, turn, durability) as child:
            assert (heard(child), heard(child)) == ("ready", "0")
            time.sleep(0.0031 * turn)  # not a wait for anything: the moment of death is to differ
            acknowledged = int((["0", *killed(child)])[-1])
        for number in range(acknowledged + 1):
            assert_is_right(store, f"{turn}-{number}".encode())
        assert store.check(NOW) == []
    assert store.set_aside is None


def test_many_processes_at_once(open_store):
    store = open_store()
    script = """
store = FileStore(directory)
me = sys.argv[2]
for turn in range(300):
    store.set(f"{me}-{turn}".encode(), b"x" * turn * 10, 1000.0)
    while True:
        found = store.get(b"counter", 1000.0)
        number = int(found.payload) if found else 0
        mode = {"version": found.version} if found else {"mode": "add"}
        if store.set(b"counter", b"%d" % (number + 1), 1000.0, **mode):
            break
store.close()
"""
    names = "abcd"
    children = [threading.Thread(target=run, args=(script, store.directory, name)) for name in names]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert store.get(b"counter", NOW).payload == b"1200"
    assert all(store.get(f"{name}-{turn}".encode(), NOW).size == turn * 10 for name in names for turn in range(300))
    assert store.check(NOW) == []


def test_two_processes_evict_at_once(open_store):
    store = open_store(max_bytes=300_000)
    script = """
store = FileStore(directory, max_bytes=300_000)
for turn in range(1500):
    store.set(f"{sys.argv[2]}-{turn}".encode(), bytes(turn * 7 % 5000), 1000.0)
    store.get(f"{sys.argv[2]}-{turn // 2}".encode(), 1000.0)
"""
    children = [threading.Thread(target=run, args=(script, store.directory, name)) for name in "ab"]
    for child in children:
        child.start()
    while any(child.is_alive() for child in children):
        assert store.stats(NOW)["bytes"] <= 300_000
    assert store.check(NOW) == []
    assert store.stats(NOW)["evictions"] > 1000


def test_a_write_is_seen_by_others_at_once(open_store):
    store = open_store()
    script = """
store = FileStore(directory)
since = store.position()
say("ready")
while (at := store.position()) == since:
    pass
say(store.get(b"k", 1000.0).payload, *store.changes(since, 1000.0)[1:])
"""
    with running(script, store.directory) as child:
        assert heard(child) == "ready"
        store.set(b"k", b"v", NOW, FarTerms(tags=["t"]))
        assert heard(child) == "b'v' [b'k'] []"


def test_a_map_that_another_process_has_grown_is_adopted(open_store):
    store = open_store(map_bytes=1 << 20)
    script = """
store = FileStore(directory)
for number in range(40):
    store.set(b"large-%d" % number, b"%d" % number * 100_000, 1000.0)
say(store.stats(1000.0)["map_bytes"])
"""
    assert store.stats(NOW)["map_bytes"] == 1 << 20
    grown = int(run(script, store.directory))
    assert grown > 4 << 20
    assert all(store.get(b"large-%d" % number, NOW).payload == b"%d" % number * 100_000 for number in range(40))
    store.set(b"mine", bytes(100_000), NOW)
    assert store.stats(NOW)["map_bytes"] == grown
    assert store.check(NOW) == []


def test_a_file_that_another_process_has_compacted_is_followed(open_store):
    store = open_store()
    store.set(b"before", b"1", NOW)
    script = """
store = FileStore(directory)
store.compact()
store.set(b"after", b"1", 1000.0)
"""
    for _ in range(3):
        store.delete(b"after", NOW)
        run(script, store.directory)
        assert store.get(b"after", NOW) is not None
        store.set(b"mine", b"1", NOW)
        assert run("say(FileStore(directory).get(b'mine', 1000.0).payload)", store.directory) == "b'1'\n"
    assert len(list(store.directory.glob("data-*.mdb"))) == 1
    assert store.check(NOW) == []


def test_processes_that_write_while_another_compacts_lose_nothing(open_store):
    store = open_store()
    with running(WRITER, store.directory, "w", "process") as child:
        assert heard(child) == "ready"
        written = ""
        for _ in range(20):
            store.compact()
            written = heard(child)
        written = int([written, *killed(child)][-1])
    for number in range(written + 1):
        assert_is_right(store, f"w-{number}".encode())
    assert store.check(NOW) == []


def test_a_dead_owner_has_no_lease(open_store):
    store = open_store()
    script = """
store = FileStore(directory)
say(store.lease(b"k", None, 1000.0, number=1).acquired)
sys.stdin.readline()
"""
    with running(script, store.directory) as child:
        assert heard(child) == "True"
        held = store.lease(b"k", None, NOW)
        assert (held.acquired, held.pid) == (False, child.pid)
        child.kill()
        child.wait(timeout=10)
        assert store.lease(b"k", None, NOW).acquired


def test_one_of_many_processes_loads(open_store):
    store = open_store()
    script = """
store = FileStore(directory)
while True:
    seen = store.position()
    if found := store.get(b"k", 1000.0):
        break
    if (lease := store.lease(b"k", None, 1000.0)).acquired:
        found = store.get(b"k", 1000.0)
        if found is None:
            say("loads")
            store.set(b"k", b"v", 1000.0, token=lease.token)
        else:
            store.release(b"k", lease.token, 1000.0)
    else:
        while store.position() == seen:
            pass
"""
    said: list[str] = []
    children = [threading.Thread(target=lambda: said.append(run(script, store.directory))) for _ in range(5)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert "".join(said) == "loads\n"


FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def forked(work) -> bool:
    """Whether `work` returned truth in a child after a fork."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            signal.alarm(20)
            code = 0 if work() else 1
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@FORKS
@in_child
def test_a_forked_child_goes_on_using_the_store():
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        store = FileStore(directory, map_bytes=1 << 20)
        store.set(b"a", b"1", NOW)

        def grandchild() -> bool:
            store.set(b"c", b"3", NOW)
            return store.get(b"b", NOW).payload == b"2"

        def work() -> bool:
            assert store.position() is None, "the parent's file is not this process's"
            assert store.get(b"a", NOW).payload == b"1"
            assert store.changes(store.position(), NOW) == (store.position(), [], [])
            store.set(b"b", b"2", NOW)
            assert forked(grandchild)
            store.set(b"large", bytes(3 << 20), NOW)
            with_another = FileStore(directory)
            assert with_another.get(b"b", NOW) is not None
            with_another.close()
            assert store.check(NOW) == []
            store.compact()
            store.close()
            return True

        for _ in range(5):
            assert forked(work)
            assert store.get(b"c", NOW).payload == b"3"
            store.set(b"a", b"1", NOW)
            assert store.check(NOW) == []
        assert not list(store.directory.glob("alias-*"))
        store.close()
        assert "clean 1" in (store.directory / "state").read_text()


@FORKS
@in_child(timeout=50)
def test_a_fork_while_threads_use_the_store():
    import tempfile
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    with tempfile.TemporaryDirectory() as directory:
        store, stop = FileStore(directory, max_bytes=100_000), threading.Event()

        def work(seed: int) -> None:
            turn = 0
            while not stop.is_set():
                turn += 1
                store.set(b"%d" % (turn * seed % 70), bytes(turn % 5000), NOW)
                store.get(b"%d" % (turn % 70), NOW)
                FileStore(f"{directory}/{seed}").close()

        def child() -> bool:
            for number in range(20):
                store.set(b"%d" % number, b"x", NOW)
                store.get(b"%d" % number, NOW)
            return store.check(NOW) == []

        threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 7)]
        for thread in threads:
            thread.start()
        try:
            assert all(forked(child) for _ in range(20))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert store.check(NOW) == []
        store.close()


def in_a_process(directory: str, number: int) -> None:
    """What a process of `multiprocessing` does."""
    store = FileStore(directory)
    for turn in range(100):
        store.set(b"%d-%d" % (number, turn), b"x", NOW)
    store.close()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(open_store, method: str):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    store = open_store()
    context = multiprocessing.get_context(method)
    children = [context.Process(target=in_a_process, args=(str(store.directory), number)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(40)
        assert child.exitcode == 0
    assert store.count(NOW) == 300
    assert store.check(NOW) == []


@in_child
def test_threads_share_the_store():
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        store, errors = FileStore(directory, map_bytes=1 << 20), []

        def work(seed: int) -> None:
            try:
                for turn in range(300):
                    key = b"%d-%d" % (seed, turn)
                    store.set(key, key * turn, NOW)
                    assert store.get(key, NOW).payload == key * turn
                    store.get_many([b"%d-%d" % (other, turn) for other in range(4)], NOW)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            store.compact()
            opened = FileStore(directory)
            del opened
        for thread in threads:
            thread.join()
        assert errors == []
        assert store.check(NOW) == []
        assert store.count(NOW) == 1200
        store.close()
