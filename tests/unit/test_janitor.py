"""The janitor: sweeps what it watches, holds nothing, survives errors and forks, and never keeps a process alive."""

import gc
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from omnicache._janitor import Janitor

SOON = 0.01
PATIENCE = 10.0


class Counting:
    def __init__(self) -> None:
        self.sweeps = 0

    def purge_expired(self) -> int:
        self.sweeps += 1
        return 0


class Failing(Counting):
    def purge_expired(self) -> int:
        super().purge_expired()
        raise ZeroDivisionError


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


@pytest.fixture
def janitor() -> Iterator[Janitor]:
    janitor = Janitor()
    yield janitor
    janitor.stop()


def test_each_cache_is_swept_at_its_own_interval_by_one_thread(janitor: Janitor):
    before = threading.active_count()
    assert not janitor.running
    often, seldom = Counting(), Counting()
    janitor.watch(seldom, 3600)
    janitor.watch(often, SOON)
    assert threading.active_count() == before + 1
    assert eventually(lambda: often.sweeps >= 3)
    assert seldom.sweeps == 0
    janitor.watch(seldom, SOON)
    assert eventually(lambda: seldom.sweeps >= 1)


def test_the_thread_ends_with_the_last_cache_and_comes_back(janitor: Janitor):
    cache = Counting()
    janitor.watch(cache, 3600)
    assert janitor.running
    janitor.unwatch(cache)
    janitor.unwatch(cache)
    assert eventually(lambda: not janitor.running)
    janitor.watch(cache, SOON)
    assert eventually(lambda: cache.sweeps >= 1)


def test_a_collected_cache_is_forgotten_at_once(janitor: Janitor):
    cache = Counting()
    cache.me = cache  # type: ignore[attr-defined]
    gone = weakref.ref(cache)
    janitor.watch(cache, 3600)
    del cache
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not janitor.running)


def test_a_failing_cache_is_reported_once_and_the_others_go_on(janitor: Janitor, caplog: pytest.LogCaptureFixture):
    failing, fine = Failing(), Counting()
    with caplog.at_level(logging.ERROR, "omnicache"):
        janitor.watch(failing, SOON)
        janitor.watch(fine, SOON)
        assert eventually(lambda: failing.sweeps >= 3 and fine.sweeps >= 3)
    assert len(caplog.records) == 1


def test_a_cache_may_unwatch_itself_while_it_is_swept(janitor: Janitor):
    class Closing(Counting):
        def purge_expired(self) -> int:
            janitor.unwatch(self)
            return super().purge_expired()

    cache = Closing()
    janitor.watch(cache, SOON)
    assert eventually(lambda: cache.sweeps == 1 and not janitor.running)


def test_a_finalizer_may_unwatch_while_the_lock_is_held(janitor: Janitor):
    class Closing(Counting):
        def __del__(self) -> None:
            janitor.unwatch(self)

    cache, other = Closing(), Counting()
    cache.me = cache  # type: ignore[attr-defined]
    janitor.watch(cache, 3600)
    janitor.watch(other, 3600)
    del cache
    with janitor._changed:
        gc.collect()
    assert janitor.running
    assert len(janitor._watches) == 1


def test_no_thread_to_be_had_is_logged_and_no_error(
    janitor: Janitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    cache = Counting()
    janitor.watch(cache, SOON)
    assert "can't start new thread" in caplog.text
    monkeypatch.undo()
    janitor.watch(cache, SOON)
    assert eventually(lambda: cache.sweeps >= 1)


def child(code: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout.strip()


CACHE = """
import os, sys, time
from omnicache import _janitor

class Cache:
    sweeps = 0
    def purge_expired(self):
        self.sweeps += 1
        time.sleep(pause)

pause = 0
cache = Cache()
"""


def test_the_end_of_the_process_does_not_wait():
    started = time.monotonic()
    code = CACHE + "pause = 60\n_janitor.watch(cache, 0.01)\ntime.sleep(0.1)\nprint('done')"
    assert child(code) == "done"
    assert time.monotonic() - started < 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sweeps_by_itself():
    code = (
        CACHE
        + """
_janitor.watch(cache, 0.01)
while not cache.sweeps: time.sleep(0.001)
if (pid := os.fork()) == 0:
    before, end = cache.sweeps, time.monotonic() + 10
    while cache.sweeps == before and time.monotonic() < end: time.sleep(0.001)
    os._exit(cache.sweeps == before)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    )
    assert child(code) == "0"
