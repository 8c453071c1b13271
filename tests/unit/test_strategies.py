"""Strategies as values: checked when built, comparable, and made from what a user may write."""

import copy
import pickle
from collections.abc import Hashable, Iterable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache.exceptions import CacheStrategyError
from omnicache.strategies import (
    CustomStrategy,
    LFUStrategy,
    LRUStrategy,
    SizeStrategy,
    Strategy,
    TinyLFUStrategy,
    TTLStrategy,
    strategy_from,
)

HUGE = pytest.param(10**5000, id="huge")
BUILT_IN = [LRUStrategy, LFUStrategy, TTLStrategy, TinyLFUStrategy]


class Oldest(CustomStrategy):
    def victims(self, candidates: Iterable[object], need: int) -> Iterable[Hashable]:
        return []


def test_equal_descriptions_are_equal_and_hash_alike():
    assert TTLStrategy("90s") == TTLStrategy(90) == TTLStrategy(timedelta(seconds=90))
    assert LRUStrategy(max_bytes="1KiB") == LRUStrategy(max_bytes=1024)
    assert LRUStrategy(5) != TinyLFUStrategy(5)
    assert LFUStrategy(5) != LFUStrategy(5, ageing=False)
    assert len({LRUStrategy(5), LRUStrategy(5), LRUStrategy(6)}) == 2


@pytest.mark.parametrize(
    "strategy", [LRUStrategy(5), LFUStrategy(ageing=False), TTLStrategy("5m"), SizeStrategy("1MB")]
)
def test_a_strategy_survives_copies_and_reads_back_from_its_repr(strategy: Strategy):
    assert pickle.loads(pickle.dumps(strategy)) == strategy == copy.deepcopy(strategy)
    assert eval(repr(strategy)) == strategy


@pytest.mark.parametrize("cls", BUILT_IN)
def test_a_strategy_cannot_be_changed(cls: type[Strategy]):
    strategy = cls()
    with pytest.raises(AttributeError):
        strategy.max_size = 5


@pytest.mark.parametrize("cls", [*BUILT_IN, Oldest])
@pytest.mark.parametrize("size", [0, -1, True, False, 1.0, float("nan"), "10", [], 2**32, HUGE])
def test_a_size_that_makes_no_sense_is_refused(cls: type[LRUStrategy], size: int):
    with pytest.raises(CacheStrategyError, match=rf"{cls.__name__}: max_size: .*None for no limit"):
        cls(max_size=size)


@pytest.mark.parametrize("cls", [LRUStrategy, LFUStrategy, TinyLFUStrategy, SizeStrategy, Oldest])
@pytest.mark.parametrize("size", [0, -1, True, 1.0, float("inf"), "10", "10 parsecs", "", b"1MB", 2**61])
def test_a_number_of_bytes_that_makes_no_sense_is_refused(cls: type[LRUStrategy], size: int):
    with pytest.raises(CacheStrategyError, match=rf"{cls.__name__}: max_bytes: "):
        cls(max_bytes=size)


@pytest.mark.parametrize(
    "ttl", [0, 0.0, -1, -0.5, True, float("nan"), float("inf"), "5", "0s", timedelta(-1), object()]
)
def test_a_duration_that_makes_no_sense_is_refused(ttl: float):
    with pytest.raises(CacheStrategyError, match="TTLStrategy: default_ttl: "):
        TTLStrategy(ttl)
    with pytest.raises(CacheStrategyError, match="TTLStrategy: cleanup_interval: "):
        TTLStrategy(cleanup_interval=ttl)


