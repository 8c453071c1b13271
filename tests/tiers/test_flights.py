"""One load per key among all processes, whatever becomes of the one that loads."""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from omnicache import Backend, Cache, FileSystemBackend, RedisBackend
from tests.servers.shared import single
from tests.support import in_child
from tests.tiers.workers import Worker, working

# A loader that leaves a mark when it begins, and ends when it may.
LOADER = """
def load(name, value):
    def loader():
        with open(marks + "/" + name, "a") as file:
            file.write(f"{os.getpid()}\\n")
        deadline = time.monotonic() + 30
        while not os.path.exists(marks + "/go-" + name) and time.monotonic() < deadline:
            time.sleep(0.001)
        return value
    return loader
"""


def runs(directory: Path, name: str = "a") -> list[int]:
    """The processes whose loaders have begun."""
    path = directory / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def until(condition, seconds: float = 20.0) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def go(directory: Path, name: str = "a") -> None:
    """Lets the loaders end."""
    (directory / f"go-{name}").touch()


_NUMBERS = itertools.count()
KINDS = ["tiered", "redis", "tiered-redis"]
Loading = Callable[[int], AbstractContextManager[list[Worker]]]


@pytest.fixture(params=KINDS)
def loading(request: pytest.FixtureRequest, tmp_path: Path) -> Loading:
    """Starts so many workers that know the loader, and have one cache."""
    kind = request.param.removesuffix("-redis")
    place = single().url if "redis" in request.param else tmp_path
    name = f"flights-{os.getpid()}-{next(_NUMBERS)}"
    return lambda count: knowing(tmp_path, working(place, count, kind, name=name))


@contextlib.contextmanager
def knowing(marks: Path, working: AbstractContextManager[list[Worker]]) -> Iterator[list[Worker]]:
    """Workers that know the loader, which leaves its marks in that directory."""
    with working as workers:
        for worker in workers:
            worker(f"marks = {str(marks)!r}" + LOADER)
        yield workers


@pytest.mark.parametrize("loading", [*KINDS, "filesystem"], indirect=True)
def test_many_processes_ask_for_one_cold_key(tmp_path: Path, loading: Loading):
    with loading(6) as workers:
        for number, worker in enumerate(workers):
            worker.tell(f"cache.get_or_set('cold', load('a', {number}))")
        until(lambda: runs(tmp_path))
        go(tmp_path)
        assert len({worker.answer() for worker in workers}) == 1
        assert len(runs(tmp_path)) == 1
        assert sum(worker("cache.stats().load_count") for worker in workers) == 1


@pytest.mark.parametrize("loading", ["tiered"], indirect=True)  # a server waits until a lease ends
def test_a_holder_that_is_killed_is_followed_at_once(tmp_path: Path, loading: Loading):
    with loading(4) as workers:
        for worker in workers:
            worker.tell("cache.get_or_set('cold', load('a', os.getpid()))")
        until(lambda: runs(tmp_path))
        (holder,) = runs(tmp_path)
        os.kill(holder, signal.SIGKILL)
        begin = time.monotonic()
        until(lambda: len(runs(tmp_path)) == 2)
        assert time.monotonic() - begin < 5, "not only at the deadline of the lease"
        go(tmp_path)
        left = [worker for worker in workers if worker.child.pid != holder]
        assert {worker.answer() for worker in left} == {runs(tmp_path)[1]}


@pytest.mark.parametrize(
    "how", ["cache.delete('k')", "cache.invalidate(['k'], hard=True)", "cache.invalidate(tags=['t'])"]
)
def test_what_another_process_invalidates_during_a_load_is_returned_but_not_stored(
    tmp_path: Path, loading: Loading, how: str
):
    with loading(2) as (one, other):
        one.tell("cache.get_or_set('k', load('a', 'old'), tags=['t'])")
        until(lambda: runs(tmp_path))
        other(how)
        go(tmp_path)
        assert one.answer() == "old"
        assert [worker("cache.get('k')") for worker in (one, other)] == [None, None]


def test_what_another_process_writes_during_a_load_stays(tmp_path: Path, loading: Loading):
    with loading(2) as (one, other):
        one.tell("cache.get_or_set('k', load('a', 'loaded'))")
        until(lambda: runs(tmp_path))
        other("cache.set('k', 'written')")
        go(tmp_path)
        assert one.answer() == "loaded"
        assert [worker("cache.get('k')") for worker in (one, other)] == ["written", "written"]


@pytest.mark.parametrize("loading", ["tiered"], indirect=True)  # others are not told what nobody has stored yet
def test_who_asks_after_an_invalidation_elsewhere_does_not_get_the_older_load(tmp_path: Path, loading: Loading):
    with loading(2) as (one, other):
        one("thread = threading.Thread(target=cache.get_or_set, args=('k', load('a', 'old')))\nthread.start()")
        until(lambda: runs(tmp_path))
        other("cache.delete('k')")
        one.tell("cache.get_or_set('k', lambda: 'new')")
        go(tmp_path)
        assert one.answer() == "new"
        assert other("cache.get('k')") == "new"


