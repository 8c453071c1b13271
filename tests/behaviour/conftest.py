"""Every behaviour is tested with every strategy, through both faces."""

from collections.abc import Callable
from typing import Any

import pytest

from omnicache import Cache, ManualClock
from tests.faces import FACES, STRATEGIES, Async, Sync


@pytest.fixture(params=list(FACES))
def face(request: pytest.FixtureRequest) -> type[Sync | Async]:
    """The plain methods or their awaitable twins."""
    return FACES[request.param]


@pytest.fixture(params=list(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> str:
    """The name of a strategy."""
    return request.param


@pytest.fixture
def on(
    make: Callable[..., Cache], clock: ManualClock, strategy: str, face: type[Sync | Async]
) -> Callable[..., Sync | Async]:
    """Makes a cache with the strategy on the test's clock, seen through the face."""

    def on(**options: Any) -> Sync | Async:
        limits = {name: options.pop(name) for name in ("max_size", "max_bytes") if name in options}
        return face(make(strategy=STRATEGIES[strategy](**limits), clock=clock, **options))

    return on


@pytest.fixture
def box(on: Callable[..., Sync | Async]) -> Sync | Async:
    """A cache without any option, seen through the face."""
    return on()
