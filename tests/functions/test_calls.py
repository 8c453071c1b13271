"""Cached functions: how calls are bound, what they share, what a function can be asked."""

import copy
import functools
import gc
import inspect
import pickle
import threading
import weakref
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache import (
    MISSING,
    Cache,
    CachedFunction,
    CacheInfo,
    InvalidKeyError,
    KeyBy,
    ManualClock,
    NoKey,
    cached,
)


@cached
def of_the_module(a: int) -> int:
    """Documented."""
    return a


def counted(function, **options):
    """`function` cached, and the list of the calls that came through."""
    calls = []

    @functools.wraps(function)
    def counting(*args, **kwargs):
        calls.append((args, kwargs))
        return function(*args, **kwargs)

    return cached(**options)(counting), calls


# --- binding ---


def test_ways_to_write_one_call_are_one_entry():
    rest = {"c": 3}
    f, calls = counted(lambda a, b=2, *, c=3: (a, b, c))
    for call in (
        lambda: f(1), lambda: f(a=1), lambda: f(1, 2), lambda: f(1, b=2), lambda: f(b=2, a=1),
        lambda: f(1, c=3), lambda: f(c=3, b=2, a=1), lambda: f(*(1,), **rest),
    ):  # fmt: skip
        assert call() == (1, 2, 3)
    assert calls == [((1,), {})]
    assert f.key(1) == f.key(c=3, a=1) == (f.key(1)[0], 1, 2, 3)
    assert f.cache_info() == CacheInfo(7, 1, 1024, 1)


def test_names_that_are_not_interned():
    f, calls = counted(lambda alpha: alpha)
    f(**{bytes("alpha", "ascii").decode(): 1})
    f(1)
    assert len(calls) == 1


def test_types_are_told_apart():
    f, calls = counted(lambda a: a.__class__)
    assert [f(1), f(1.0), f(True), f("1"), f(b"1"), f(None)] == [int, float, bool, str, bytes, type(None)]
    assert len(calls) == 6
    assert f(0.0) is f(-0.0)
    assert f(float("nan")) is f(float("nan"))


def test_positional_only_and_packed():
    def packed(a, /, b=0, *args, c=1, **kwargs):
        return a, b, args, c, kwargs

    f, calls = counted(packed)
    assert f(1, 2, 3, 4, c=5, a=6, z=7) == (1, 2, (3, 4), 5, {"a": 6, "z": 7})
    assert f(1, 2, 3, 4, z=7, a=6, c=5) == (1, 2, (3, 4), 5, {"a": 6, "z": 7})
    assert len(calls) == 1
    assert f.key(1, 2, 3, z=0, a=9)[1:] == (1, 2, (3,), 1, (("a", 9), ("z", 0)))
    assert f(1) == f(1, 0) == (1, 0, (), 1, {})
    assert len(calls) == 2


def test_many_parameters():
    names = [f"p{n}" for n in range(20)]
    scope = {}
    exec(f"def many({', '.join(f'{name}={n}' for n, name in enumerate(names))}): return locals()", scope)
    f, calls = counted(scope["many"])
    assert f(p19=0) == f(*range(19), 0)
    assert len(calls) == 1
    assert f() == dict(zip(names, range(20), strict=True))


def signatures():
    def none(): ...
    def one(a): ...
    def default(a, b=2): ...
    def named(a, *, b, c=3): ...
    def nameless(a, b=2, /, c=3): ...
    def rest(a, *args, b=1): ...
    def anything(*args, **kwargs): ...

    return [none, one, default, named, nameless, rest, anything]


PLAIN = st.none() | st.integers() | st.text(max_size=3) | st.booleans() | st.lists(st.integers(), max_size=2)


@given(
    st.sampled_from(signatures()),
    st.lists(PLAIN, max_size=4),
    st.dictionaries(st.sampled_from("abcd"), PLAIN, max_size=3),
)
def test_binding_is_that_of_inspect(function, args, kwargs):
    f = cached(function)
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError):
            f(*args, **kwargs)
        with pytest.raises(TypeError):
            f.key(*args, **kwargs)
        return
    bound.apply_defaults()
    expected = tuple(
        tuple(sorted(value.items())) if name == "kwargs" else value for name, value in bound.arguments.items()
    )
    assert f.key(*args, **kwargs)[1:] == expected
    f(*args, **kwargs)
    f(*bound.args, **bound.kwargs)
    assert f.cache_info()[:2] == (1, 1)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"a": 1}), ((1,), {"z": 1}), ((), {"b": 1})]
)
def test_a_call_that_does_not_fit_says_what_python_says(args, kwargs):
    def f(a, b=2, *, c=3): ...

    with pytest.raises(TypeError) as expected:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as found:
        cached(f)(*args, **kwargs)
    assert str(found.value) == str(expected.value)


def test_builtins_and_classes_and_partials():
    assert cached(len)("four") == 4
    assert cached(max)(1, 2, 3) == 3
    assert cached(dict)(a=1) == {"a": 1}
    power = cached(functools.partial(pow, 2))
    assert power(10) == 1024
    assert power.cache_info().misses == 1


def test_arguments_that_are_not_plain():
    f, calls = counted(lambda a: a)
    assert f([1, {"b": 2}]) == f([1, {"b": 2}]) == [1, {"b": 2}]
    assert f({1, 2}) == f({2, 1})
    assert len(calls) == 2
    with pytest.raises(InvalidKeyError, match="the argument 'a' cannot be part of the key"):
        f(object())


# --- values ---


