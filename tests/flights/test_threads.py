"""Flights of plain callers: threads share a load, errors pass, circles are refused."""

import asyncio
import contextvars
import gc
import os
import signal
import threading
import traceback
import warnings
import weakref

import pytest

from omnicache.exceptions import ReentrantLoadError
from tests.flights.fake import Counter, FakeCache, Runner, threads
from tests.support import in_child


@in_child
def test_sixty_four_threads_run_the_loader_once():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter(gate=gate)
    runners = threads(64, lambda: cache.get("a", loader))
    cache.until_wanting("a", 63)
    gate.set()
    assert {runner.result() for runner in runners} == {"value"}
    assert loader.runs == 1
    assert cache.stored == ["value"]
    assert cache.flights.coalesced == 63
    assert len(cache.flights) == 0


@in_child
def test_different_keys_load_beside_each_other():
    cache, barrier = FakeCache(), threading.Barrier(4)
    runners = [Runner(lambda key=key: cache.get(key, lambda: barrier.wait(10) * 0 + key)) for key in range(4)]
    for runner in runners:
        runner.start()
    assert [runner.result() for runner in runners] == [0, 1, 2, 3]


@in_child
def test_an_error_goes_to_the_waiters_of_that_flight_and_to_no_one_later():
    cache, gate = FakeCache(), threading.Event()
    error = ValueError("no such user")
    loader, depths = Counter(error, gate), []

    def call():
        try:
            return cache.get("a", loader)
        except ValueError as error:
            depths.append(len(traceback.extract_tb(error.__traceback__)))
            raise

    runners = threads(32, call)
    cache.until_wanting("a", 31)
    gate.set()
    for runner in runners:
        with pytest.raises(ValueError, match="no such user") as caught:
            runner.result()
        assert caught.value is error
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
    assert len(cache.failures) == 1
    assert cache.get("a", lambda: 1) == 1
    assert max(depths) < 40, "the waiters' own frames do not pile up on the one error"


def test_none_is_a_value():
    cache, loader = FakeCache(), Counter(None)
    assert cache.get("a", loader) is None
    assert cache.get("a", loader) is None
    assert loader.runs == 1


def test_a_value_that_came_between_the_miss_and_the_flight_is_taken():
    cache, loader = FakeCache(), Counter()
    cache.peek = lambda key, default: "already there"
    assert cache.get("a", loader) == "already there"
    assert loader.runs == 0
    assert len(cache.flights) == 0


def interrupted_leader(kind):
    cache, gate = FakeCache(), threading.Event()
    first = Runner(lambda: cache.get("a", Counter(kind(), gate)))
    first.start()
    cache_has_flight = threading.Event()
    while not len(cache.flights):
        cache_has_flight.wait(0.001)
    second = Counter("second")
    others = threads(4, lambda: cache.get("a", second))
    cache.until_wanting("a", 4)
    gate.set()
    with pytest.raises(kind):
        first.result()
    assert {other.result() for other in others} == {"second"}
    assert second.runs == 1
    assert cache.failures == []


