"""Soft and hard invalidation by key, tag and pattern, also of what is being loaded."""

from collections.abc import Callable
from typing import Any

import pytest

from omnicache import Cache, CacheTimeoutError, ManualClock, Timeout
from tests.freshness.ways import Function, Way, until

Invalidate = Callable[[Way], None]


def by_key(one: Way, **how: Any) -> None:
    one.cache.invalidate([one.key], **how)


def by_tag(one: Way, **how: Any) -> None:
    one.cache.invalidate(tags=["t"], **how)


def by_pattern(one: Way, **how: Any) -> None:
    one.cache.invalidate(pattern="k*", **how)


def by_delete(one: Way, **how: Any) -> None:
    one.cache.delete(one.key)


def by_clear(one: Way, **how: Any) -> None:
    one.cache.clear()


@pytest.fixture(params=[by_key, by_tag, by_pattern, by_delete, by_clear], ids=lambda how: how.__name__)
def invalidate(request: pytest.FixtureRequest, way_name: str) -> Callable[..., None]:
    if request.param is by_pattern and not way_name.endswith("get_or_set"):
        pytest.skip("patterns are for keys that are text")
    return request.param


@pytest.fixture(params=[by_key, by_tag, by_pattern], ids=lambda how: how.__name__)
def soften(request: pytest.FixtureRequest, way_name: str) -> Callable[..., None]:
    if request.param is by_pattern and not way_name.endswith("get_or_set"):
        pytest.skip("patterns are for keys that are text")
    return request.param


KEEPING = {"ttl": 100, "stale": 50, "stale_on_error": 200, "refresh_at": 0.8, "tags": ["t"], "retry_after": 10}


@pytest.mark.parametrize("age", [10, 90, 120, 250])
def test_what_was_softly_invalidated_is_served_only_if_it_cannot_be_loaded(
    way: Callable[..., Way], clock: ManualClock, soften: Callable[..., None], age: int
):
    one = way(**KEEPING)
    one.script.will_bring("old")
    one.ask()
    clock.advance(age)
    soften(one)
    assert one.cache.get(one.key) is None
    asked = one.start()
    one.script.run(1).raises(LookupError("no"))
    assert asked.result(20) == "old"
    assert one.ask() == "old", "no other attempt yet"
    clock.advance(10)
    one.script.will_bring("new")
    assert one.ask() == "new"
    assert one.ask() == "new"
    assert len(one.script.runs) == 3


def test_an_attempt_is_not_repeated_because_another_tag_was_invalidated(way: Callable[..., Way], clock: ManualClock):
    one = way(**KEEPING)
    one.script.will_bring("old")
    one.ask()
    one.cache.invalidate(tags=["t"])
    one.script.will_raise(LookupError("no"))
    assert one.ask() == "old"
    one.cache.set("other", 1, tags=["u"], stale=10)
    one.cache.invalidate(tags=["u"])
    for number in range(20):
        one.cache.set(number, number)
    assert one.ask() == "old"
    assert len(one.script.runs) == 2


def test_a_softly_invalidated_value_ends_with_its_window(
    way: Callable[..., Way], clock: ManualClock, soften: Callable[..., None]
):
    one = way(**KEEPING)
    one.script.will_bring("old")
    one.ask()
    soften(one)
    clock.advance(200)
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        one.ask()


@pytest.mark.parametrize("age", [10, 90, 120, 250])
def test_what_was_invalidated_hard_is_gone(
    way: Callable[..., Way], clock: ManualClock, invalidate: Callable[..., None], age: int
):
    one = way(**KEEPING)
    one.script.will_bring("old")
    one.ask()
    clock.advance(age)
    invalidate(one, hard=True)
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        one.ask()
    one.script.will_bring("new")
    assert one.ask() == "new"


def test_without_a_window_soft_is_hard(way: Callable[..., Way], soften: Callable[..., None]):
    one = way(tags=["t"])
    one.script.will_bring("old", "new")
    one.ask()
    soften(one)
    assert one.ask() == "new"


# --- what is being loaded: its lease ---


def test_a_value_that_was_invalidated_while_it_was_loaded_is_handed_out_and_not_kept(
    way: Callable[..., Way], invalidate: Callable[..., None]
):
    one = way(tags=["t"])
    early = [one.start() for _ in range(3)]
    run = one.script.run(0)
    one.waiting(3 if one.is_async else 2)
    invalidate(one)
    late = one.start()
    run.brings("old")
    assert [asked.result(20) for asked in early] == ["old"] * 3
    one.script.run(1).brings("new")
    assert late.result(20) == "new"
    assert one.ask() == one.stored == "new"
    assert len(one.script.runs) == 2


