"""What every test starts from: no cache of an earlier test."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_caches_left() -> Iterator[None]:
    """Close every cache that a test opened, so that names are free again; tests without the package pay nothing."""
    yield
    package = sys.modules.get("omnicache")
    for cache in package.list_caches() if package else ():
        cache.close()
