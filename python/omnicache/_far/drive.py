"""Operations that are written once, as generators, and driven by a thread or by a task.

An operation yields what it wants of the far store, ``(name, *arguments)``, and is sent the answer. The names beginning
with ``!`` are the driver's own: ``("!call", function)`` calls a loader, ``("!sleep", seconds)`` waits, ``("!wait",
function, *arguments)`` calls what may wait for other threads.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from functools import wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .._lazy import Lazy
from .apart import apart

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["CALL", "SLEEP", "WAIT", "Operation", "Port", "adrive", "coloured", "drive"]

R = TypeVar("R")

Operation = Generator[tuple[Any, ...], Any, R]
CALL = "!call"
SLEEP = "!sleep"
WAIT = "!wait"


class Port(Protocol):
    """A far store as operations use it: the same request in two colours."""

    late: Any
    """A function that is called when something is done after all that nobody waits for any more."""

    def call(self, name: str, /, *args: Any) -> Any:
        """Does it in this thread."""

    def acall(self, name: str, /, *args: Any) -> Awaitable[Any]:
        """Does it without stopping the running loop."""
        ...


def drive(port: Port, operation: Operation[R]) -> R:
    """Runs an operation in this thread."""
    try:
        step = next(operation)
        while True:
            try:
                name = step[0]
                if name == CALL:
                    answer = step[1]()
                elif name == SLEEP:
                    time.sleep(step[1])
                    answer = None
                elif name == WAIT:
                    answer = step[1](*step[2:])
                else:
                    answer = port.call(*step)
            except BaseException as error:  # noqa: BLE001 - it is the operation's
                step = operation.throw(error)
            else:
                step = operation.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def adrive(port: Port, operation: Operation[R]) -> R:
    """Runs an operation in a task."""
    try:
        step = next(operation)
        while True:
            try:
                name = step[0]
                if name == CALL:
                    answer = step[1]()
                    if isawaitable(answer):
                        answer = await answer
                elif name == SLEEP:
                    await asyncio.sleep(step[1])
                    answer = None
                elif name == WAIT:
                    answer = await apart(*step[1:])
                else:
                    answer = await port.acall(*step)
            except BaseException as error:  # noqa: BLE001 - it is the operation's
                step = operation.throw(error)
            else:
                step = operation.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def coloured(operation: Callable[..., Operation[Any]], name: str | None = None) -> tuple[Any, Any]:
    """The plain method and its awaitable twin that `operation` stands for, by its name or by another one.

    Their types are those of :class:`omnicache.Cache`, whose methods they are.
    """
    name = name or operation.__name__.removeprefix("_")

    @wraps(operation)
    def plain(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return drive(self._port, operation(self, *args, **kwargs))

    @wraps(operation)
    async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await adrive(self._port, operation(self, *args, **kwargs))

    owner = operation.__qualname__.rpartition(".")[0]
    for function, its_name in ((plain, name), (awaited, f"a{name}")):
        # So that its documentation is found where the method is first described.
        function.__name__, function.__qualname__ = its_name, f"{owner}.{its_name}"
    return plain, awaited