def test_none_is_kept_and_errors_are_not():
    f, calls = counted(lambda a: None if a else 1 / a)
    assert f(1) is f(1) is None
    assert len(calls) == 1
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            f(0)
    assert len(calls) == 3


def test_recursion():
    @cached(maxsize=None)
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(80) == 23416728348467685
    assert fib.cache_info() == CacheInfo(78, 81, None, 81)


def test_one_thread_computes():
    barrier, started, runs = threading.Barrier(8), threading.Event(), []

    @cached
    def slow(a):
        runs.append(a)
        started.wait(0.2)
        return a

    def run():
        barrier.wait()
        assert slow(7) == 7

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs == [7]


def test_ttl():
    clock = ManualClock()
    f, calls = counted(lambda a: a, ttl="10s", clock=clock)
    f(1)
    clock.advance(9)
    f(1)
    assert len(calls) == 1
    clock.advance(2)
    f(1)
    assert len(calls) == 2


# --- what a function can be asked ---


def test_one_calls_entry():
    f, calls = counted(lambda a, b=2: a + b)
    assert f.peek(1) is MISSING
    assert f.put(50, 1) == 50
    assert f(a=1) == f.peek(1, 2) == 50
    assert f.refresh(1) == 3
    assert f(1) == 3
    assert calls == [((1,), {})]
    assert f.invalidate(1, b=2) is True
    assert f.invalidate(1, b=2) is False
    assert f.peek(1) is MISSING
    assert f.cache_info().misses == 0


def test_put_takes_any_name():
    f = cached(lambda value, self: (value, self))
    f.put(1, value=2, self=3)
    assert f(2, 3) == 1


def test_as_lru_cache():
    f = cached(maxsize=2)(lambda a: a)
    for a in (1, 2, 1, 3, 2):
        f(a)
    assert f.cache_info() == CacheInfo(1, 4, 2, 2)
    assert f.cache_parameters() == {"maxsize": 2, "typed": True}
    f.cache_clear()
    assert f.cache_info() == CacheInfo(0, 0, 2, 0)
    assert cached(10)(abs).cache_parameters()["maxsize"] == 10
    assert cached(None, typed=False)(abs).cache_info().maxsize is None


def test_it_looks_like_the_function():
    assert isinstance(of_the_module, CachedFunction)
    assert of_the_module.__name__ == "of_the_module"
    assert of_the_module.__doc__ == "Documented."
    assert str(inspect.signature(of_the_module)) == "(a: int) -> int"
    assert of_the_module.__wrapped__(3) == 3
    assert callable(of_the_module)
    assert of_the_module.__call__(4) == 4
    assert weakref.ref(of_the_module)() is of_the_module
    assert not inspect.iscoroutinefunction(of_the_module)


def test_it_is_pickled_by_name_and_copied_as_itself():
    assert pickle.loads(pickle.dumps(of_the_module)) is of_the_module
    assert copy.copy(of_the_module) is of_the_module
    assert copy.deepcopy(of_the_module) is of_the_module


# --- caches that are shared ---


def test_a_named_cache_is_used_and_cleared_apart():
    cache = Cache("shared-by-functions")
    f, g = cached(cache=cache)(lambda a: a), cached(cache="shared-by-functions")(lambda a: -a)
    assert (f(1), g(1), f(1), g(1)) == (1, -1, 1, -1)
    assert f.cache is g.cache is cache
    assert f.key(1) != g.key(1)
    f.cache_clear()
    assert f.cache_info() == CacheInfo(0, 0, None, 0)
    assert g.cache_info() == CacheInfo(1, 1, None, 1)
    assert f.peek(1) is MISSING
    cache.clear()
    assert g.peek(1) is MISSING


def test_closures_of_one_name_do_not_meet():
    cache = Cache("closures")

    def adder(n):
        @cached(cache=cache)
        def add(a):
            return a + n

        return add

    assert [adder(n)(1) for n in range(3)] == [1, 2, 3]


def test_a_dead_closure_leaves_nothing_but_its_number():
    cache = Cache("many-closures")

    def made(n):
        return cached(cache=cache)(lambda a: a + n)

    made(0)
    gc.collect()
    before = len(gc.get_objects())
    for n in range(2, 1000):
        assert made(n).key(1)[0].endswith(f"<lambda>#{n}")
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_prefix_and_version():
    cache = Cache("prefixes")
    assert cached(cache=cache, prefix="mine", version=2)(abs).key(1) == ("mine@2", 1)
    assert cached(version="b")(of_the_module.__wrapped__).key(1) == (f"{__name__}:of_the_module@b", 1)


def test_tags():
    cache = Cache("tagged-by-functions")
    f = cached(cache=cache, tags=["reports"])(lambda a: a)
    f(1)
    cache.invalidate(tags=["reports"])
    assert f.peek(1) is MISSING


def test_a_key_of_ones_own():
    f = cached(key=lambda user, verbose=False: user["id"])(lambda user, verbose=False: user["name"])
    assert f({"id": 1, "name": "a"}) == f({"id": 1, "name": "b"}, verbose=True) == "a"
    assert f.key({"id": 3})[1:] == (3,)


# --- what takes part ---


class Session:
    pass


def test_marks():
    @cached
    def load(user: Annotated[dict, KeyBy(lambda user: user["id"])], session: Annotated[Session, NoKey], n: int = 0):
        return user["name"]

    first = load({"id": 1, "name": "a"}, Session())
    assert load({"id": 1, "name": "b"}, Session()) == first == "a"
    assert load.key({"id": 5}, Session())[1:] == (5, 0)
    assert load.cache_info()[:2] == (1, 1)
