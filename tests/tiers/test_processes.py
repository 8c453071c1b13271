"""Children and siblings: a cache that was made before a fork, and one that dies at any moment."""

import itertools
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omnicache import Cache, FileSystemBackend, TieredBackend, get_cache, list_caches
from tests.far.processes import heard, killed, running
from tests.support import ROOT, in_child


def forked(body) -> int:
    """Runs `body` in a child after a fork; how that ended."""
    child = os.fork()
    if child == 0:
        try:
            body()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@in_child
def test_a_fork_while_threads_load_write_and_wait():
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        tiers = TieredBackend(far=FileSystemBackend(directory), write="behind")
        cache = Cache("forked", backend=tiers)
        gate, stop = threading.Event(), threading.Event()

        def loader():
            gate.wait(20)
            return "parent"

        def write():
            number = 0
            while not stop.is_set():
                cache[f"w{number % 50}"] = number
                number += 1

        threads = [threading.Thread(target=cache.get_or_set, args=("cold", loader)) for _ in range(4)]
        threads += [threading.Thread(target=write)]
        for thread in threads:
            thread.start()
        while not cache._flights.running():
            time.sleep(0.001)

        def child():
            """Flights, threads, queue and handles of its own."""
            assert cache.get_or_set("other", lambda: "child") == "child"
            cache["from the child"] = 1
            assert cache["from the child"] == 1
            found = []
            ask = lambda: found.append(cache.get_or_set("mine", lambda: 7))  # noqa: E731
            mine = [threading.Thread(target=ask) for _ in range(8)]
            for thread in mine:
                thread.start()
            for thread in mine:
                thread.join(10)
            assert found == [7] * 8
            cache.close()

        for _ in range(5):
            assert forked(child) == 0
        gate.set()
        stop.set()
        for thread in threads:
            thread.join(10)
        assert cache["from the child"] == 1
        assert cache["other"] == "child"
        assert cache["cold"] == "parent"
        cache.close()


@in_child
def test_a_child_does_not_wait_for_its_parents_load():
    """The parent's thread that loads does not exist in the child; its lease does, until the parent is done."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        cache = Cache("forked", backend=TieredBackend(far=FileSystemBackend(directory)))
        gate = threading.Event()
        thread = threading.Thread(target=cache.get_or_set, args=("cold", lambda: gate.wait(20) and "parent"))
        thread.start()
        while not cache._flights.running():
            time.sleep(0.001)
        reader, writer = os.pipe()

        def child():
            os.write(writer, b"x")
            assert cache.get_or_set("cold", lambda: "child") == "parent"

        pid = os.fork()
        if pid == 0:
            try:
                child()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        os.read(reader, 1)
        gate.set()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        thread.join(10)
        cache.close()


def work(directory: str, number: int) -> tuple[int, int]:
    """What a process of a pool does: with the cache it inherited, or with its own."""
    inherited = "pooled" in [cache.name for cache in list_caches()]
    tiers = TieredBackend(far=FileSystemBackend(directory))
    cache = get_cache("pooled") if inherited else Cache("pooled", backend=tiers)
    cache[f"{os.getpid()}-{number}"] = number
    return os.getpid(), cache.get_or_set(f"loaded-{number % 5}", lambda: number)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(tmp_path: Path, method: str):
    with Cache("pooled", backend=TieredBackend(far=FileSystemBackend(tmp_path))) as cache:
        cache["before"] = 1
        context = multiprocessing.get_context(method)
        with context.Pool(3) as pool:
            found = pool.starmap(work, [(str(tmp_path), number) for number in range(60)])
        for number, (pid, loaded) in enumerate(found):
            assert cache[f"{pid}-{number}"] == number
            assert cache[f"loaded-{number % 5}"] == loaded
        assert len(cache) == 1 + 60 + 5


APPLICATION = """
import os
from omnicache import Cache, FileSystemBackend, TieredBackend
cache = Cache("site", backend=TieredBackend(far=FileSystemBackend(os.environ["DIRECTORY"])), default_ttl=60)
cache["made before the fork"] = os.getpid()
cache["k"] = 0
assert cache["k"] == 0
def load():
    with open(os.environ["DIRECTORY"] + "/runs", "a") as file:
        file.write("x")
    return "loaded"