def test_a_background_refresh_that_was_invalidated_is_not_kept(
    way: Callable[..., Way], clock: ManualClock, invalidate: Callable[..., None]
):
    one = way(ttl=100, stale=50, tags=["t"])
    one.script.will_bring("old")
    one.ask()
    clock.advance(120)
    assert one.ask() == "old"
    run = one.script.run(1)
    invalidate(one)
    run.brings("older")
    one.settle()
    assert one.stored is None
    one.script.will_bring("new")
    assert one.ask() == "new"


def test_another_key_or_tag_does_no_harm(way: Callable[..., Way]):
    one = way(tags=["t"])
    asked = one.start()
    run = one.script.run(0)
    one.cache.invalidate(["other"], hard=True)
    one.cache.invalidate(tags=["u"], hard=True)
    run.brings("value")
    assert asked.result(20) == one.stored == "value"


def test_a_tag_that_the_loader_adds_ends_the_lease_too(way: Callable[..., Way]):
    one = way(context=True)
    asked = one.start()
    run = one.script.run(0)

    def end(ctx: Any) -> str:
        ctx.tags.add("late")
        return "old"

    one.cache.invalidate(tags=["late"])
    run.does(end)
    assert asked.result(20) == "old"
    assert one.stored is None
    one.script.will(end)
    assert one.ask() == one.stored == "old"


def test_a_tag_that_the_loader_takes_away_does_not(way: Callable[..., Way]):
    one = way(context=True, tags=["t"])
    asked = one.start()
    run = one.script.run(0)
    run.context.tags.discard("t")
    one.cache.invalidate(tags=["t"])
    run.brings("value")
    assert asked.result(20) == "value"
    # Whoever looked at the flight when the tag went could not know; the value itself is good, but nobody has to see it.
    one.settle()


def test_a_lease_begins_with_the_run_not_with_the_question(way: Callable[..., Way], clock: ManualClock):
    one = way(tags=["t"], timeout=5)
    first = one.start()
    one.script.run(0)
    clock.advance(3)
    one.cache.invalidate(tags=["t"])
    second = one.start()
    until(lambda: one.cache.stats().miss_count == 2)
    clock.advance(2)
    with pytest.raises(CacheTimeoutError):
        first.result(20)
    try:
        value = second.result(0.05)
    except (TimeoutError, CacheTimeoutError):
        value = None
    assert value is None
    one.script.will_bring(*["new"] * 2)
    if second.done():
        assert one.ask() == "new"
    until(lambda: one.stored == "new" or len(one.script.runs) > 1)
    one.script.run(1).brings("new")
    until(lambda: one.stored == "new")


def test_a_write_while_it_is_loaded_stays(way: Callable[..., Way]):
    one = way()
    asked = one.start()
    run = one.script.run(0)
    one.cache.set(one.key, "written")
    run.brings("loaded")
    assert asked.result(20) == "loaded"
    assert one.stored == "written"


def test_an_error_that_was_invalidated_is_not_kept(way: Callable[..., Way], invalidate: Callable[..., None]):
    one = way(errors=[LookupError], tags=["t"])
    asked = one.start()
    run = one.script.run(0)
    invalidate(one)
    run.raises(LookupError("no"))
    with pytest.raises(LookupError):
        asked.result(20)
    one.script.will_bring("yes")
    assert one.ask() == "yes"


def test_a_tag_of_a_kept_error_drops_it(way: Callable[..., Way]):
    one = way(errors=[LookupError], context=True)

    def end(ctx: Any) -> None:
        ctx.tags.add("missing")
        raise LookupError("no")

    one.script.will(end)
    with pytest.raises(LookupError):
        one.ask()
    one.cache.invalidate(tags=["missing"])
    one.script.will_bring("yes")
    assert one.ask() == "yes"


def test_a_late_thread_may_not_hand_an_invalidated_value_to_new_callers(clock: ManualClock):
    one = Function(clock, {"timeout": Timeout(hard=5)})
    asked = one.start()
    hung = one.script.run(0)
    clock.advance(5)
    with pytest.raises(CacheTimeoutError):
        asked.result(20)
    one.cache.delete(one.key)
    hung.brings("old")
    for _ in range(20):
        one.script.will_bring("new")
        assert one.ask() == "new"
        one.cache.delete(one.key)
    one.close()


def test_closing_the_cache_during_a_load_hands_the_value_out(make: Callable[..., Cache]):
    cache = make(tags=["t"])

    def load() -> str:
        cache.close()
        return "value"

    assert cache.get_or_set("a", load) == "value"