def test_other_options_are_checked_too():
    with pytest.raises(CacheStrategyError, match=r"use 0\.01 s or more"):
        TTLStrategy(cleanup_interval="1ms")
    with pytest.raises(CacheStrategyError, match="ageing: must be True or False"):
        LFUStrategy(ageing=1)  # type: ignore[arg-type]
    with pytest.raises(CacheStrategyError, match="max_bytes: is needed"):
        SizeStrategy(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("lru", LRUStrategy()),
        ("LFU", LFUStrategy()),
        ("tiny-lfu", TinyLFUStrategy()),
        ("TTLStrategy", TTLStrategy()),
        (LRUStrategy, LRUStrategy()),
        (LRUStrategy(7), LRUStrategy(7)),
        ({"type": "lru", "max_size": 10}, LRUStrategy(10)),
        ({"type": "lfu", "ageing": False}, LFUStrategy(ageing=False)),
        ({"type": "ttl", "default_ttl": "1h", "cleanup_interval": 5}, TTLStrategy(3600, cleanup_interval=5)),
        ({"type": "size", "max_bytes": "64MiB"}, SizeStrategy(64 << 20)),
    ],
)
def test_a_strategy_is_made_from_what_users_write(value: object, expected: Strategy):
    assert strategy_from(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("lruu", "did you mean 'lru'"),
        ("fifo", "'lru', 'lfu', 'ttl', 'size', 'tinylfu'"),
        ("", "there is no ''"),
        ("x" * 10_000, "there is no 'x{40}'"),
        ({"type": "lru", "maxsize": 1}, "no option 'maxsize'; did you mean 'max_size'"),
        ({"type": "lru", 1: 1}, "no option '1'"),
        ({"type": "lru", "max_size": 0}, "LRUStrategy: max_size: 0"),
        ({"type": "size"}, "max_bytes"),
        ({"max_size": 1}, 'needs "type"'),
        ({"type": 1}, 'needs "type"'),
        (5, "an object of type int is none"),
        (None, "an object of type NoneType is none"),
        (dict, "an object of type type is none"),
        (Strategy, "derive a strategy of your own from CustomStrategy"),
        (Strategy(), "derive a strategy of your own from CustomStrategy"),
        (CustomStrategy, "victims"),
        (SizeStrategy, "max_bytes"),
    ],
)
def test_what_is_no_strategy_is_refused_by_name(value: object, message: str):
    with pytest.raises(CacheStrategyError, match=message):
        strategy_from(value)


def test_limits_beside_a_strategy_fill_its_own():
    assert strategy_from("lru", max_size=10, max_bytes="1KB") == LRUStrategy(10, 1000)
    assert strategy_from("size", max_bytes="1KB") == SizeStrategy(1000)
    assert strategy_from({"type": "lru", "max_bytes": 1000}, max_bytes="1KB") == LRUStrategy(max_bytes=1000)
    original = TTLStrategy("5m")
    assert strategy_from(original, max_size=3) == TTLStrategy("5m", 3)
    assert original.max_size is None
    with pytest.raises(CacheStrategyError, match="max_size: given twice, 2 in LRUStrategy and 3 beside it"):
        strategy_from(LRUStrategy(2), max_size=3)
    with pytest.raises(CacheStrategyError, match="max_size: 0"):
        strategy_from("lru", max_size=0)
    with pytest.raises(CacheStrategyError, match="set it in Oldest itself"):
        strategy_from(Oldest(), max_size=3)
    assert strategy_from(Oldest(3), max_size=3).max_size == 3


def test_a_custom_strategy_may_set_its_limits_as_class_attributes():
    class Bounded(Oldest):
        max_size = 7

        def __init__(self) -> None:
            """Does not call the base."""

    class Wrong(Bounded):
        max_size = -7

    assert strategy_from(Bounded).max_size == 7
    with pytest.raises(CacheStrategyError, match="Wrong: max_size: -7 is negative"):
        strategy_from(Wrong())


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
fields = st.sampled_from(["type", "max_size", "max_bytes"]) | st.text(max_size=5)


@given(st.recursive(leaves, lambda inner: st.dictionaries(fields, inner, max_size=4)))
def test_nothing_but_a_strategy_error_comes_of_nonsense(value: object):
    with suppress(CacheStrategyError):
        assert isinstance(strategy_from(value), Strategy)
