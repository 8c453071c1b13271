"""Cached coroutine functions."""

import asyncio
import functools
import gc
import inspect
import pickle
import traceback

import pytest

from omnicache import MISSING, Cache, CacheInfo, InvalidKeyError, cached


@cached
async def of_the_module(a: int, /, b: int = 2, *args: int, c: int = 3, **kwargs: int) -> tuple:
    """Documented."""
    return a, b, args, c, kwargs


async def test_ways_to_write_one_call_are_one_entry():
    of_the_module.cache_clear()
    assert await of_the_module(1) == (1, 2, (), 3, {})
    assert await of_the_module(1, 2) == await of_the_module(1, b=2, c=3) == (1, 2, (), 3, {})
    assert of_the_module.cache_info() == CacheInfo(2, 1, 1024, 1)
    assert await of_the_module(1, 2, 3, a=4, z=5) == (1, 2, (3,), 3, {"a": 4, "z": 5})
    assert await of_the_module(1, 2, 3, z=5, a=4) == (1, 2, (3,), 3, {"a": 4, "z": 5})
    assert of_the_module.cache_info() == CacheInfo(3, 2, 1024, 2)
    assert of_the_module.key(1, 2, 3, a=4)[1:] == (1, 2, (3,), 3, (("a", 4),))


def test_it_is_a_coroutine_function():
    assert inspect.iscoroutinefunction(of_the_module)
    assert str(inspect.signature(of_the_module)) == (
        "(a: int, /, b: int = 2, *args: int, c: int = 3, **kwargs: int) -> tuple"
    )
    assert inspect.signature(of_the_module, follow_wrapped=False).parameters["c"].default == 3
    assert of_the_module.__doc__ == "Documented."
    assert pickle.loads(pickle.dumps(of_the_module)) is of_the_module
    with pytest.raises(TypeError, match=r"of_the_module\(\) missing 1 required positional argument: 'a'"):
        of_the_module()


async def test_one_calls_entry():
    runs = []

    @cached
    async def f(a):
        runs.append(a)
        return a

    assert await f.peek(1) is MISSING
    assert await f.put(50, 1) == 50
    assert await f(1) == await f.peek(a=1) == 50
    assert await f.refresh(1) == await f(1) == 1
    assert await f.invalidate(1) is True
    assert await f.invalidate(1) is False
    assert runs == [1]
    with pytest.raises(TypeError):
        f.key()


async def test_one_task_computes_and_cancelling_a_waiter_harms_nobody():
    runs = []

    @cached
    async def slow(a):
        runs.append(a)
        await asyncio.sleep(0.02)
        return a

    tasks = [asyncio.create_task(slow(1)) for _ in range(20)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[5].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(result == 1 for result in results) == 18
    assert runs == [1]


async def test_none_is_kept_and_errors_are_not():
    runs = []

    @cached
    async def f(a):
        runs.append(a)
        if a:
            raise ValueError(a)

    assert await f(0) is await f(0) is None
    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            await f(1)
    assert runs == [0, 1, 1]


def test_a_hit_does_not_suspend():
    @cached
    async def f(a):
        return a

    asyncio.run(f(1))
    coroutine = f(1)
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value == 1


def test_several_loops_share_it():
    runs = []

    @cached
    async def f(a):
        runs.append(a)
        return a

    assert asyncio.run(f(1)) == asyncio.run(f(1)) == 1
    assert runs == [1]


async def test_names_that_clash():
    @cached
    async def clash(_look_up, _load, _absent=1, *, _value=2, _key=3, cached=4):
        return _look_up, _load, _absent, _value, _key, cached

    assert await clash(0, 1) == await clash(0, 1, _key=3) == (0, 1, 1, 2, 3, 4)
    assert clash.cache_info()[:2] == (1, 1)


async def test_methods():
    class Thing:
        def __init__(self, x):
            self.x = x

        @cached
        async def times(self, n=1):
            return self.x * n

    a, b = Thing(1), Thing(2)
    assert (await a.times(), await b.times(), await a.times(1), await b.times(n=1)) == (1, 2, 1, 2)
    assert inspect.iscoroutinefunction(a.times)
    assert await Thing.times.invalidate(a, 1) is True
    with pytest.raises(InvalidKeyError, match="Pass the instance first"):
        await a.times.invalidate(1)
    del a, b
    gc.collect()
    assert Thing.times.cache_info().currsize == 0


async def test_a_key_of_ones_own_and_a_shared_cache():
    cache = Cache("coroutines")

    @cached(cache=cache, key=lambda user, *, deep=False: user["id"], ttl="1m")
    async def f(user, *, deep=False):
        return user["name"]

    assert await f({"id": 1, "name": "a"}) == await f({"id": 1, "name": "b"}, deep=True) == "a"
    assert f.cache is cache
    assert cache.keys() == [f.key({"id": 1})]
    f.cache_clear()
    assert f.cache_info() == CacheInfo(0, 0, None, 0)


async def test_partials_and_objects():
    async def add(a, b):
        return a + b

    class Adder:
        async def __call__(self, a):
            return a + 1

    assert await cached(functools.partial(add, 1))(2) == 3
    assert await cached(Adder())(2) == 3


async def test_an_argument_that_cannot_be_a_key():
    @cached
    async def f(thing):
        return 1

    with pytest.raises(InvalidKeyError, match="'thing'"):
        await f(object())


async def test_a_traceback_names_the_function():
    @cached
    async def breaks(a):
        raise ValueError

    try:
        await breaks(1)
    except ValueError as error:
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names.count("breaks") >= 1
