"""The engine against the reference, over every strategy and both faces, with structures checked after every step."""

import asyncio
import itertools
import math
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from omnicache import MISSING, Cache, LFUStrategy, ManualClock
from tests.faces import STRATEGIES
from tests.model.reference import ABSENT, Reference

NAMES = itertools.count()
KEYS = st.sampled_from([1, 1.0, True, "1", b"1", None, (1,), ("1", (None,)), "a", "b", "c"])
ODD = st.sampled_from(["[1]", "{1: 2}", "{3}"])
TIMES = st.sampled_from([1, 2, 3, 5, 8, 50])
FOREVER = math.inf
TAGS = st.frozensets(st.sampled_from("xyz"), max_size=2)


def made(strategy: str) -> Any:
    """The strategy, with counts that do not fade so that the order of LFU is exact."""
    return LFUStrategy(ageing=False) if strategy == "lfu" else STRATEGIES[strategy]()


def seconds(time: float) -> float | None:
    return None if time == FOREVER else time


def key_of(spec: Any) -> Any:
    """A new object for each use: equal keys must do, not only the same."""
    if isinstance(spec, str) and spec[0] in "[{":
        return eval(spec)
    return spec


def name_of(spec: Any) -> Any:
    """The key of the reference: with its type, for a dict takes 1, 1.0 and True for one."""
    key = key_of(spec)
    return (type(key).__name__, repr(key))


