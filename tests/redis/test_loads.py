"""One load among all processes: who waits is told, and whoever dies or hangs is followed."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omnicache import Cache, RedisBackend, TieredBackend
from tests.servers.server import Server, until
from tests.servers.shared import cluster, single
from tests.tiers.workers import working


@pytest.mark.parametrize("kind", ["far", "tiered"])
@pytest.mark.parametrize("where", ["single", "cluster"])
def test_one_loader_runs_among_many_processes(name: str, tmp_path: Path, kind: str, where: str):
    url = single().url if where == "single" else cluster().url
    code = ("cache.get_or_set('k', lambda: (open({path!r}, 'a').write('x'), time.sleep(0.3)) and os.getpid())").format(
        path=str(tmp_path / "runs")
    )
    with working(url, 4, kind, name=name) as workers:
        for worker in workers:
            worker("cache.get('warm')")
        for worker in workers:
            worker.tell(code)
        found = {worker.answer() for worker in workers}
    assert len(found) == 1
    assert (tmp_path / "runs").read_text() == "x"


def test_who_waits_is_told_and_asks_a_few_times(make: Callable[..., Cache], server: Server, name: str):
    cache = make(backend=RedisBackend(server.url))
    with working(server.url, 1, "far", name=name) as (worker,):
        worker("cache.get('warm')")
        begun, gate = threading.Event(), threading.Event()

        def loader() -> str:
            begun.set()
            gate.wait(20)
            return "loaded"

        thread = threading.Thread(target=cache.get_or_set, args=("k", loader))
        thread.start()
        assert begun.wait(20)
        worker.tell("(cache.get_or_set('k', lambda: 'mine'), time.time())")
        time.sleep(0.5)  # the other one waits by now; the less it asks meanwhile the better
        before = int(server.info("total_commands_processed"))
        time.sleep(0.5)
        asked = int(server.info("total_commands_processed")) - before
        gate.set()
        ended = time.time()
        value, at = worker.answer()
        thread.join(20)
    assert value == "loaded"
    assert asked < 15, "a look once a second, and signs of life"
    assert at - ended < 0.5, "it was told"


def test_a_process_that_dies_while_it_loads_is_followed(make: Callable[..., Cache], name: str):
    cache = make(backend=RedisBackend(single().url))
    with working(single().url, 1, "far", name=name) as (worker,):
        worker("cache.get('warm')")
        worker.tell("cache.get_or_set('k', lambda: time.sleep(60))")
        until_leased(cache, "k")
        worker.child.kill()
        start = time.monotonic()
        assert cache.get_or_set("k", lambda: "mine") == "mine"
        assert time.monotonic() - start < 8
    assert cache["k"] == "mine"


def until_leased(cache: Cache, key: str) -> None:
    from omnicache._omnicache import encode_key

    until(lambda: encode_key(key) in cache._port.call("leased", cache._wall()), "somebody loads")


def test_a_lease_that_was_lost_writes_nothing(make: Callable[..., Cache]):
    cache = make(backend=RedisBackend(single().url))
    other = cache._port.primary.store

    def loader() -> str:
        # Its lease ends while it runs, as if the process had been stopped for long.
        (key,) = single()("KEYS", f"*{cache.name}%lease*")
        single()("DEL", key)
        cache.set("k", "newer")
        return "older"

    assert cache.get_or_set("k", loader) == "older"
    assert cache["k"] == "newer"
    assert other.leased() == []


def test_of_each_process_one_caller_takes_part(make: Callable[..., Cache], server: Server):
    cache = make(backend=TieredBackend(far=RedisBackend(server.url)))
    cache.get("warm")
    gate = threading.Event()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get_or_set("k", lambda: gate.wait(20) and "v")))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    until_leased(cache, "k")
    time.sleep(0.1)
    before = int(server.info("total_commands_processed"))
    gate.set()
    for thread in threads:
        thread.join(20)
    assert found == ["v"] * 30
    assert int(server.info("total_commands_processed")) - before < 40


def test_the_word_of_ones_own_write_takes_nothing_back(make: Callable[..., Cache]):
    """The server tells of what a script writes, which the write of a load is, as if another had written it."""
    cache = make(backend=TieredBackend(far=RedisBackend(single().url)))
    until(lambda: cache.get("warm") is None and cache._port.tells, "the server tells of changes")
    port = cache._port.primary
    write = port.set

    def told(*args: object, **options: object) -> object:
        before = port.store.position()
        answer = write(*args, **options)
        until(lambda: port.store.position() != before, "the word of it comes")
        cache.get("other")  # whoever reads, hears
        return answer

    port.set = told
    assert cache.get_or_set("k", lambda: "value") == "value"
    port.set = write
    assert single()("KEYS", f"*{cache.name}:k") != []
    assert cache.get_or_set("k", lambda: "again") == "value"


@pytest.mark.parametrize("how", ["delete_many", "invalidate", "clear"])
def test_what_is_stored_while_a_pattern_is_looked_for_is_found(make: Callable[..., Cache], name: str, how: str):
    cache = make(backend=RedisBackend(single().url))
    port = cache._port.primary
    with working(single().url, 1, "far", name=name) as (worker,):
        worker("gate = threading.Event()")
        worker("thread = threading.Thread(target=cache.get_or_set, args=('k', lambda: gate.wait(20) and 'old'))")
        worker("thread.start()")
        until_leased(cache, "k")

        def after(step: Callable[..., object]) -> Callable[..., object]:
            def asked(*args: object, **options: object) -> object:
                answer = step(*args, **options)
                worker("(gate.set(), thread.join())[:0]")
                return answer

            return asked

        # The load ends between the two questions, whichever is asked first.
        port.leased, port.scan = after(port.leased), after(port.scan)
        getattr(cache, how)(pattern="k*")
        assert worker("cache.get('k')") is None
