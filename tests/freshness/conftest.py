"""Each behaviour through every way of asking, on a clock that the test moves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omnicache import ManualClock
from tests.freshness.outside import WAYS, Outside, OverRedis, OverStore
from tests.freshness.ways import Way


@pytest.fixture(params=list(WAYS))
def way_name(request: pytest.FixtureRequest) -> str:
    """The name of a way of asking."""
    return request.param


ERRORS = "an exception cannot leave the process: errors is refused"
IDENTITY = "what leaves the process comes back as another object"
WINDOW = "a record says when its stale copy ends, which an invalidation before its time does not bring forward"
ELSEWHERE = {
    "test_a_softly_invalidated_value_ends_with_its_window": WINDOW,
    "test_idle_values_end": "entries outside the process do not end for want of use: idle is refused",
    "test_copies_are_handed_out": IDENTITY,
    "test_without_copies_it_is_the_very_object": IDENTITY,
    "test_an_error_that_was_invalidated_is_not_kept": ERRORS,
    "test_a_tag_of_a_kept_error_drops_it": ERRORS,
    "test_a_kept_error_is_no_old_value": ERRORS,
    "test_errors_may_be_kept": ERRORS,
    "test_kept_errors_without_a_time_live_as_long_as_a_value": ERRORS,
    "test_a_kept_error_is_never_served_as_an_old_value": ERRORS,
    "test_errors_are_kept_where_values_are_copied": ERRORS,
    "test_an_old_value_is_better_than_a_kept_error": ERRORS,
    "test_a_kept_error_is_made_anew_for_each_caller_however_it_is_built": ERRORS,
}
"""What means nothing where entries leave the process, and why."""
LIMITS = {"test_priority_says_who_stays"}
"""What stores that limit themselves cannot be held to."""


@pytest.fixture
def way(request: pytest.FixtureRequest, way_name: str, clock: ManualClock) -> Iterator[Callable[..., Way]]:
    """Makes the way of asking, with these options."""
    if issubclass(WAYS[way_name], Outside) and (why := ELSEWHERE.get(request.node.originalname)):
        pytest.skip(why)
    if issubclass(WAYS[way_name], (OverStore, OverRedis)) and request.node.originalname in LIMITS:
        pytest.skip("a server, and a store of the user's own, limit themselves")
    made: list[Way] = []

    def make(*, context: bool = False, **options: Any) -> Way:
        made.append(WAYS[way_name](clock, options, context=context))
        return made[-1]

    yield make
    for one in made:
        one.close()
