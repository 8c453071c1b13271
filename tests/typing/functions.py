"""What type checkers must see of cached functions. Checked by mypy and pyright, never run."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from omnicache import Cache, cached
from omnicache._sentinels import MissingType

cache = Cache("typed")


@cached
def bare(x: int, *, y: str = "") -> float:
    return float(x) + len(y)


@cached(maxsize=10, ttl="5m")
def with_options(x: int) -> list[str]:
    return [str(x)]


@cache.cached(ttl=60)
def in_a_cache(x: int) -> bytes:
    return bytes(x)


@cached
async def awaited(x: int) -> set[int]:
    await asyncio.sleep(0)
    return {x}


@cached(ttl=1)
async def awaited_with_options(x: int) -> set[int]:
    await asyncio.sleep(0)
    return {x}


def results() -> None:
    assert_type(bare(1, y="a"), float)
    assert_type(with_options(1), list[str])
    assert_type(in_a_cache(1), bytes)
    bare.cache_clear()
    assert_type(bare.cache_info().hits, int)
    assert_type(bare.peek(1), float | MissingType)
    bare.put(1.5, 1)
    assert_type(bare.refresh(1), float)
    plain: Callable[[int], list[str]] = with_options
    plain(1)


def wrong_calls() -> None:
    bare("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare(1, z=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with_options()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def awaited_results() -> None:
    assert_type(await awaited(1), set[int])
    assert_type(await awaited_with_options(1), set[int])
    assert_type(await awaited.refresh(1), set[int])
    assert_type(await awaited.peek(1), set[int] | MissingType)
    function: Callable[[int], Coroutine[Any, Any, set[int]]] = awaited
    await function(1)


class Shop:
    rate = 2.0

    @cached
    def total(self, amount: int) -> float:
        return amount * self.rate

    @cached
    async def atotal(self, amount: int) -> float:
        await asyncio.sleep(0)
        return amount * self.rate


async def methods() -> None:
    shop = Shop()
    assert_type(shop.total(3), float)
    assert_type(await shop.atotal(3), float)
