"""More tags than a store remembers: what it forgets brings nothing back that was invalidated, and costs only loads."""

import inspect
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnicache import Backend, Cache, FileSystemBackend, RedisBackend, TieredBackend
from tests.servers.server import until
from tests.servers.shared import single
from tests.tiers.workers import Worker, working

REMEMBERED = 65_536
BATCH = 1_000
_NUMBERS = itertools.count()


@pytest.fixture(params=["filesystem", "tiered", "redis", "tiered-redis"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where the entries live."""
    return request.param


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Path | str:
    """A directory, or a server."""
    return single().url if "redis" in kind else tmp_path


@pytest.fixture
def cache(kind: str, place: Path | str) -> Iterator[Cache]:
    far: Backend = RedisBackend(place) if isinstance(place, str) else FileSystemBackend(place)
    name = f"forgetting-{os.getpid()}-{next(_NUMBERS)}"
    backend = TieredBackend(far=far) if kind.startswith("tiered") else far
    with Cache(name, backend=backend, on_error="raise") as made:
        yield made


@pytest.fixture
def worker(cache: Cache, kind: str, place: Path | str) -> Iterator[Worker]:
    """Another process with the same cache."""
    with working(place, 1, kind.removesuffix("-redis"), name=cache.name, on_error="raise") as (worker,):
        worker("cache.get('warm')")
        yield worker


def names(first: int, count: int) -> list[str]:
    return [f"many {number}" for number in range(first, first + count)]


def remembered(cache: Cache) -> int | None:
    """How many tags a server remembers; None of files, which do not say."""
    found = single()("KEYS", f"*{cache.name}%tags*")
    return single()("HLEN", found[0]) if found else None


def test_what_was_invalidated_stays_so_though_its_tag_is_forgotten(cache: Cache, worker: Worker):
    for key in ("gone", "stale", "kept"):
        cache.set(key, "old", 600, tags=[key], stale=600)
    cache.set("untagged", "old")
    cache.invalidate(tags=["gone"], hard=True)
    cache.invalidate(tags=["stale"])
    readers = [cache.get, lambda key: worker(f"cache.get({key!r})")]
    assert [[read(key) for key in ("gone", "stale", "kept")] for read in readers] == [[None, None, "old"]] * 2

    # What is written and invalidated last is among what is remembered.
    for first in range(0, REMEMBERED - 10, BATCH):
        cache.invalidate(tags=names(first, min(BATCH, REMEMBERED - 10 - first)))
    for key in ("young", "young and gone"):
        cache.set(key, "young", 600, tags=[key])
    cache.invalidate(tags=["young and gone"], hard=True)
    before = remembered(cache)
    cache.invalidate(tags=names(REMEMBERED, 20))
    if before is not None:
        assert before > REMEMBERED - 10
        assert remembered(cache) <= REMEMBERED // 2 + 30, "the older half is forgotten"

    for read in readers:
        assert [read(key) for key in ("gone", "stale", "young and gone")] == [None] * 3
        assert read("untagged") == "old"
        assert read("young") == "young"
        assert read("kept") in {"old", None}
    for key in ("gone", "stale", "kept", "young and gone"):
        loaded = cache.get_or_set(key, lambda: "new", 600, tags=[key])
        assert loaded == ("new" if key != "kept" else loaded)
        assert [read(key) for read in readers] == [loaded] * 2, "one load, and it is there again"
    # And the tags that were forgotten can be invalidated as any others.
    assert worker("cache.invalidate(tags=['gone', 'kept', 'stale'], hard=True)") is None
    until(lambda: [cache.get(key) for key in ("gone", "kept", "stale")] == [None] * 3, "it is seen", 5)


def flood(cache, me):
    for first in range(0, 60_000, 1_000):
        cache.invalidate(tags=[f"{me} {number}" for number in range(first, first + 1_000)])


def test_two_processes_forget_at_once(cache: Cache, worker: Worker):
    """And whoever reads meanwhile finds nothing that was invalidated."""
    cache.set("gone", "old", 600, tags=["gone"])
    cache.set("stale", "old", 600, tags=["stale"], stale=600)
    assert worker("cache.get('gone')") == "old"
    cache.invalidate(tags=["gone"], hard=True)
    cache.invalidate(tags=["stale"])
    worker(inspect.getsource(flood))
    found: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found.extend(value for key in ("gone", "stale") if (value := cache.get(key)) is not None)

    reader = threading.Thread(target=read)
    reader.start()
    worker.tell("flood(cache, 'other')")
    flood(cache, "one")
    assert not isinstance(worker.answer(), dict)
    done.set()
    reader.join()
    assert found == []
    assert cache.get("gone") is cache.get("stale") is worker("cache.get('gone')") is None
    cache.set("gone", "new", tags=["gone"])
    assert worker("cache.get('gone')") == "new"
