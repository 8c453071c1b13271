"""Fork, close during use, many caches, and the end of the interpreter."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from omnicache import Cache, CacheClosedError, get_cache, list_caches
from tests.support import in_child

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_fork(work):
    """Runs `work` in a forked child; whether it returned truth."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            signal.alarm(15)  # the inherited watchdog of faulthandler is a thread that is not here
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@FORKS
@in_child
def test_a_forked_child_uses_the_inherited_cache():
    cache = Cache("inherited", max_size=100, default_ttl=60)
    cache.set("a", 1, tags=["x"])

    def work():
        assert get_cache("inherited") is cache
        assert cache["a"] == 1
        cache["b"] = 2
        assert cache.get_or_set("c", lambda: 3) == 3
        cache.invalidate(tags=["x"])
        assert "a" not in cache
        with Cache("new") as new:
            new["a"] = 1
        cache._validate()
        cache.close()
        return True

    for _ in range(5):
        assert in_fork(work)
    assert cache["a"] == 1
    assert "b" not in cache


@FORKS
@in_child(timeout=60)
def test_a_fork_while_threads_use_the_cache():
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    cache, stop = Cache("busy", max_size=50), threading.Event()
    cache.on("error", lambda event: None)
    import logging

    logging.disable(logging.CRITICAL)

    def work(seed):
        turn = 0
        while not stop.is_set():
            turn += 1
            cache[turn * seed % 70] = turn
            cache.get(turn % 70)
            with contextlib.suppress(ZeroDivisionError):
                cache.get_or_set(("load", turn), lambda turn=turn: 1 // (turn % 2))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 7)]
    for thread in threads:
        thread.start()

    def child():
        for number in range(50):
            cache[number] = number
            assert cache.get_or_set(("child", number), lambda: 5) == 5
            with contextlib.suppress(ZeroDivisionError):
                cache.get_or_set(("fails", number), lambda: 1 // 0)
        cache._validate()
        return len(cache) == 50

    try:
        assert all(in_fork(child) for _ in range(20))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@FORKS
@in_child
def test_a_fork_during_a_load_leaves_the_child_free_to_load():
    cache, gate, running = Cache("loading"), threading.Event(), threading.Event()

    def slow():
        running.set()
        gate.wait(20)
        return "parent"

    thread = threading.Thread(target=lambda: cache.get_or_set("a", slow))
    thread.start()
    running.wait(10)
    assert in_fork(lambda: cache.get_or_set("a", lambda: "child") == "child")
    gate.set()
    thread.join()
    assert cache["a"] == "parent"


@in_child
def test_a_cache_is_closed_while_threads_use_it():
    for _ in range(20):
        cache, start, other = Cache("closing", max_size=50), threading.Barrier(5), []

        def work(cache=cache, start=start, other=other):
            start.wait()
            try:
                for turn in range(100_000):
                    cache[turn % 70] = turn
                    cache.get(turn % 70)
                    cache.get_or_set(("load", turn % 70), lambda turn=turn: turn)
                    if turn % 10 == 0:
                        cache.items()
            except CacheClosedError:
                return
            except BaseException as error:
                other.append(error)
            else:
                other.append("never told")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        start.wait()
        threading.Event().wait(0.005)
        cache.close()
        for thread in threads:
            thread.join()
        assert other == []
        cache._validate()


@in_child
def test_very_many_caches():
    caches = [Cache(f"cache-{number}", max_size=5) for number in range(3_000)]
    for number, cache in enumerate(caches):
        cache["a"] = number
    assert sum(cache["a"] for cache in caches) == sum(range(3_000))
    assert len(list_caches()) == 3_000
    del caches, cache
    assert list_caches() == []


@pytest.mark.parametrize(
    "script",
    [
        "cache['a'] = object()",
        "cache['self'] = cache",
        "import builtins; builtins.kept = cache; cache['a'] = 1",
        "cache.on('delete', print); cache['a'] = 1",
        "class V:\n    def __del__(self): cache.get('a')\ncache['a'] = V()",
        "cache.set_strategy(omnicache.TTLStrategy(cleanup_interval=0.01)); cache.set('a', 1, 0.02)",
        (
            "import threading; t = threading.Thread(target=lambda: cache.get_or_set('a', threading.Event().wait), "
            "daemon=True); t.start()"
        ),
        "import asyncio; asyncio.run(cache.aget_or_set('a', 1))",
    ],
)
def test_the_interpreter_ends_quietly(script):
    code = f"import omnicache\ncache = omnicache.Cache('ending', max_size=5)\n{script}\n"
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


@FORKS
@in_child(timeout=60)
def test_a_child_has_many_threads_of_its_own_where_its_parent_had_some_that_waited():
    """What waits in the parent must not stand in a table that the child walks over when its own threads wait."""
    cache, gate = Cache("waiting"), threading.Event()

    def asking(keys, loader):
        threads = [threading.Thread(target=cache.get_or_set, args=(key, loader), daemon=True) for key in keys]
        for thread in threads:
            thread.start()
        return threads

    waiting = asking(["cold"] * 30, lambda: gate.wait(50) or 1)
    while sum(flight.wanting for flight in cache._flights.running()) < 29:
        gate.wait(0.001)

    def work():
        mine = threading.Event()
        threads = asking([f"mine-{number % 5}" for number in range(200)], lambda: mine.wait(0.05) or 1)
        for thread in threads:
            thread.join(10)
        return not any(thread.is_alive() for thread in threads)

    for _ in range(5):
        assert in_fork(work)
    gate.set()
    for thread in waiting:
        thread.join(10)
