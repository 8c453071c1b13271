"""Something happens to a store of files that a cache uses: no hang, no wrong value, no end of the application."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from omnicache import Cache, CacheBackendError, CacheTimeoutError, FileSystemBackend, InvalidKeyError, TieredBackend
from omnicache._omnicache import FileStore
from tests.far.processes import run
from tests.tiers.workers import working

NOW = 1_700_000_000.0
KINDS = ["tiered", "filesystem"]


def backend(kind: str, directory: Path):
    far = FileSystemBackend(directory)
    return TieredBackend(far=far) if kind == "tiered" else far


def data_file(directory: Path) -> Path:
    (found,) = directory.rglob("data-*.mdb")
    return found


def stop_in_transaction(child: "subprocess.Popen[str]", directory: Path) -> None:
    """Stops a process that writes all the time in a moment in which it has its turn."""
    probe = FileStore(directory, timeout=0.05)
    deadline = time.monotonic() + 30
    while True:
        os.kill(child.pid, signal.SIGSTOP)
        try:
            probe.set(b"probe", b"", NOW)
        except CacheTimeoutError:
            break
        assert time.monotonic() < deadline
        os.kill(child.pid, signal.SIGCONT)
        time.sleep(0.003)
    probe.close()


WRITER = """
store = FileStore(directory)
say("ready")
payload = bytes(3_000_000)
while True:
    store.set(b"large", payload, 1000.0)
"""


def test_a_stopped_writer_stops_nobody_for_longer_than_the_limit(tmp_path: Path):
    from tests.far.processes import heard, running

    store = FileStore(tmp_path / "cache", timeout=0.3)
    store.set(b"k", b"v", NOW)
    with running(WRITER, tmp_path / "cache") as child:
        assert heard(child) == "ready"
        stop_in_transaction(child, tmp_path / "cache")
        begin = time.monotonic()
        with pytest.raises(CacheTimeoutError, match="another process has been writing for 300ms"):
            store.set(b"k", b"new", NOW)
        assert 0.2 < time.monotonic() - begin < 5
        assert store.get(b"k", NOW).payload == b"v", "no reader waits"
        os.kill(child.pid, signal.SIGCONT)
        until = time.monotonic() + 20
        while True:
            try:
                store.set(b"k", b"new", NOW)
                break
            except CacheTimeoutError:
                assert time.monotonic() < until
        os.kill(child.pid, signal.SIGSTOP)
        child.kill()
        child.wait(20)
        store.set(b"k", b"newer", NOW)
    store.close()


@pytest.mark.parametrize("durability", ["process", "system"])
def test_threads_behind_a_stopped_writer_give_up_together(tmp_path: Path, durability: str):
    from tests.far.processes import heard, running

    store = FileStore(tmp_path / "cache", timeout=0.3, durability=durability)
    store.set(b"k", b"v", NOW)
    script = WRITER.replace("FileStore(directory)", f"FileStore(directory, durability={durability!r})")
    with running(script, tmp_path / "cache") as child:
        assert heard(child) == "ready"
        stop_in_transaction_of(child, store)
        outcomes = []

        def write(number: int) -> None:
            try:
                store.set(f"t{number}".encode(), b"", NOW)
            except CacheTimeoutError:
                outcomes.append(number)

        begin = time.monotonic()
        threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(outcomes) == list(range(12))
        assert time.monotonic() - begin < 3, "not one after the other"
        os.kill(child.pid, signal.SIGCONT)
    assert [number for number in range(12) if store.get(f"t{number}".encode(), NOW)] == []
    store.close()


def stop_in_transaction_of(child: "subprocess.Popen[str]", store: FileStore) -> None:
    """As `stop_in_transaction`, where the process has the directory open in a way of its own."""
    deadline = time.monotonic() + 30
    while True:
        os.kill(child.pid, signal.SIGSTOP)
        try:
            store.set(b"probe", b"", NOW)
        except CacheTimeoutError:
            return
        assert time.monotonic() < deadline
        os.kill(child.pid, signal.SIGCONT)
        time.sleep(0.003)


def test_a_cache_behind_a_stopped_writer_degrades(tmp_path: Path):
    """The whole of it: reads are served, loads are done, nothing hangs."""
    from tests.far.processes import heard, running

    directory = tmp_path / "default" / "stopped"
    with Cache("stopped", backend=TieredBackend(far=FileSystemBackend(tmp_path, timeout="200ms"))) as cache:
        cache["k"] = 1
        cache["far"] = 2
        with running(WRITER, directory) as child:
            assert heard(child) == "ready"
            stop_in_transaction_of(child, cache._port.primary.store)
            begin = time.monotonic()
            assert cache["k"] == 1
            cache._near.clear()
            assert cache["far"] == 2
            cache["k"] = 3
            assert cache.get("k") is None, "neither the old value nor one that is not there"
            assert cache.get_or_set("l", lambda: 4) == 4
            cache.delete("far")
            assert time.monotonic() - begin < 8
            assert cache.status == "degraded"
            os.kill(child.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_are_damaged_while_they_are_used(tmp_path: Path, kind: str):
    """Bytes flipped where records lie, their headers among them. (Damaged pages of LMDB's own may end the process.)"""
    script = """
import glob, random
from omnicache import Cache, FileSystemBackend, TieredBackend
far = FileSystemBackend(directory)
backend = TieredBackend(far=far) if sys.argv[2] == "tiered" else far
import logging
logging.disable()
cache = Cache("damaged", backend=backend, compression=None)
for number in range(300):
    cache[f"k{number}"] = f"k{number}" * 100
chance = random.Random(sys.argv[3])
damaged = 0
for turn in range(5):
    cache._near.clear()
    for name in glob.glob(directory + "/**/data-*.mdb", recursive=True):
        with open(name, "r+b") as file:
            data = file.read()
            for _ in range(60):
                key = f"k{chance.randrange(300)}"
                at = data.find((key * 100).encode())
                if at > 0:
                    # The payload begins with a mark of three bytes; before it stands the header, of 40 bytes or more.
                    file.seek(at - 40 + chance.randrange(40 + 100 * len(key)))
                    file.write(chance.randbytes(1))
    for number in range(300):
        key = f"k{number}"
        value = cache.get(key)
        assert value in {None, key * 100}, (key, value[:50])
        damaged += value is None
        cache[key] = key * 100
assert damaged > 20, damaged
for turn in range(2):
    cache.delete_many(pattern="k1*")
    list(cache)
cache._near.clear()
cache["fine"] = 1
cache._near.clear()
say(cache.get("fine"), cache.get_or_set("loaded", lambda: 5))
"""
    for seed in range(6):
        said = run(script, tmp_path / str(seed), kind, seed).split()
        assert said[1] == "5"


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_is_deleted_underneath(tmp_path: Path, kind: str):
    with Cache("deleted", backend=backend(kind, tmp_path / "far")) as cache:
        cache["k"] = 1
        for _ in range(3):
            shutil.rmtree(tmp_path / "far")
            cache["l"] = 2
            assert cache["l"] == 2
            cache._near.clear()
            assert cache["l"] == 2
            assert cache.get_or_set("m", lambda: 3) == 3
        assert cache.status == "active"


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may do everything")
@pytest.mark.parametrize("kind", KINDS)
def test_permissions_that_are_taken_away(tmp_path: Path, kind: str):
    script = """
import logging
logging.disable()
from omnicache import Cache, FileSystemBackend, TieredBackend
far = FileSystemBackend(directory)
cache = Cache("locked", backend=TieredBackend(far=far) if sys.argv[2] == "tiered" else far)
cache["k"] = 1
place = far.directory / "default" / "locked"
for path in [*place.iterdir(), place]:
    path.chmod(0)
say(cache.get("k") in {1, None}, cache.get_or_set("l", lambda: 2))
time.sleep(1.01)  # the wall clock: for a second it is not looked whether the file is where it was
cache["m"] = 3
say(cache.get("k") in {1, None}, cache.get("m") in {3, None}, cache.get_or_set("n", lambda: 4))
cache.delete("k")
say(cache.get("k"))
place.chmod(0o700)
for path in place.iterdir():
    path.chmod(0o600)
cache.close()
"""
    from tests.far.processes import BEGIN

    # Root may do everything, unless it gives that up before the interpreter starts.
    powers = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*powers, sys.executable, "-c", BEGIN + script, str(tmp_path / "far"), kind]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[:3] == ["True 2", "True True 4", "None"]


