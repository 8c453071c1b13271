"""Cached methods: each instance apart, by identity, for as long as it lives."""

import asyncio
import copy
import gc
import inspect
import itertools
import pickle
import weakref

import pytest

from omnicache import MISSING, Cache, InvalidKeyError, cached
from tests.support import in_child


class Point:
    """All points are equal and have one hash, and that must not matter."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        raise AssertionError

    def __hash__(self):
        raise AssertionError

    @cached
    def times(self, n, add=0):
        return self.x * n + add

    @cached
    def first_has_another_name(this, n):  # noqa: N805
        return this.x * n

    @classmethod
    @cached
    def of_class(cls, n):
        return cls.__name__, n

    @staticmethod
    @cached
    def static(n):
        return n


class Below(Point):
    pass


def test_instances_are_apart():
    a, b = Point(1), Point(2)
    assert (a.times(3), b.times(3), a.times(n=3, add=0), b.times(3)) == (3, 6, 3, 6)
    assert (a.first_has_another_name(3), b.first_has_another_name(3)) == (3, 6)
    assert Point.times(a, 3) == 3
    a.x = 100
    assert a.times(3) == 3, "an instance that changes keeps its results"


def test_one_instances_entry():
    Point.times.cache_clear()
    a, b = Point(1), Point(2)
    assert a.times.peek(5) is MISSING
    assert a.times(5) == a.times.peek(5) == 5
    assert b.times.put(0, 5) == b.times(5) == 0
    assert b.times.refresh(5) == 10
    assert a.times.invalidate(5) is True
    assert a.times.invalidate(5) is False
    assert a.times.key(5) != b.times.key(5)
    assert a.times.cache_info().currsize == 1


def test_a_bound_method_looks_like_one():
    a = Point(1)
    assert str(inspect.signature(a.times)) == "(n, add=0)"
    assert a.times.__self__ is a
    assert a.times.__func__ is Point.times
    assert a.times.__name__ == "times"
    assert a.times == a.times
    assert a.times != Point(1).times
    bound = a.times
    assert bound(3) == 3
    assert weakref.ref(bound)() is bound


def test_a_dead_instance_takes_its_entries_along():
    Point.times.cache_clear()
    a, b = Point(1), Point(2)
    a.times(1), a.times(2), b.times(1)
    assert Point.times.cache_info().currsize == 3
    seen = weakref.ref(a)
    del a
    gc.collect()
    assert seen() is None
    assert Point.times.cache_info().currsize == 1


def test_a_shared_cache_forgets_the_dead_too():
    cache = Cache("methods")

    class Thing:
        @cached(cache=cache)
        def value(self):
            return 1

    thing = Thing()
    thing.value()
    assert len(cache) == 1
    del thing
    gc.collect()
    assert len(cache) == 0


def test_a_new_instance_at_an_old_address():
    for n in range(2000):
        assert Point(n).times(1) == n


def test_a_long_lived_instance_of_many_calls():
    class Service:
        @cached(maxsize=10)
        def call(self, n):
            return n

    service = Service()
    for n in range(5000):
        service.call(n)
    assert Service.call.cache_info().currsize == 10
    del service
    gc.collect()
    assert Service.call.cache_info().currsize == 0


def test_an_instance_of_many_calls_takes_every_entry_along():
    class Service:
        @cached(maxsize=None)
        def call(self, n):
            return n

    service = Service()
    for n in range(1000):
        service.call(n)
    assert Service.call.cache_info().currsize == 1000
    del service
    gc.collect()
    assert Service.call.cache_info().currsize == 0


async def test_an_instance_of_many_calls_at_once_takes_every_entry_along():
    class Service:
        @cached(maxsize=None)
        async def call(self, n):
            await asyncio.sleep(0)
            return n

    service = Service()
    assert await asyncio.gather(*(service.call(n) for n in range(1000))) == list(range(1000))
    assert Service.call.cache_info().currsize == 1000
    del service
    gc.collect()
    assert Service.call.cache_info().currsize == 0


@in_child
def test_an_argument_whose_key_calls_the_method():
    service = Recalled()
    for n in range(300):
        assert service.call(Calling(service, n)) == 1


class Recalled:
    @cached(maxsize=None)
    def call(self, argument):
        return 1


class Calling:
    """An argument that uses the very method it is an argument of to say what identifies it."""

    numbers = itertools.count(10_000)

    def __init__(self, service, number):
        self.service, self.number = service, number

    def __cache_key__(self):
        self.service.call(next(self.numbers))
        return self.number


def test_classes():
    assert Point.of_class(1) == ("Point", 1)
    assert Below.of_class(1) == ("Below", 1)
    assert Below(3).of_class(1) == ("Below", 1)
    assert Point.static(4) == Point(1).static(4) == 4


def test_inheritance():
    class Loud(Point):
        def times(self, n, add=0):
            return super().times(n, add) + 1000

    loud, quiet = Loud(2), Below(2)
    assert (loud.times(2), quiet.times(2), loud.times(2)) == (1004, 4, 1004)


def test_a_cache_key_wins():
    class User:
        def __init__(self, number):
            self.number = number

        def __cache_key__(self):
            return self.number

        @cached
        def name(self):
            return object()

    assert User(1).name() is User(1).name()
    assert User(1).name() is not User(2).name()


def test_an_instance_that_cannot_be_watched():
    class Slotted:
        __slots__ = ()

        @cached
        def name(self): ...

    with pytest.raises(InvalidKeyError, match="__weakref__"):
        Slotted().name()


def test_unequal_dunder_dict():
    class WithSlots:
        __slots__ = ("__weakref__", "x")

        @cached
        def get(self):
            return self.x

    thing = WithSlots()
    thing.x = 3
    assert thing.get() == 3


def test_an_instance_in_a_cycle():
    Point.times.cache_clear()
    a = Point(1)
    a.me = a
    a.times(1)
    del a
    gc.collect()
    assert Point.times.cache_info().currsize == 0


def test_the_value_may_be_the_instance():
    class Node:
        @cached
        def me(self):
            return self

    node = Node()
    assert node.me() is node


def test_a_bound_method_is_copied_as_methods_are():
    point = Point(2)
    assert copy.copy(point.times) == point.times
    copied = copy.deepcopy(point.times)
    assert copied.__self__ is not point
    assert copied.__func__ is Point.times
    assert copied(4) == 8


def test_bound_methods_pickle_as_methods_do():
    below = PicklablePoint()
    again = pickle.loads(pickle.dumps(below.value))
    assert again() == 5


class PicklablePoint:
    @cached
    def value(self):
        return 5
