"""Each behaviour through every way of asking, on a clock that the test moves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omnicache import ManualClock
from tests.freshness.ways import WAYS, Way


@pytest.fixture(params=list(WAYS))
def way_name(request: pytest.FixtureRequest) -> str:
    """The name of a way of asking."""
    return request.param


@pytest.fixture
def way(way_name: str, clock: ManualClock) -> Iterator[Callable[..., Way]]:
    """Makes the way of asking, with these options."""
    made: list[Way] = []

    def make(*, context: bool = False, **options: Any) -> Way:
        made.append(WAYS[way_name](clock, options, context=context))
        return made[-1]

    yield make
    for one in made:
        one.close()
