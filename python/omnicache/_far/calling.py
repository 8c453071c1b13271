"""Calls of the methods of a user's store, plain or coroutine functions, from threads and from tasks.

Nothing that a store does may hang its caller, and nothing that it raises may be mistaken for another error: a call ends
in time or with :class:`CacheTimeoutError`, and fails with :class:`CacheBackendError`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

from .._workers import WORKERS
from ..exceptions import CacheBackendError, CacheTimeoutError

__all__ = ["Caller"]


class _Late(Exception):
    """The limit has passed; not a TimeoutError, which the store itself may raise."""


class _Loop:
    """An event loop in a thread, for plain calls of a user's coroutine functions; made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, made: Awaitable[Any], timeout: float | None) -> Any:
        """The result of an awaitable, for a thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="omnicache-loop", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(_awaited(made, timeout), self._loop).result()


_LOOP: Final = _Loop()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _Loop.__init__(_LOOP))  # the thread is the parent's


class Caller:
    """Calls the methods of one store."""

    def __init__(self, store: str, timeout: float | None) -> None:
        """`store` is its name in errors; `timeout`: seconds that one call may take."""
        self._store: Final = store
        self._timeout: Final = timeout

    def call(self, method: Callable[..., Any], args: Iterable[Any]) -> Any:
        """What the method returns, for a thread."""
        try:
            if iscoroutinefunction(method):
                return _LOOP.run(method(*args), self._timeout)
            made = self._plain(method, args)
            return _LOOP.run(made, self._timeout) if _waits(made) else _whole(made)
        except Exception as error:
            raise self._error(method, error) from error

    async def acall(self, method: Callable[..., Any], args: Iterable[Any]) -> Any:
        """What the method returns, for a task; a plain method runs in a thread of its own."""
        try:
            if iscoroutinefunction(method):
                return await _awaited(method(*args), self._timeout)
            made = await _awaited(asyncio.to_thread(lambda: _whole(method(*args))), self._timeout)
            return await _awaited(made, self._timeout) if _waits(made) else made
        except Exception as error:
            raise self._error(method, error) from error

    def _plain(self, method: Callable[..., Any], args: Iterable[Any]) -> Any:
        if self._timeout is None:
            return method(*args)
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(_whole(method(*args)))
            except BaseException as error:  # noqa: BLE001 - it is handed to the caller
                done.set_exception(error)

        WORKERS.run(run, urgent=True)
        try:
            return done.result(self._timeout)
        except FutureTimeout:
            if done.done():
                raise  # the store's own
            raise _Late from None

    def _error(self, method: Callable[..., Any], error: Exception) -> Exception:
        """Whatever a store raises is an error of the backend."""
        name = f"{self._store}.{getattr(method, '__name__', 'method')}"
        if isinstance(error, _Late):
            return CacheTimeoutError(
                f"{name} took longer than {self._timeout} s; raise the backend's timeout, or see why it hangs"
            )
        if isinstance(error, CacheBackendError):
            return error
        return CacheBackendError(f"{name} failed: {type(error).__name__}: {error}")


def _waits(made: Any) -> bool:
    return isawaitable(made) or isinstance(made, AsyncIterable)


def _whole(made: Any) -> Any:
    """The answer; one that is made bit by bit is made here, where it may take its time."""
    if made is None or isinstance(made, (bytes, list, bool)) or _waits(made) or not isinstance(made, Iterable):
        return made
    return made if isinstance(made, (str, bytearray, memoryview)) else list(made)


async def _awaited(made: Any, timeout: float | None) -> Any:
    """What an awaitable brings, or an asynchronous iterable."""
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            if isawaitable(made):
                made = await made
            return [item async for item in made] if isinstance(made, AsyncIterable) else _whole(made)
    except TimeoutError:
        if limit.expired():
            raise _Late from None
        raise