class Machine(RuleBasedStateMachine):
    """Every operation on both; what they return, and what they hold afterwards, is the same."""

    strategy = "lru"
    awaited = False
    limited = False
    exact = False

    @initialize(size=st.integers(1, 6), ttl=st.sampled_from([FOREVER, 4]))
    def begin(self, size: int, ttl: float) -> None:
        self.clock = ManualClock()
        self.loop = asyncio.new_event_loop() if self.awaited else None
        self.cache = Cache(
            f"model-{next(NAMES)}", strategy=made(self.strategy), clock=self.clock, default_ttl=seconds(ttl)
        )
        # Where priorities are in play, who goes is taken from the engine.
        self.reference = Reference(self.strategy if self.exact else "", default_ttl=ttl)
        self.evicted: list[Any] = []
        if self.limited:
            self.cache.configure(max_size=size)
            self.reference.max_size = size
            self.cache.on("evict", lambda event: self.evicted.append(name_of(event.key)))

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Through the face of this machine."""
        if self.loop is None:
            return getattr(self.cache, method)(*args, **options)
        return self.loop.run_until_complete(getattr(self.cache, f"a{method}")(*args, **options))

    def wrote(self, expected: Any) -> None:
        """After a write: who was evicted is who the reference says, or is taken from it where no order is exact."""
        evicted, self.evicted[:] = list(self.evicted), []
        if expected is not ABSENT:
            assert evicted == [expected]
        for key in evicted:
            self.reference.items.pop(key, None)

    def write(self, method: str, spec: Any, value: Any, options: dict[str, Any]) -> Any:
        name = name_of(spec)
        there = self.reference.fresh(name) is not None
        result = self.call(
            method,
            key_of(spec),
            value,
            **({} if options["ttl"] is None else {"ttl": seconds(options["ttl"])}),
            idle=seconds(options["idle"]),
            stale=options["stale"] or None,
            tags=options["tags"],
            priority=options["priority"],
        )
        written = {"set": True, "add": not there, "replace": there}[method]
        if written:
            self.wrote(self.reference.put(name, value, **options))
        else:
            self.wrote(ABSENT)
        assert result is (None if method == "set" else written)
        return result

    @rule(
        method=st.sampled_from(["set", "set", "add", "replace"]),
        spec=KEYS | ODD,
        value=st.integers() | st.none(),
        ttl=st.none() | st.just(FOREVER) | TIMES,
        idle=st.just(FOREVER) | TIMES,
        stale=st.just(0) | TIMES,
        tags=TAGS,
        priority=st.sampled_from([0.5, 0.5, 0.0, 0.3, 0.8, 1.0]),
    )
    def set(self, method: str, spec: Any, value: Any, **options: Any) -> None:
        if self.exact:  # the orders are stated for entries without these
            options.update(idle=FOREVER, priority=0.5, stale=0)
        self.write(method, spec, value, options)

    @rule(spec=KEYS | ODD)
    def set_plainly(self, spec: Any) -> None:
        plain = {"ttl": None, "idle": FOREVER, "stale": 0, "tags": frozenset(), "priority": 0.5}
        self.cache[key_of(spec)] = 5
        self.wrote(self.reference.put(name_of(spec), 5, **plain))

    @rule(spec=KEYS | ODD)
    def get(self, spec: Any) -> None:
        assert self.call("get", key_of(spec), MISSING) == self.reference.get(name_of(spec), MISSING)

    @rule(spec=KEYS | ODD)
    def subscript(self, spec: Any) -> None:
        expected = self.reference.get(name_of(spec), MISSING)
        try:
            assert self.cache[key_of(spec)] == expected
        except KeyError:
            assert expected is MISSING

    @rule(spec=KEYS | ODD)
    def contains_and_ttl(self, spec: Any) -> None:
        item = self.reference.fresh(name_of(spec))
        assert (key_of(spec) in self.cache) == (item is not None)
        left = self.call("ttl", key_of(spec))
        if item is None:
            assert left is MISSING
        else:
            end = min(item.fresh, item.soft, item.gone()) - self.reference.now
            assert left == pytest.approx(end) if end < FOREVER else left is None

    @rule(spec=KEYS | ODD)
    def get_or_set(self, spec: Any) -> None:
        name = name_of(spec)
        there = self.reference.fresh(name) is not None
        value = self.call("get_or_set", key_of(spec), lambda: 7, ttl=3)
        if there:
            assert value == self.reference.get(name)
        else:
            assert value == 7
            self.wrote(self.reference.put(name, 7, 3, idle=FOREVER, stale=0, tags=frozenset(), priority=0.5))

    @rule(spec=KEYS | ODD, how=st.sampled_from(["delete", "pop"]))
    def remove(self, spec: Any, how: str) -> None:
        name = name_of(spec)
        item = self.reference.fresh(name)
        self.reference.items.pop(name, None)
        if how == "delete":
            assert self.call("delete", key_of(spec)) is (item is not None)
        else:
            assert self.call("pop", key_of(spec), MISSING) == (MISSING if item is None else item.value)

    @rule(spec=KEYS | ODD, ttl=st.just(FOREVER) | TIMES)
    def touch(self, spec: Any, ttl: float) -> None:
        assert self.call("touch", key_of(spec), seconds(ttl)) is self.reference.touch(name_of(spec), ttl)

    @rule(specs=st.lists(KEYS | ODD, max_size=3), hard=st.booleans())
    def invalidate_keys(self, specs: list[Any], hard: bool) -> None:
        self.call("invalidate", [key_of(spec) for spec in specs], hard=hard)
        self.reference.invalidate([name_of(spec) for spec in specs], hard=hard)

    @rule(tags=TAGS, hard=st.booleans())
    def invalidate_tags(self, tags: frozenset[str], hard: bool) -> None:
        if self.exact:
            hard = True
        self.call("invalidate", tags=tags, hard=hard)
        self.reference.invalidate_tags(set(tags), hard=hard)

    @rule(tags=TAGS)
    def clear_tags(self, tags: frozenset[str]) -> None:
        gone = [key for key, item in self.reference.items.items() if item.tags & tags and self.reference.fresh(key)]
        assert self.call("clear", tags=tags) == len(gone)
        for key in gone:
            del self.reference.items[key]

    @rule(by=st.sampled_from([0.5, 1, 1, 2, 5, 60]))
    def time_passes(self, by: float) -> None:
        self.clock.advance(by)
        self.reference.now += by

    @rule()
    def purge(self) -> None:
        self.call("purge_expired")
        self.reference.purge()

    @precondition(lambda self: not self.exact)
    @rule(strategy=st.sampled_from(list(STRATEGIES)))
    def switch(self, strategy: str) -> None:
        before = len(self.cache)
        self.cache.set_strategy(made(strategy))
        assert len(self.cache) == before

    @precondition(lambda self: self.limited)
    @rule(size=st.integers(1, 6))
    def resize(self, size: int) -> None:
        self.cache.configure(max_size=size)
        self.reference.max_size = size
        self.reference.purge()
        expected = []
        while len(self.reference.items) > size and self.exact:
            expected.append(self.reference.victim())
            del self.reference.items[expected[-1]]
        if self.exact:
            assert self.evicted == expected
        self.wrote(ABSENT)

    @rule()
    def clear(self) -> None:
        self.call("clear")
        self.reference.items.clear()

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "cache"):
            return
        self.cache._validate()
        assert self.evicted == []
        self.reference.purge()
        held = {name_of(key): value for key, value in self.cache.items()}
        assert held == self.reference.listing()
        kept = {name for name in self.reference.items if self.cache._peek(eval(name[1])) is not None}
        assert kept == set(self.reference.items)
        if self.limited:
            assert len(kept) <= self.cache.max_size
        assert len(self.cache) == self.cache.stats().entry_count == len(held)

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.cache.close()
            if self.loop is not None:
                self.loop.close()


SETTINGS = settings(
    max_examples=int(os.environ.get("OMNICACHE_MODEL_EXAMPLES", "10")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="OMNICACHE_MODEL_EXAMPLES" not in os.environ,
    database=None,
)


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("limited", [False, True], ids=["unlimited", "limited"])
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_the_engine_is_the_reference(strategy: str, limited: bool, awaited: bool) -> None:
    kind = type("Kind", (Machine,), {"strategy": strategy, "limited": limited, "awaited": awaited})
    run_state_machine_as_test(kind, settings=SETTINGS)


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("strategy", ["lru", "lfu", "ttl"])
def test_the_order_of_eviction_is_exact(strategy: str, awaited: bool) -> None:
    kind = type("Exact", (Machine,), {"strategy": strategy, "limited": True, "awaited": awaited, "exact": True})
    run_state_machine_as_test(kind, settings=SETTINGS)
