"""``refresh()`` of a function, which loads now, and the throttle of failures, which concerns only what has failed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from omnicache import Cache, CacheTimeoutError, ManualClock, Timeout, cached
from tests.freshness.outside import WAYS
from tests.freshness.ways import Loop, Run, Script, Way, until

FUNCTIONS = [name for name, kind in WAYS.items() if kind.is_function]


@pytest.fixture(params=FUNCTIONS)
def way_name(request: pytest.FixtureRequest) -> str:
    return request.param


def refresh(one: Way) -> Any:
    """Starts a refresh in a thread or a task; its future."""
    function: Any = one.function  # type: ignore[attr-defined]
    if not one.is_async:
        one.call = lambda: function.refresh(1)  # type: ignore[method-assign]
        return one.start()
    owner = getattr(one, "owner", None)
    coroutine = function.refresh(1) if owner is None else function.refresh(owner, 1)
    return one.loop.submit(coroutine)  # type: ignore[attr-defined]


def test_it_loads_although_a_value_is_there(way: Callable[..., Way]):
    one = way(ttl=10)
    one.script.will_bring("old", "new")
    one.ask()
    assert refresh(one).result(20) == "new"
    assert one.stored == "new"


def test_its_error_is_the_caller_s_and_the_value_stays(way: Callable[..., Way]):
    one = way(ttl=10, stale_on_error=100)
    one.script.will_bring("old")
    one.ask()
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        refresh(one).result(20)
    assert one.stored == "old"


def test_its_time_is_limited(way: Callable[..., Way], clock: ManualClock):
    one = way(timeout=5)
    asked = refresh(one)
    run = one.script.run(0)
    clock.advance(5)
    with pytest.raises(CacheTimeoutError):
        asked.result(20)
    run.brings("late")


def test_a_soft_limit_is_nothing_to_it(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale_on_error=100, timeout=Timeout(soft=1))
    one.script.will_bring("old")
    one.ask()
    asked = refresh(one)
    run = one.script.run(1)
    clock.advance(3)
    run.brings("new")
    assert asked.result(20) == "new"


def test_a_loader_that_raises_cancelled_error_raises_that():
    @cached
    async def load() -> None:
        raise asyncio.CancelledError("mine")

    async def main() -> str:
        try:
            await load.refresh()
        except asyncio.CancelledError as error:
            return str(error)
        return "nothing"

    assert asyncio.run(main()) == "mine"


# --- the throttle ---


def late_failure(clock: ManualClock, write: Callable[[Cache], None]) -> Cache:
    """A cache whose refresh of "a" fails after it was given up, and something else was written."""
    cache, script = Cache("throttled", clock=clock), Script()
    cache.set("a", "old", ttl=10, stale=10)
    clock.advance(15)
    assert cache.get_or_set("a", script.plain, stale=10) == "old"
    run: Run = script.run(0)
    clock.advance(10)
    write(cache)
    before = cache.stats().load_error_count
    run.raises(ValueError("late"))
    until(lambda: cache.stats().load_error_count == before + 1)
    return cache


def test_a_late_failure_does_not_touch_a_kept_error(clock: ManualClock):
    def fail() -> None:
        raise LookupError("no")

    def write(cache: Cache) -> None:
        with pytest.raises(LookupError):
            cache.get_or_set("a", fail, errors=[LookupError], timeout=5)

    with late_failure(clock, write) as cache:
        assert cache.get("a") is None
        with pytest.raises(LookupError):
            cache.get_or_set("a", lambda: 1)


def test_a_late_failure_does_not_touch_a_new_value(clock: ManualClock):
    with late_failure(clock, lambda cache: cache.set("a", "new", ttl=100)) as cache:
        clock.advance(20)
        assert cache.get_or_set("a", lambda: "needless") == "new"
        until(lambda: not len(cache._flights))
        assert cache.get("a") == "new"


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_was_written_while_a_load_failed_is_served_and_is_not_old(
    make: Callable[..., Cache], clock: ManualClock, colour: str
):
    cache = make(clock=clock, stale_on_error=100)

    def load() -> None:
        cache.set("a", "written", ttl=100)
        raise LookupError("no")

    if colour == "sync":
        assert cache.get_or_set("a", load) == "written"
    else:
        loop = Loop()
        assert loop.submit(cache.aget_or_set("a", load)).result(20) == "written"
        loop.close()
    assert cache.stats().stale_served_count == 0
    clock.advance(20)
    assert cache.get_or_set("a", lambda: "needless") == "written"
    until(lambda: not len(cache._flights))
    assert cache.stats().load_count == 1
