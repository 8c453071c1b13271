"""What the tests of tiered caches share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicache import Cache, FileSystemBackend, TieredBackend
from tests.tiers.workers import Worker, working


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Cache]]:
    """Makes tiered caches in one directory; they are closed at the end."""
    made: list[Cache] = []

    def make(name: str = "shared", **options: Any) -> Cache:
        tiers = {key: options.pop(key) for key in ("near_ttl", "write", "queue_size") if key in options}
        far = options.pop("far", None) or FileSystemBackend(tmp_path / "far")
        made.append(Cache(name, backend=TieredBackend(far=far, **tiers), **options))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def cache(make: Callable[..., Cache]) -> Cache:
    """A tiered cache over the directory that `workers` use."""
    return make()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Another process with the same cache."""
    with working(tmp_path / "far") as (worker,):
        yield worker