def test_a_loader_that_raises_lets_the_next_process_try(tmp_path: Path, loading: Loading):
    with loading(2) as (one, other):
        one("def broken():\n    load('a', 0)()\n    raise ValueError('no')")
        one.tell("cache.get_or_set('k', broken)")
        until(lambda: runs(tmp_path))
        other.tell("cache.get_or_set('k', lambda: 'fine')")
        go(tmp_path)
        assert one.answer()["error"] == "ValueError"
        assert other.answer() == "fine"


def test_tasks_of_many_processes(tmp_path: Path, loading: Loading):
    script = """
import asyncio
async def ask(number):
    async def loader():
        return await asyncio.to_thread(load('a', number))
    return await asyncio.gather(*(cache.aget_or_set('cold', loader) for _ in range(20)))
"""
    with loading(4) as workers:
        for number, worker in enumerate(workers):
            worker(script)
            worker.tell(f"sorted(set(asyncio.run(ask({number}))))")
        until(lambda: runs(tmp_path))
        go(tmp_path)
        answers = [worker.answer() for worker in workers]
        assert len({answer for (answer,) in answers}) == 1
        assert len(runs(tmp_path)) == 1


def test_a_refresh_in_the_background_runs_in_one_process(tmp_path: Path, loading: Loading):
    with loading(3) as workers:
        ask = "cache.get_or_set('k', load('a', 'new'), ttl=60, stale=60)"
        workers[0]("cache.set('k', 'old', ttl=0.05, stale=60)")
        time.sleep(0.06)  # the wall clock of several processes
        assert [worker(ask) for worker in workers] == ["old"] * 3
        until(lambda: runs(tmp_path))
        assert [worker(ask) for worker in workers] == ["old"] * 3
        assert len(runs(tmp_path)) == 1
        go(tmp_path)
        until(lambda: [worker("cache.get('k')") for worker in workers] == ["new"] * 3)


@in_child
def test_a_stopped_holder_is_not_waited_for_longer_than_the_caller_wants():
    """A process that is stopped, not dead, keeps its lease; who has a limit gives up in time."""
    import tempfile

    from omnicache import CacheTimeoutError, FileSystemBackend

    with tempfile.TemporaryDirectory() as name, knowing(Path(name), working(name)) as (holder,):
        directory = Path(name)
        holder.tell("cache.get_or_set('k', load('a', 1))")
        until(lambda: runs(directory))
        os.kill(holder.child.pid, signal.SIGSTOP)
        with Cache("shared", backend=FileSystemBackend(directory)) as cache:
            begin = time.monotonic()
            with pytest.raises(CacheTimeoutError):
                cache.get_or_set("k", lambda: 2, timeout=0.3)
            assert time.monotonic() - begin < 3


def test_threads_and_processes_at_once(tmp_path: Path, loading: Loading):
    with loading(2) as workers:
        script = """
found = []
def ask():
    found.append(cache.get_or_set('cold', load('a', os.getpid())))
threads = [threading.Thread(target=ask) for _ in range(16)]
for thread in threads: thread.start()
"""
        for worker in workers:
            worker(script)
        until(lambda: runs(tmp_path))
        go(tmp_path)
        answers = [worker("([thread.join() for thread in threads], sorted(set(found)))[1]") for worker in workers]
        assert answers[0] == answers[1]
        assert len(answers[0]) == 1
        assert len(runs(tmp_path)) == 1


@pytest.mark.parametrize(
    "how",
    [
        "cache.delete_many(pattern='k*')",
        "cache.invalidate(pattern='k*')",
        "cache.clear(tags=['t'])",
        "cache.clear()",
    ],
)
@pytest.mark.parametrize("key", ["k", "k" * 600])
def test_what_is_meant_by_pattern_or_tag_may_still_be_loading_elsewhere(
    tmp_path: Path, loading: Loading, how: str, key: str
):
    with loading(2) as (one, other):
        one.tell(f"cache.get_or_set({key!r}, load('a', 'old'), tags=['t'])")
        until(lambda: runs(tmp_path))
        assert not isinstance(other(how), dict)
        go(tmp_path)
        assert one.answer() == "old"
        assert [worker(f"cache.get({key!r})") for worker in (one, other)] == [None, None]


@pytest.mark.parametrize("backend", [FileSystemBackend, lambda _: RedisBackend(single().url)], ids=["files", "redis"])
def test_two_loads_of_one_thread_have_no_lease_in_common(tmp_path: Path, backend: Callable[[Path], Backend]):
    with Cache("leases", backend=backend(tmp_path)) as cache:
        port, now = cache._port.primary, cache._wall()
        assert port.call("lease", b"k", now + 5, now).acquired
        assert not port.call("lease", b"k", now + 5, now).acquired