def application(environ, start_response):
    path = environ["PATH_INFO"].strip("/").split("/")
    if path[0] == "set":
        cache["k"] = int(path[1])
    elif path[0] == "load":
        cache.get_or_set("cold", load)
    body = f"{os.getpid()} {cache['k']} {cache['made before the fork']}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]
"""


def test_gunicorn_with_preload(tmp_path: Path):
    (tmp_path / "site_app.py").write_text(APPLICATION)
    address = tmp_path / "port"
    config = tmp_path / "config.py"
    config.write_text(
        "def when_ready(server):\n"
        f"    open({str(address)!r} + '.new', 'w').write(str(server.LISTENERS[0].sock.getsockname()[1]))\n"
        f"    import os; os.rename({str(address)!r} + '.new', {str(address)!r})\n"
    )
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--threads", "2"]
    command = [*command, "--bind", "127.0.0.1:0", "--config", str(config), "--log-level", "warning"]
    environment = {**os.environ, "DIRECTORY": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([*command, "site_app:application"], cwd=tmp_path, env=environment) as server:
        try:
            until = time.monotonic() + 30
            while not address.exists():
                assert server.poll() is None
                assert time.monotonic() < until
                time.sleep(0.01)
            base = f"http://127.0.0.1:{address.read_text()}"

            def ask(path: str) -> list[int]:
                with urllib.request.urlopen(f"{base}/{path}", timeout=20) as answer:
                    return list(map(int, answer.read().split()))

            with ThreadPoolExecutor(6) as pool:
                list(pool.map(ask, ["load"] * 60))
                seen = set()
                for turn in range(1, 20):
                    ask(f"set/{turn}")
                    answers = list(pool.map(ask, ["get"] * 12))
                    assert {value for _, value, _ in answers} == {turn}
                    seen |= {pid for pid, _, _ in answers}
                    made = {pid for _, _, pid in answers}
            assert len(seen) > 1, "more than one worker answered"
            assert made == {server.pid}
            assert (tmp_path / "runs").read_text() == "x"
        finally:
            server.terminate()
            server.wait(timeout=20)


# Does what `steps` says, in order, and says which is done.
WRITER = """
sys.path.insert(0, sys.argv[3])
from omnicache import Cache, FileSystemBackend, TieredBackend
from tests.tiers.test_processes import steps
cache = Cache("killed", backend=TieredBackend(far=FileSystemBackend(directory)))
say("ready")
for number, (key, value) in enumerate(steps(int(sys.argv[2])), 1):
    if value is None:
        cache.delete(key)
    else:
        cache.set(key, value, tags=["t"])
    say(number)
"""


def steps(seed: int) -> Iterator[tuple[str, object]]:
    """Writes without end, and deletions, whose value is None."""
    chance = random.Random(seed)
    for number in itertools.count():
        key, size = f"k{chance.randrange(40)}", chance.choice([0, 10, 3000, 40_000])
        yield key, None if chance.random() < 0.25 else (key, number, "x" * size)


def test_a_process_that_is_killed_loses_nothing_it_has_acknowledged(tmp_path: Path):
    chance = random.Random(1)
    with Cache("killed", backend=TieredBackend(far=FileSystemBackend(tmp_path))) as cache:
        for turn in range(25):
            cache.clear()
            with running(WRITER, tmp_path, turn, ROOT) as child:
                assert (heard(child), heard(child)) == ("ready", "1")
                threading.Event().wait(0.04 * chance.random())  # no wait for anything: the moment of death is to differ
                done = int((["1", *killed(child)])[-1])
            expected: dict[str, object] = dict(itertools.islice(steps(turn), done))
            key, value = next(itertools.islice(steps(turn), done, None))
            # The step that it had not said to be done yet may have been done.
            allowed = [expected, {**expected, key: value}]
            present = [{key: value for key, value in state.items() if value is not None} for state in allowed]
            assert dict(cache.items()) in present
            found = {key: cache.get(key) for key in expected}
            assert found in [{key: state[key] for key in expected} for state in allowed]
        assert cache._port.primary.store.check(time.time()) == []
        assert cache._port.primary.store.set_aside is None
