"""Calls of the methods of a user's store, plain or coroutine functions, from threads and from tasks.

Nothing that a store does may hang its caller, and nothing that it raises may be mistaken for another error: a call ends
in time or with :class:`CacheTimeoutError`, and fails with :class:`CacheBackendError`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

from .._lazy import Lazy
from ..exceptions import CacheBackendError, CacheTimeoutError
from .apart import apart, in_time

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["Caller"]


class _Loop:
    """An event loop in a thread, for plain calls of a user's coroutine functions; made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, made: Coroutine[Any, Any, Any], timeout: float | None) -> Any:
        """The result of a coroutine, for a thread.

        Raises:
            TimeoutError: It takes longer.
        """
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="omnicache-loop", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(made, timeout), self._loop).result()


_LOOP: Final = _Loop()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _Loop.__init__(_LOOP))  # the thread is the parent's


class Caller:
    """Calls the methods of one store."""

    def __init__(self, store: str, timeout: float | None) -> None:
        """`store` is its name in errors; `timeout`: seconds that one call may take."""
        self._store: Final = store
        self._timeout: Final = timeout

    def call(self, method: Callable[..., Any], args: Iterable[Any], late: Callable[[], object]) -> Any:
        """What the method returns, for a thread; `late` hears if it returns when nobody waits any more."""
        try:
            if iscoroutinefunction(method):
                return self._answer(method, _LOOP.run(_tried(method(*args)), self._timeout))
            if self._timeout is None:
                outcome = _tried_plain(method, args)
            else:
                outcome = in_time(_tried_plain, (method, args), self._timeout, late)
            made = self._answer(method, outcome)
            return self._answer(method, _LOOP.run(_tried(made), self._timeout)) if _waits(made) else made
        except TimeoutError as error:
            raise self._late(method) from error

    async def acall(self, method: Callable[..., Any], args: Iterable[Any], late: Callable[[], object]) -> Any:
        """What the method returns, for a task; a plain method runs in a thread of its own."""
        try:
            async with asyncio.timeout(self._timeout):
                if iscoroutinefunction(method):
                    return self._answer(method, await _tried(method(*args)))
                made = self._answer(method, await apart(_tried_plain, method, args, late=late))
                return self._answer(method, await _tried(made)) if _waits(made) else made
        except TimeoutError as error:
            if isinstance(error, CacheTimeoutError):
                raise  # the store's own
            raise self._late(method) from error

    def _name(self, method: Callable[..., Any]) -> str:
        return f"{self._store}.{getattr(method, '__name__', 'method')}"

    def _late(self, method: Callable[..., Any]) -> CacheTimeoutError:
        return CacheTimeoutError(
            f"{self._name(method)} took longer than {self._timeout} s; raise the backend's timeout, or see why it hangs"
        )

    def _answer(self, method: Callable[..., Any], outcome: tuple[Any, Exception | None]) -> Any:
        """What a store returned; whatever it raised is an error of the backend."""
        value, error = outcome
        if error is None:
            return value
        if isinstance(error, (CacheBackendError, CacheTimeoutError)):
            raise error
        raise CacheBackendError(f"{self._name(method)} failed: {type(error).__name__}: {error}") from error


def _tried_plain(method: Callable[..., Any], args: Iterable[Any]) -> tuple[Any, Exception | None]:
    """What a method returned, or raised, which is not to be mistaken for what the waiting for it raises."""
    try:
        return _whole(method(*args)), None
    except Exception as error:  # noqa: BLE001 - it is handed on
        return None, error


async def _tried(made: Any) -> tuple[Any, Exception | None]:
    """What an awaitable brings, or an asynchronous iterable."""
    try:
        if isawaitable(made):
            made = await made
        return [item async for item in made] if isinstance(made, AsyncIterable) else _whole(made), None
    except Exception as error:  # noqa: BLE001 - it is handed on
        return None, error


def _waits(made: Any) -> bool:
    return isawaitable(made) or isinstance(made, AsyncIterable)


def _whole(made: Any) -> Any:
    """The answer; one that is made bit by bit is made here, where it may take its time."""
    if made is None or isinstance(made, (bytes, list, bool)) or _waits(made) or not isinstance(made, Iterable):
        return made
    return made if isinstance(made, (str, bytearray, memoryview)) else list(made)
