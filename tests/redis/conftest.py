"""What the tests of caches on Redis share: servers of their own, which they may break."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicache import Cache
from tests.servers.certificates import Certificates
from tests.servers.proxy import Proxy
from tests.servers.server import Server

_NUMBERS = itertools.count()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own."""
    with Server() as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A way to it that can be disturbed."""
    with Proxy(server.address) as proxy:
        yield proxy


@pytest.fixture
def name() -> str:
    """The name of a cache, the test's own."""
    return f"redis-{os.getpid()}-{next(_NUMBERS)}"


@pytest.fixture
def make(name: str) -> Iterator[Callable[..., Cache]]:
    """Makes caches, which are one to the server unless they are named apart; they are closed at the end."""
    made: list[Cache] = []

    def make(name: str = name, **options: Any) -> Cache:
        made.append(Cache(name, **options))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and what it signed."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a server may listen; short, for such paths are limited."""
    return tmp_path_factory.mktemp("s") / "r.sock"
