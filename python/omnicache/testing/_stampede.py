"""Many callers at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, overload

from ._counting import loads_of

__all__ = ["Stampede", "stampede"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Stampede:
    """What became of a stampede.

    Args:
        results: What the callers got that were given a value.
        errors: What the others' calls raised.
        loads: How often the loader ran meanwhile; None if what was called is no cached function.
    """

    results: list[Any] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    loads: int | None = None


# A coroutine function is a function too; the first that fits is taken.
@overload
def stampede(  # pyright: ignore[reportOverlappingOverload]
    function: Callable[..., Coroutine[Any, Any, Any]], /, *args: Any, callers: int = 50, **kwargs: Any
) -> Coroutine[Any, Any, Stampede]: ...
@overload
def stampede(function: Callable[..., Any], /, *args: Any, callers: int = 50, **kwargs: Any) -> Stampede: ...
def stampede(function: Callable[..., Any], /, *args: Any, callers: int = 50, **kwargs: Any) -> Any:
    """Calls `function` with these arguments from many callers at once: threads, or tasks for a coroutine function.

    Args:
        function: What to call; a coroutine function makes this one awaitable.
        callers: How many.

    Returns:
        A :class:`Stampede`.

    >>> from omnicache import cached
    >>> from omnicache.testing import stampede
    >>> @cached
    ... def square(number: int) -> int:
    ...     return number * number
    >>> outcome = stampede(square, 3, callers=8)
    >>> outcome.results, outcome.loads
    ([9, 9, 9, 9, 9, 9, 9, 9], 1)
    """
    if callers < 1:
        raise ValueError(f"stampede: callers: a whole number of at least 1, not {callers!r}")
    if iscoroutinefunction(function):
        return _tasks(function, args, kwargs, callers)
    return _threads(function, args, kwargs, callers)


def _threads(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], callers: int) -> Stampede:
    outcome, before = Stampede(), loads_of(function)
    barrier = threading.Barrier(callers)

    def call() -> None:
        barrier.wait()
        try:
            outcome.results.append(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is what the test asks for
            outcome.errors.append(error)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _counted(outcome, function, before)


async def _tasks(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], callers: int) -> Stampede:
    outcome, before = Stampede(), loads_of(function)
    for found in await asyncio.gather(*(function(*args, **kwargs) for _ in range(callers)), return_exceptions=True):
        if isinstance(found, BaseException):
            outcome.errors.append(found)
        else:
            outcome.results.append(found)
    return _counted(outcome, function, before)


def _counted(outcome: Stampede, function: Any, before: int | None) -> Stampede:
    after = loads_of(function)
    if before is not None and after is not None:
        outcome.loads = after - before
    return outcome
