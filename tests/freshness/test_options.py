"""Each option of the freshness contract, through every way of asking."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from omnicache import CacheConfigError, ManualClock
from tests.freshness.ways import Way


def test_a_ttl_may_be_a_function_of_the_value(way: Callable[..., Way]):
    one = way(ttl=lambda value: 10 * value)
    one.script.will_bring(3)
    assert one.ask() == 3
    assert one.cache.ttl(one.key) == 30


def test_a_ttl_of_a_value_may_be_for_ever(way: Callable[..., Way]):
    one = way(ttl=lambda value: None)
    one.script.will_bring(3)
    one.ask()
    assert one.cache.ttl(one.key) is None


def test_a_ttl_function_that_returns_nonsense_is_an_error_and_nothing_is_kept(way: Callable[..., Way]):
    one = way(ttl=lambda value: 0)
    one.script.will_bring(3)
    with pytest.raises(CacheConfigError, match="ttl"):
        one.ask()
    assert one.stored is None


def test_idle_values_end(way: Callable[..., Way], clock: ManualClock):
    one = way(idle=10)
    one.script.will_bring("a", "b")
    one.ask()
    clock.advance(9)
    assert one.ask() == "a"
    clock.advance(10)
    assert one.ask() == "b"


def test_jitter_takes_off_a_part_of_the_ttl(way: Callable[..., Way]):
    one = way(ttl=100, jitter=0.5)
    lives = set()
    for _ in range(8):
        one.script.will_bring("a")
        one.ask()
        left = one.cache.ttl(one.key)
        assert 50 <= left <= 100
        lives.add(left)
        one.cache.delete(one.key)
    assert len(lives) > 1


def test_store_if_says_what_is_kept(way: Callable[..., Way]):
    one = way(store_if=lambda value: value is not None)
    one.script.will_bring(None, None, "found", "never")
    assert [one.ask() for _ in range(4)] == [None, None, "found", "found"]


def test_a_stale_value_stays_when_the_new_one_is_not_to_be_kept(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=100, store_if=lambda value: value != "poor")
    one.script.will_bring("rich", "poor")
    one.ask()
    clock.advance(20)
    assert one.ask() == "rich"
    one.settle()
    one.script.will_bring("new")
    assert one.ask() == "rich"
    one.settle()
    assert one.ask() == "new"


@pytest.mark.parametrize("mode", ["shallow", "deep"])
def test_copies_are_handed_out(way: Callable[..., Way], mode: str):
    one = way(copy=mode)
    made: list[Any] = [[1]]
    one.script.will_bring(made)
    first = one.ask()
    first.append(2)
    second = one.ask()
    assert second == [[1]]
    assert second is not first
    assert (second[0] is made[0]) == (mode == "shallow")
    assert len(one.script.runs) == 1


def test_without_copies_it_is_the_very_object(way: Callable[..., Way]):
    one = way(copy="none")
    made = object()
    one.script.will_bring(made)
    assert one.ask() is made
    assert one.ask() is made


def test_the_old_value_is_copied_too(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale=10, stale_on_error=100, copy="deep")
    one.script.will_bring([1])
    one.ask()
    clock.advance(15)
    old = one.start()
    one.script.run(1).raises(LookupError("no"))
    old.result(20).append(2)
    one.settle()
    clock.advance(30)
    one.script.will_raise(LookupError("no"))
    assert one.ask() == [1]


def test_an_error_is_raised_and_kept_for_nobody(way: Callable[..., Way]):
    one = way()
    one.script.will_raise(LookupError("no"), LookupError("no"))
    one.script.will_bring("yes")
    for _ in range(2):
        with pytest.raises(LookupError):
            one.ask()
    assert one.ask() == "yes"


def test_errors_may_be_kept(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, errors={LookupError: 10})
    one.script.will_raise(KeyError("no"))
    seen = []
    for _ in range(3):
        with pytest.raises(KeyError) as caught:
            one.ask()
        seen.append(caught.value)
    assert len(one.script.runs) == 1
    assert seen[1] is not seen[2], "each caller has a traceback of its own"
    assert one.cache.get(one.key) is None
    clock.advance(10)
    one.script.will_raise(ValueError("other"), ValueError("other"))
    for _ in range(2):
        with pytest.raises(ValueError, match="other"):
            one.ask()
    assert len(one.script.runs) == 3
    one.script.will_bring("yes")
    assert one.ask() == "yes"


def test_kept_errors_without_a_time_live_as_long_as_a_value(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, errors=[LookupError])
    one.script.will_raise(LookupError("no"))
    for seconds in (0, 99):
        clock.advance(seconds) if seconds else None
        with pytest.raises(LookupError):
            one.ask()
    clock.advance(1)
    one.script.will_bring("yes")
    assert one.ask() == "yes"


@pytest.mark.parametrize("window", ["stale", "stale_on_error"])
def test_a_kept_error_is_never_served_as_an_old_value(way: Callable[..., Way], clock: ManualClock, window: str):
    one = way(ttl=100, errors={LookupError: 10}, **{window: 1000})
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        one.ask()
    clock.advance(20)
    one.script.will_raise(ValueError("other"))
    with pytest.raises(ValueError, match="other"):
        one.ask()
    one.script.will_bring("yes")
    assert one.ask() == "yes"


@pytest.mark.parametrize("mode", ["shallow", "deep"])
def test_errors_are_kept_where_values_are_copied(way: Callable[..., Way], mode: str):
    one = way(errors=[LookupError], copy=mode)
    one.script.will_raise(LookupError("no"))
    for _ in range(2):
        with pytest.raises(LookupError):
            one.ask()
    assert len(one.script.runs) == 1


def test_an_old_value_is_better_than_a_kept_error(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale_on_error=100, errors={LookupError: 1000}, retry_after=5)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    one.script.will_raise(LookupError("no"))
    assert one.ask() == "old"
    clock.advance(5)
    one.script.will_bring("new")
    assert one.ask() == "new"


def test_retry_after_none_tries_every_time(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=10, stale_on_error=100, retry_after=None)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    one.script.will_raise(*(LookupError(str(n)) for n in range(3)))
    assert [one.ask() for _ in range(3)] == ["old"] * 3
    assert len(one.script.runs) == 4


def test_priority_says_who_stays(way: Callable[..., Way]):
    one = way(priority=1.0)
    one.script.will_bring("kept")
    one.ask()
    one.cache.configure(max_size=10)
    for number in range(50):
        one.cache.set(number, number)
    assert one.stored == "kept"


def test_tags_of_a_load(way: Callable[..., Way]):
    one = way(tags=["a", "b"])
    one.script.will_bring("old", "new")
    one.ask()
    assert {"a", "b"} <= set(one.cache.entry(one.key).tags)
    one.cache.invalidate(tags=["b"], hard=True)
    assert one.ask() == "new"


def test_auto_refreshes_earlier_the_longer_a_load_takes(
    way: Callable[..., Way], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    one = way(ttl=100, refresh_at="auto")
    asked = one.start()
    run = one.script.run(0)
    clock.advance(2)
    run.brings("old")
    asked.result(20)
    # A load took 2 s: draws begin 2 s * ln(10,000) = 18.4 s before the end.
    monkeypatch.setattr(random, "random", lambda: 0.99999)
    clock.advance(81)
    assert one.ask() == "old"
    one.settle()
    assert len(one.script.runs) == 1
    clock.advance(1)
    monkeypatch.setattr(random, "random", lambda: 0.5)
    assert one.ask() == "old", "2 s * ln 2 = 1.4 s before the end it would be time"
    one.settle()
    assert len(one.script.runs) == 1
    monkeypatch.setattr(random, "random", lambda: 0.99999)
    one.script.will_bring("new")
    assert one.ask() == "old"
    one.settle()
    assert one.ask() == "new"
    assert len(one.script.runs) == 2


def test_auto_of_a_load_that_takes_no_time_never_refreshes(way: Callable[..., Way], clock: ManualClock):
    one = way(ttl=100, refresh_at="auto")
    one.script.will_bring("old")
    one.ask()
    clock.advance(99.9)
    assert one.ask() == "old"
    one.settle()
    assert len(one.script.runs) == 1


class NeedyError(Exception):
    """One that ``copy.copy`` cannot make again."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def test_a_kept_error_is_made_anew_for_each_caller_however_it_is_built(way: Callable[..., Way]):
    one = way(errors=[NeedyError])
    one.script.will_raise(NeedyError(code=7))
    seen: list[NeedyError] = []
    for _ in range(3):
        with pytest.raises(NeedyError, match="code 7") as caught:
            one.ask()
        seen.append(caught.value)
    assert len(set(map(id, seen))) == 3
    assert [error.code for error in seen] == [7] * 3
    frames = []
    traceback = seen[0].__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert "end" in frames, "the first caller sees where it was raised"
    assert len(one.script.runs) == 1
