"""Calls that may take long, in threads of their own: for a task, so that its loop goes on; for a thread, with a limit.

They do not run in the loop's own executor, whose few threads belong to the application, and which the loop waits for at
its end: a store that hangs would hang both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from .._lazy import Lazy
from .._workers import WORKERS

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["apart", "in_time", "nothing"]


def nothing() -> None:
    """Nobody wants to know."""


class _Call:
    """One call; whoever waits for it may leave."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], tell: Callable[[], object]) -> None:
        """`tell` hears, in the thread of the call, that it is done."""
        self._function, self._args, self._tell = function, args, tell
        self._context: Final = copy_context()
        self._lock: Final = threading.Lock()
        self._late: Callable[[], object] | None = None
        self._done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self.result = self._context.run(self._function, *self._args)
        except BaseException as error:  # noqa: BLE001 - it is handed to who waits
            self.error = error
        with self._lock:
            self._done = True
            late = self._late
        if late is None:
            self._tell()
        else:
            late()

    def leave(self, late: Callable[[], object]) -> None:
        """Nobody waits any more: `late` hears when what was begun is done after all."""
        with self._lock:
            if not self._done:
                self._late = late
                return
        late()

    def answer(self) -> Any:
        """What it brought."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # it would hold this frame, which holds it
        return self.result


async def apart(function: Callable[..., Any], *args: Any, late: Callable[[], object] = nothing) -> Any:
    """What `function` returns; `late` hears if it returns when the task has been cancelled."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not done.done():
            done.set_result(None)

    def tell() -> None:
        try:
            loop.call_soon_threadsafe(end)
        except RuntimeError:  # the loop is closed
            late()

    call = _Call(function, args, tell)
    WORKERS.run(call, urgent=True)
    try:
        await done
    except BaseException:
        call.leave(late)
        raise
    return call.answer()


def in_time(function: Callable[..., Any], args: Any, timeout: float, late: Callable[[], object] = nothing) -> Any:
    """What `function` returns.

    Raises:
        TimeoutError: It takes longer; `late` hears when it returns after all.
    """
    done = threading.Event()
    call = _Call(function, tuple(args), done.set)
    WORKERS.run(call, urgent=True)
    in_time = False
    try:
        in_time = done.wait(timeout)
    finally:
        if not in_time:
            call.leave(late)
    if not in_time:
        raise TimeoutError
    return call.answer()
