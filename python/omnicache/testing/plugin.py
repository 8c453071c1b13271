"""Fixtures for pytest, there by themselves where the package is installed.

- ``cache_clock``: a :class:`ManualClock`.
- ``mock_cache``: a :class:`MockCache` on that clock, closed at the end of the test.
- ``isolated_caches``: closes every cache that the test opened, so that the next finds their names free.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .._omnicache import ManualClock
from ..registry import list_caches
from ._mock import MockCache

__all__ = ["cache_clock", "isolated_caches", "mock_cache"]


@pytest.fixture
def cache_clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@pytest.fixture
def mock_cache(cache_clock: ManualClock) -> Iterator[MockCache]:
    """A cache that counts what it is asked, on the test's clock."""
    with MockCache(clock=cache_clock) as cache:
        yield cache


@pytest.fixture
def isolated_caches() -> Iterator[None]:
    """Closes the caches that the test opened."""
    before = {id(cache) for cache in list_caches()}
    yield
    for cache in list_caches():
        if id(cache) not in before:
            cache.close()