def test_a_full_disk(tmp_path: Path):
    """A limit on the size of files is what a test can set without being root."""
    script = """
import logging, resource
logging.disable()
from omnicache import Cache, FileSystemBackend, TieredBackend
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = Cache("full", backend=TieredBackend(far=FileSystemBackend(directory)), compression=None)
refused = 0
for number in range(400):
    key = f"k{number}"
    cache[key] = key * 5000
    value = cache.get(key)
    assert value in {None, key * 5000}
    refused += value is None
assert refused > 100, refused
cache.clear()
say(cache.get_or_set("loaded", lambda: 5))
"""
    assert run(script, tmp_path).split() == ["5"]


def test_a_key_that_is_too_large_is_no_failure_of_the_store(tmp_path: Path):
    with Cache("large", backend=FileSystemBackend(tmp_path)) as cache:
        for _ in range(5):
            with pytest.raises(InvalidKeyError, match="at most 1048576"):
                cache["k" * 1_100_000] = 1
        assert cache.status == "active"


def test_raising_is_an_answer_too(tmp_path: Path):
    with Cache("raising", backend=FileSystemBackend(tmp_path), on_error="raise") as cache:
        cache["k"] = 1
        cache._port.primary.store.close()
        with pytest.raises(CacheBackendError, match="the store is closed"):
            cache.get("k")


def test_workers_go_on_while_one_of_them_is_stopped_and_killed(tmp_path: Path):
    with working(tmp_path, 3) as (one, two, three):
        one("cache.set('k', 1)")
        one.tell("[cache.set(f'k{n % 10}', n) for n in range(1_000_000)] and None")
        time.sleep(0.05)
        os.kill(one.child.pid, signal.SIGSTOP)
        begin = time.monotonic()
        assert two("cache.get('k') in {1, None}")
        assert three("cache.get_or_set('l', lambda: 5)") == 5
        os.kill(one.child.pid, signal.SIGKILL)
        one.child.wait(20)
        assert time.monotonic() - begin < 15
        until = time.monotonic() + 30
        while two("cache.set('m', 6) or cache.get('m')") != 6:
            assert time.monotonic() < until
