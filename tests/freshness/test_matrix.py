"""What a caller gets, and what is kept: for an entry in each state, a loader with each outcome, each way of asking."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, NamedTuple

import pytest

from omnicache import CacheTimeoutError, ManualClock, Timeout
from tests.freshness.ways import Run, Way, until

OPTIONS: dict[str, Any] = {
    "ttl": 100,
    "refresh_at": 0.8,
    "stale": 50,
    "stale_on_error": 200,
    "retry_after": 10,
    "timeout": Timeout(soft=1, hard=5),
}
AGES = {"absent": None, "fresh": 10, "early": 85, "stale": 120, "failsafe": 200, "expired": 310}
CANCELLED = (asyncio.CancelledError, CancelledError)
OUTCOMES = ["ok", "slow", "raises", "cancelled", "hangs"]


class Cell(NamedTuple):
    """What is to be expected: what the caller gets, whether a load runs, whether its caller waits for it."""

    gets: Any
    loads: bool
    waits: bool


def expected(state: str, outcome: str) -> Cell:
    """The contract."""
    if state == "fresh":
        return Cell("old", loads=False, waits=False)
    if state in ("early", "stale"):
        return Cell("old", loads=True, waits=False)
    if state == "failsafe":
        return Cell("new" if outcome == "ok" else "old", loads=True, waits=True)
    ends = {"ok": "new", "slow": "new", "raises": LookupError, "cancelled": CANCELLED}
    return Cell(ends.get(outcome, CacheTimeoutError), loads=True, waits=True)


def comes_about(outcome: str, run: Run, clock: ManualClock, soft_limit: Callable[[], Any]) -> None:
    """Has the run end as the outcome says; a slow one is past its soft limit, and one that hangs past its hard one."""
    if outcome == "raises":
        run.raises(LookupError("no"))
    if outcome == "cancelled":
        run.raises(asyncio.CancelledError())
    if outcome in ("slow", "hangs"):
        clock.advance(2)
        soft_limit()
    if outcome == "hangs":
        clock.advance(4)
    if outcome in ("ok", "slow"):
        run.brings("new")


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", list(AGES))
def test_each_cell(way: Callable[..., Way], clock: ManualClock, state: str, outcome: str):
    one = way(**OPTIONS)
    age, runs = AGES[state], 0
    if age is not None:
        one.script.will_bring("old")
        assert one.ask() == "old"
        clock.advance(age)
        runs = 1
    cell = expected(state, outcome)
    if outcome == "cancelled" and state == "failsafe" and not one.is_async:
        # A plain loader that raises what is no Exception stops the program that called it: nothing covers that up.
        cell = cell._replace(gets=CANCELLED)

    asked = one.start()
    if cell.loads:
        run = one.script.run(runs)
        if not cell.waits:
            assert asked.result(20) == "old"
        comes_about(outcome, run, clock, lambda: state == "failsafe" and asked.result(20))
    if isinstance(cell.gets, str):
        assert asked.result(20) == cell.gets
    else:
        with pytest.raises(cell.gets):
            asked.result(20)
    if outcome != "hangs":
        one.settle()
        brought = cell.loads and outcome in ("ok", "slow")
        kept = "new" if brought else "old" if state in ("fresh", "early") else None
        assert one.stored == kept
    assert len(one.script.runs) == runs + cell.loads
    stats = one.cache.stats()
    assert stats.load_count == runs + cell.loads
    gave_up = outcome == "hangs" and state in ("absent", "expired")
    assert stats.load_error_count == (1 if (cell.loads and outcome in ("raises", "cancelled")) or gave_up else 0)
    served_old = cell.gets == "old" and state not in ("fresh", "early")
    assert stats.stale_served_count == served_old


@pytest.mark.parametrize("state", ["stale", "failsafe"])
def test_after_a_failure_the_old_value_is_served_until_the_next_attempt(
    way: Callable[..., Way], clock: ManualClock, state: str
):
    one = way(**OPTIONS)
    one.script.will_bring("old")
    one.ask()
    clock.advance(AGES[state])
    one.script.will_raise(LookupError("no"))
    assert one.ask() == "old"
    one.settle()
    clock.advance(9)
    assert [one.ask() for _ in range(3)] == ["old"] * 3
    one.settle()
    assert len(one.script.runs) == 2, "no attempt within retry_after"
    clock.advance(1)
    one.script.will_bring("new")
    one.ask()
    one.settle()
    assert one.ask() == "new"
    assert len(one.script.runs) == 3


def test_a_failed_early_refresh_is_tried_again_later(way: Callable[..., Way], clock: ManualClock):
    one = way(**OPTIONS)
    one.script.will_bring("old")
    one.ask()
    clock.advance(81)
    one.script.will_raise(LookupError("no"))
    assert one.ask() == "old"
    one.settle()
    clock.advance(9)
    assert one.ask() == "old"
    one.settle()
    assert len(one.script.runs) == 2
    clock.advance(1)
    one.script.will_bring("new")
    assert one.ask() == "old"
    one.settle()
    assert one.ask() == "new"
    assert one.cache.ttl(one.key) == 100, "its life began when it arrived"


def test_a_value_lives_from_the_moment_it_arrived(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100)
    asked = one.start()
    run = one.script.run(0)
    clock.advance(70)
    run.brings("slow")
    assert asked.result(20) == "slow"
    assert one.cache.ttl(one.key) == 100


def test_one_load_for_all_and_one_refresh_for_all(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, stale=50)
    first = [one.start() for _ in range(10)]
    run = one.script.run(0)
    one.waiting(10 if one.is_async else 9)
    run.brings("old")
    assert [asked.result(20) for asked in first] == ["old"] * 10
    clock.advance(120)
    assert [one.ask() for _ in range(10)] == ["old"] * 10
    one.script.run(1).brings("new")
    one.settle()
    assert one.ask() == "new"
    assert len(one.script.runs) == 2


def test_expiry_wins_over_a_refresh(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, refresh_at=0.5)
    one.script.will_bring("old")
    one.ask()
    clock.advance(60)
    assert one.ask() == "old"
    run = one.script.run(1)
    clock.advance(40)
    asked = one.start()
    one.waiting(1)
    assert not asked.done(), "the old value has ended, and the refresh is not done"
    run.brings("new")
    assert asked.result(20) == "new"
    assert len(one.script.runs) == 2


def test_a_soft_limit_serves_the_old_value_and_the_load_goes_on(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, stale_on_error=1000, timeout=Timeout(soft=1))
    one.script.will_bring("old")
    one.ask()
    clock.advance(150)
    asked = one.start()
    run = one.script.run(1)
    clock.advance(1)
    assert asked.result(20) == "old"
    assert one.ask() == "old", "the load has been under way for longer than anybody waits"
    run.brings("new")
    one.settle()
    assert not run.cancelled
    assert one.ask() == "new"
    assert len(one.script.runs) == 2


def test_a_hard_limit_ends_the_wait_and_the_next_caller_starts_anew(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, timeout=5)
    asked = [one.start() for _ in range(3)]
    hung = one.script.run(0)
    one.waiting(3)
    clock.advance(5)
    for caller in asked:
        with pytest.raises(CacheTimeoutError, match="5"):
            caller.result(20)
    one.script.will_bring("new")
    assert one.ask() == "new"
    hung.brings("late")
    assert one.ask() == one.stored == "new", "what is late replaces nothing newer"
    assert hung.cancelled == one.is_async
    assert one.cache.stats().load_error_count == 1


def test_a_late_result_is_kept_if_nothing_newer_is_there(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, timeout=5)
    if one.is_async:
        pytest.skip("a coroutine that is given up is cancelled")
    asked = one.start()
    hung = one.script.run(0)
    clock.advance(5)
    with pytest.raises(CacheTimeoutError):
        asked.result(20)
    assert one.stored is None
    hung.brings("late")
    until(lambda: one.stored == "late")
    assert one.ask() == "late"
    assert len(one.script.runs) == 1


@pytest.mark.parametrize("hard", [True, False])
def test_a_late_result_is_not_kept_if_its_key_was_invalidated(way: Callable[..., Way], clock: ManualClock, hard: bool):
    one = way(ttl=100, timeout=5, stale_on_error=50)
    if one.is_async:
        pytest.skip("a coroutine that is given up is cancelled")
    asked = one.start()
    hung = one.script.run(0)
    clock.advance(5)
    with pytest.raises(CacheTimeoutError):
        asked.result(20)
    one.cache.invalidate([one.key], hard=hard)
    begun = one.cache.stats().load_count
    hung.brings("late")
    # The late thread is done when a load that comes after it finds a thread and ends.
    one.script.will_bring("new")
    assert one.ask() == "new"
    assert one.stored == "new"
    assert one.cache.stats().load_count == begun + 1


def test_a_load_that_hung_before_anybody_needed_it_is_given_up_at_once(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=20, timeout=5)
    one.script.will_bring("old")
    one.ask()
    clock.advance(15)
    assert one.ask() == "old"
    hung = one.script.run(1)
    clock.advance(100)
    one.script.will_bring("new")
    assert one.ask() == "new", "this caller waits for a load of its own"
    hung.brings("late")
    assert one.cache.stats().load_error_count == 1
    assert one.ask() == "new"


def test_none_is_an_old_value_like_any_other(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=20, stale_on_error=100, context=True)
    one.script.will_bring(None)
    assert one.ask() is None
    clock.advance(15)
    one.script.will_raise(LookupError("no"))
    assert one.ask() is None
    one.settle()
    clock.advance(50)
    one.script.will_raise(LookupError("no"))
    assert one.ask() is None
    clock.advance(10)
    one.script.will(lambda ctx: ctx.not_modified())
    assert one.ask() is None
    assert one.ask() is None
    assert len(one.script.runs) == 4