@in_child
def test_what_stops_the_leader_stops_nobody_else():
    for kind in (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
        interrupted_leader(kind)


@in_child
def test_a_loader_that_asks_for_its_own_key_is_told_so():
    cache = FakeCache()

    def load():
        return cache.get("a", load)

    with pytest.raises(ReentrantLoadError, match=r"users\['a'\] -> users\['a'\]\."):
        cache.get("a", load)
    assert cache.get("a", lambda: 1) == 1


@in_child
def test_the_chain_is_named_through_other_caches():
    users, posts = FakeCache("users"), FakeCache("posts")

    def user():
        return posts.get(1, post)

    def post():
        return users.get("a", user)

    with pytest.raises(ReentrantLoadError, match=r"users\['a'\] -> posts\[1\] -> users\['a'\]\."):
        users.get("a", user)


@in_child
def test_nested_loads_of_different_keys_work():
    cache = FakeCache()

    def fib(n):
        return cache.get(n, lambda: n if n < 2 else fib(n - 1) + fib(n - 2))

    assert fib(100) == 354224848179261915075


@in_child
def test_a_thread_with_the_loader_s_context_is_inside():
    cache = FakeCache()

    def load():
        context = contextvars.copy_context()
        runner = Runner(lambda: context.run(cache.get, "a", load))
        runner.start()
        return runner.result()

    with pytest.raises(ReentrantLoadError):
        cache.get("a", load)


@in_child
def test_a_loader_that_lost_its_context_is_known_by_its_thread():
    cache = FakeCache()

    def load():
        return contextvars.Context().run(cache.get, "a", load)

    with pytest.raises(ReentrantLoadError):
        cache.get("a", load)


@in_child
def test_two_threads_that_wait_for_each_other_s_keys_do_not_hang():
    cache, both = FakeCache(), threading.Barrier(2)

    def load(other):
        both.wait(10)
        return cache.get(other, lambda: "never")

    runners = [Runner(lambda: cache.get("x", lambda: load("y"))), Runner(lambda: cache.get("y", lambda: load("x")))]
    for runner in runners:
        runner.start()
    for runner in runners:
        with pytest.raises(ReentrantLoadError, match="->"):
            runner.result()
    assert cache.get("x", lambda: 1) == 1


@in_child
def test_a_circle_of_three_threads_is_refused():
    cache, all_three = FakeCache(), threading.Barrier(3)

    def load(other):
        all_three.wait(10)
        return cache.get(other, lambda: "never")

    keys = ["x", "y", "z"]
    runners = [
        Runner(lambda key=key, other=other: cache.get(key, lambda: load(other)))
        for key, other in zip(keys, [*keys[1:], keys[0]], strict=True)
    ]
    for runner in runners:
        runner.start()
    errors = []
    for runner in runners:
        with pytest.raises(ReentrantLoadError) as caught:
            runner.result()
        errors.append(caught.value)
    assert len({id(error) for error in errors}) == 1, "one is refused, its error reaches the others as their loaders'"
    assert str(errors[0]).count("->") == 3


@in_child
def test_waiting_for_a_load_that_needs_another_is_no_circle():
    cache, gate = FakeCache(), threading.Event()
    slow = Runner(lambda: cache.get("slow", Counter("s", gate)))
    slow.start()
    while not len(cache.flights):
        pass
    needs = threads(3, lambda: cache.get("needs", lambda: cache.get("slow", lambda: "other")))
    cache.until_wanting("slow", 1)
    cache.until_wanting("needs", 2)
    gate.set()
    assert {runner.result() for runner in needs} == {"s"}


@in_child
def test_the_loader_sees_the_caller_s_context():
    cache, user = FakeCache(), contextvars.ContextVar("user")
    user.set("alice")
    assert cache.get("a", user.get) == "alice"


@in_child
def test_a_load_invalidated_while_it_runs_is_returned_but_not_stored():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter("old", gate)
    first = threads(3, lambda: cache.get("a", loader))
    cache.until_wanting("a", 2)
    cache.delete("a")
    after = Runner(lambda: cache.get("a", lambda: "new"))
    after.start()
    gate.set()
    assert {runner.result() for runner in first} == {"old"}
    assert after.result() == "new", "who comes after the invalidation is not given what was loaded before it"
    assert cache.data == {"a": "new"}


def test_an_invalidation_between_store_and_landing_takes_the_value_out():
    cache = FakeCache()
    keep = cache.store

    def store(key, value):
        keep(key, value)
        cache.flights.invalidate(key)

    cache.store = store
    assert cache.get("a", lambda: "old") == "old"
    assert cache.data == {}


def test_a_coroutine_function_is_no_loader_for_a_plain_call():
    async def load():
        return 1

    with pytest.raises(TypeError, match=r"users\['a'\] is a coroutine function"):
        FakeCache().get("a", load)


def test_an_error_of_the_store_reaches_the_caller_and_ends_the_flight():
    cache = FakeCache()
    cache.store = lambda key, value: 1 / 0
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1)
    assert len(cache.flights) == 0


@in_child
def test_a_waiting_main_thread_hears_ctrl_c():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter(gate=gate)
    leader = Runner(lambda: cache.get("a", loader))
    leader.start()
    loader.entered.wait(10)

    def interrupt():
        cache.until_wanting("a", 1)
        os.kill(os.getpid(), signal.SIGINT)

    sender = Runner(interrupt)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        cache.get("a", loader)
    sender.result()
    assert cache.wanting("a") == 0
    gate.set()
    assert leader.result() == "value"


@in_child
def test_a_forked_child_does_not_wait_for_its_parent_s_threads():
    cache, gate = FakeCache(), threading.Event()
    loader = Counter(gate=gate)
    leader = Runner(lambda: cache.get("a", loader))
    leader.start()
    loader.entered.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what this is about
        child = os.fork()
    if child == 0:
        os._exit(0 if cache.get("a", lambda: "mine") == "mine" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.set()
    assert leader.result() == "value"


class Thing:
    """Something that a weak reference can point to."""


@in_child
def test_nothing_is_kept_after_a_load():
    gc.disable()
    cache = FakeCache()
    gone = weakref.ref(cache.get("a", Thing))
    cache.data.clear()
    cache.stored.clear()
    assert gone() is None

    def fail():
        local = Thing()
        nonlocal gone
        gone = weakref.ref(local)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        cache.get("a", fail)
    cache.failures.clear()
    gc.collect()
    assert gone() is None


@in_child
def test_a_cycle_through_running_flights_is_collected():
    cache = FakeCache()
    leader = cache.flights.join(("a",), 1)
    flight = leader.flight()
    thing = Thing()
    thing.leader, thing.cache = leader, cache
    flight.attach(lambda thing=thing: None)
    gone = weakref.ref(thing)
    del cache, leader, flight, thing
    gc.collect()
    assert gone() is None
