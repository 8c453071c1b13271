"""The REST API over caches in memory and over a registry file, asked by a client that sends what it is told to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from omnicache._definitions import Definitions
from omnicache._manage.management import Management
from omnicache._manage.service import Service
from omnicache.admin import router

PLACES = ("memory", "files")
LOCAL = ("127.0.0.1", 50_000)


def service_in(place: str, path: Path) -> Service:
    """A service over living caches, or over a registry file."""
    if place == "memory":
        return Service(confined=True)
    return Service(Definitions(path / "caches.json"), live=False, confined=True)


@pytest.fixture(params=PLACES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Management]:
    with service_in(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def client(service: Management) -> TestClient:
    """Asks as a program on this machine does."""
    return TestClient(router(service, local=True), base_url="http://localhost", client=LOCAL)


@pytest.fixture
def users(client: TestClient) -> str:
    """A cache with three entries; its name."""
    assert client.post("/cache", json={"name": "users", "strategy": "lru", "max_size": 100}).status_code == 201
    rows: list[dict[str, Any]] = [
        {"key": "user:1", "value": {"name": "Ada"}, "tags": ["staff"], "ttl": 300},
        {"key": "user:2", "value": [1, None, "x"], "tags": ["staff", "new"]},
        {"key": "team/1", "value": 7},
    ]
    for row in rows:
        assert client.post("/cache/users/entries", json=row).status_code == 201
    return "users"


@pytest.fixture
def asked() -> Callable[..., TestClient]:
    """Makes clients of routers with other access."""

    def make(*, base_url: str = "http://localhost", client: tuple[str, int] = LOCAL, **access: Any) -> TestClient:
        return TestClient(router(**access), base_url=base_url, client=client)

    return make
