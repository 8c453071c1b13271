"""Every behaviour is tested in memory with every strategy, and in every other place, through both faces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnicache import Cache, ManualClock
from tests.behaviour.reasons import reason
from tests.faces import FACES, STRATEGIES, Async, Sync
from tests.places import PLACES

SETTINGS = [("memory", strategy) for strategy in STRATEGIES] + [(place, "lru") for place in PLACES if place != "memory"]


@pytest.fixture(params=list(FACES))
def face(request: pytest.FixtureRequest) -> type[Sync | Async]:
    """The plain methods or their awaitable twins."""
    return FACES[request.param]


@pytest.fixture(params=SETTINGS, ids="-".join)
def setting(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Where entries live, and the name of a strategy."""
    return request.param


@pytest.fixture
def strategy(setting: tuple[str, str]) -> str:
    """The name of a strategy."""
    return setting[1]


@pytest.fixture
def place(request: pytest.FixtureRequest, setting: tuple[str, str]) -> str:
    """Where entries live; a test that means nothing there is skipped, with the reason."""
    why_not = reason(request.node.originalname, setting[0])
    if why_not is not None:
        pytest.skip(why_not)
    return setting[0]


@pytest.fixture
def placed(make: Callable[..., Cache], place: str, tmp_path: Path) -> Callable[..., Cache]:
    """Makes a cache there."""
    return lambda **options: make(**{"backend": PLACES[place](tmp_path), **options})


@pytest.fixture
def on(
    placed: Callable[..., Cache], clock: ManualClock, strategy: str, face: type[Sync | Async]
) -> Callable[..., Sync | Async]:
    """Makes a cache with the strategy on the test's clock, seen through the face."""

    def on(**options: Any) -> Sync | Async:
        limits = {name: options.pop(name) for name in ("max_size", "max_bytes") if name in options}
        return face(placed(strategy=STRATEGIES[strategy](**limits), clock=clock, **options))

    return on


@pytest.fixture
def box(on: Callable[..., Sync | Async]) -> Sync | Async:
    """A cache without any option, seen through the face."""
    return on()
