"""Cached functions whose entries leave the process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from omnicache import MISSING, Cache, CacheConfigError
from tests.places import PLACES


@pytest.fixture(params=[place for place in PLACES if place != "memory"])
def cache(make: Callable[..., Cache], tmp_path: Path, request: pytest.FixtureRequest, clock) -> Cache:
    return make(backend=PLACES[request.param](tmp_path), clock=clock)


def test_a_function_remembers(cache: Cache):
    runs = []

    @cache.cached(ttl=60, tags=["squares"])
    def square(number: int) -> dict[str, int]:
        runs.append(number)
        return {"square": number * number}

    assert square(3) == square(number=3) == {"square": 9}
    assert square(4) == {"square": 16}
    assert runs == [3, 4]
    info = square.cache_info()
    assert (info.hits, info.misses, info.currsize) == (1, 2, 2)
    assert square.peek(3) == {"square": 9}
    assert square.peek(5) is MISSING
    assert square.put({"square": -1}, 5) == {"square": -1}
    assert square(5) == {"square": -1}
    assert square.refresh(3) == {"square": 9}
    assert square.invalidate(3) is True
    assert square.invalidate(3) is False
    assert square(3) == {"square": 9}
    assert runs == [3, 4, 3, 3]
    cache.invalidate(tags=["squares"])
    assert square.cache_info().currsize == 0
    square(4)
    square.cache_clear()
    assert square.peek(4) is MISSING
    assert square.cache_info() == (0, 0, None, 0)


def test_a_coroutine_function_remembers(cache: Cache):
    runs = []

    @cache.cached(ttl=60)
    async def square(number: int) -> int:
        runs.append(number)
        await asyncio.sleep(0)
        return number * number

    async def main():
        assert await asyncio.gather(*(square(3) for _ in range(20))) == [9] * 20
        assert runs == [3]
        assert await square(3) == 9
        assert await square.peek(3) == 9
        assert await square.peek(5) is MISSING
        assert await square.put(-1, 5) == -1
        assert await square(5) == -1
        assert await square.refresh(3) == 9
        assert await square.invalidate(3) is True
        assert await square(3) == 9
        assert runs == [3, 3, 3]

    asyncio.run(main())


def test_an_entry_ends_with_its_time(cache: Cache, clock):
    runs = []

    @cache.cached(ttl=10, stale=5)
    def load() -> int:
        runs.append(1)
        return len(runs)

    assert [load(), load()] == [1, 1]
    clock.advance(16)
    assert load() == 2


def test_a_method_is_refused_where_its_instances_mean_nothing(cache: Cache):
    with pytest.raises((CacheConfigError, RuntimeError)) as caught:

        class Plain:
            @cache.cached
            def load(self) -> int:
                return 1

    error = caught.value if isinstance(caught.value, CacheConfigError) else caught.value.__cause__
    assert isinstance(error, CacheConfigError)
    assert "load(): the entries of this cache leave the process" in str(error)
    assert "Plain a __cache_key__() method" in str(error)


async def test_a_coroutine_method_is_refused_when_it_is_called(cache: Cache):
    class Plain:
        @cache.cached
        async def load(self) -> int:
            return 1

    with pytest.raises(CacheConfigError, match="Plain a __cache_key__"):
        await Plain().load()


def test_a_method_of_what_says_who_it_is_remembers(cache: Cache):
    @dataclass
    class User:
        number: int
        runs = 0

        def __cache_key__(self) -> int:
            return self.number

        @cache.cached
        def name(self) -> str:
            User.runs += 1
            return f"user {self.number}"

    assert [User(1).name(), User(1).name(), User(2).name()] == ["user 1", "user 1", "user 2"]
    assert User.runs == 2
    assert User(1).name.invalidate() is True


def test_functions_of_one_name_are_not_mixed_up(cache: Cache):
    def made(factor: int, **options: str):
        @cache.cached(**options)
        def times(number: int) -> int:
            return number * factor

        return times

    double = made(2)
    with pytest.raises(CacheConfigError, match=r"another function of this name.*prefix="):
        made(3)
    assert [double(2), made(3, prefix="triple")(2), double(2)] == [4, 6, 4]
