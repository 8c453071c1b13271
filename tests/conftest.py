"""What every test starts from: no cache of an earlier test, and caches that are closed at its end."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from omnicache import Cache, ManualClock

pytest_plugins = ["pytester"]
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def no_caches_left() -> Iterator[None]:
    """Close every cache that a test opened, so that names are free again; tests without the package pay nothing."""
    yield
    package = sys.modules.get("omnicache")
    for cache in package.list_caches() if package else ():
        cache.close()


@pytest.fixture
def make() -> "Iterator[Callable[..., Cache]]":
    """Makes caches with names of their own; at the end the engine checks its structures, and they are closed."""
    from omnicache import Cache

    made: list[Cache] = []

    def make(**options: Any) -> Cache:
        made.append(Cache(f"test-{os.getpid()}-{next(_NUMBERS)}", **options))
        return made[-1]

    yield make
    for cache in made:
        cache._validate()
        cache.close()


@pytest.fixture
def clock() -> "ManualClock":
    """A clock that the test moves."""
    from omnicache import ManualClock

    return ManualClock()
