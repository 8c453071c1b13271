"""One load per key at a time, whatever mix of threads and tasks asks: the two faces of a flight.

The first caller leads, all others wait. In :func:`load_sync` the leader runs the loader in its own thread; in
:func:`load_async` the loader is a task of its own, so that cancelling any caller takes only that caller away.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from inspect import isawaitable
from threading import get_ident
from types import CoroutineType, TracebackType
from typing import Any, Final, NoReturn, Protocol, TypeVar, cast

from ._inside import INSIDE, Inside, begin_wait, innermost, label
from ._omnicache import (
    DONE,
    FAILED,
    Flight,
    Flights,
    Leader,
    Wait,
    add_need,
    add_wait,
    flights_forked,
    new_flight_id,
)
from ._parties import POLL, Party, Pilot

__all__ = ["Port", "load_async", "load_sync"]

V = TypeVar("V")

_ABSENT: Final = object()


class Port(Protocol):
    """What a load needs of the cache. Nothing here may wait for a load."""

    @property
    def name(self) -> str:
        """The cache's name, for errors."""

    @property
    def flights(self) -> Flights:
        """The running loads of this cache."""

    def peek(self, key: Any, default: Any, /) -> Any:
        """The value of ``key`` if it is there and may be served, else ``default``; counts as no request."""

    def discard(self, key: Any, value: Any, /) -> None:
        """Removes the entry of ``key`` if it is still this very object ``value``."""

    def load_failed(self, key: Any, error: Exception, /) -> None:
        """A loader of ``key`` raised ``error``; once for each load."""


def load_sync(cache: Port, key: Any, loader: Callable[[], V], store: Callable[[V], object]) -> V:
    """The value of ``key``, from ``loader`` or from whoever is loading it already.

    Args:
        cache: Where the load belongs.
        key: The key, missed just now.
        loader: Computes the value, in this thread.
        store: Puts the value into the cache; called once, before the waiters get it, unless the key was invalidated
            while the loader ran.

    Returns:
        The value.

    Raises:
        ReentrantLoadError: The caller is, directly or through others, the loader of this key.
        Exception: What the loader raised, here or where it runs.
    """
    parent = innermost()
    while True:
        seat = cache.flights.join(key, get_ident())
        if isinstance(seat, Leader):
            return _lead(cache, key, loader, store, seat, parent)
        try:
            flight = seat.flight()
            wait = begin_wait(seat, cache.name, key, parent, blocking=True)
            if wait is None:
                seat.leave()
                with _Alone(cache, key, store, flight, parent) as alone:
                    return alone.keep(_plain(loader(), cache, key))
            try:
                _take_from_stalled(flight)
                while not seat.wait(POLL):
                    _take_from_stalled(flight)
            finally:
                wait.end()
            state, found = seat.take()
        finally:
            seat.leave()
        if state == DONE:
            return cast("V", found)
        if state == FAILED:
            try:
                _raise(*found)
            finally:
                del found  # else this frame and the error hold each other
        found = cache.peek(key, _ABSENT)
        if found is not _ABSENT:
            return cast("V", found)


async def load_async(
    cache: Port, key: Any, loader: Callable[[], V | Awaitable[V]], store: Callable[[V], object]
) -> V:
    """:func:`load_sync` for tasks: the loader may be a coroutine function, and cancelling a caller stops that caller.

    The loader runs in a task with a copy of the first caller's context; it is cancelled when nobody wants its value.
    """
    loop = asyncio.get_running_loop()
    parent = innermost()
    while True:
        pilot = Pilot(loop)
        seat = cache.flights.join(key, get_ident(), pilot)
        leader = seat if isinstance(seat, Leader) else None
        if leader is not None:
            found = cache.peek(key, _ABSENT)
            if found is not _ABSENT:
                leader.finish(found)
                return cast("V", found)
            seat = leader.waiter()
        node: Inside | None = None
        try:
            # Before the task: it may start at once (an eager task factory), and then asks the graph.
            wait = begin_wait(seat, cache.name, key, parent, blocking=False)
            if wait is None:
                flight = seat.flight()
                seat.leave()
                with _Alone(cache, key, store, flight, parent) as alone:
                    made = loader()
                    return alone.keep(await made if isawaitable(made) else made)
            try:
                if leader is not None:
                    node = Inside(seat.id, cache.name, key, parent)
                    pilot.take_off(leader, _fly(cache, key, loader, store, leader, node), copy_context())
                    leader = None
                await Party.wait(loop, seat)
            finally:
                wait.end()
            state, found = seat.take()
        finally:
            seat.leave()
            if node is not None:
                node.awaited = False
            if leader is not None:
                leader.abandon()
        if state == DONE:
            return cast("V", found)
        if state == FAILED:
            try:
                _raise(*found)
            finally:
                del found  # else this frame and the error hold each other
        if node is not None and node.error is not None:
            error, node.error = node.error, None
            try:
                _raise(error, error.__traceback__)
            finally:
                del error
        found = cache.peek(key, _ABSENT)
        if found is not _ABSENT:
            return cast("V", found)


def _lead(
    cache: Port, key: Any, loader: Callable[[], V], store: Callable[[V], object], leader: Leader, parent: Inside | None
) -> V:
    """Runs the loader in this thread, for this caller and for all who wait."""
    try:
        # 1. This caller missed. 2. Another loaded, stored and landed. 3. This caller joined, and leads: look again.
        found = cache.peek(key, _ABSENT)
        if found is not _ABSENT:
            leader.finish(found)
            return cast("V", found)
        node = Inside(leader.id, cache.name, key, parent)
        wait = None if parent is None else add_wait(leader.id, parent.id, parent)
        token = INSIDE.set(node)
        try:
            value = _plain(loader(), cache, key)
        finally:
            node.running = False
            INSIDE.reset(token)
            if wait is not None:
                wait.end()
        _keep(cache, key, value, store, leader)
    except Exception as error:
        leader.fail((error, error.__traceback__))
        cache.load_failed(key, error)
        raise
    finally:
        leader.abandon()
    return value


async def _fly(
    cache: Port,
    key: Any,
    loader: Callable[[], V | Awaitable[V]],
    store: Callable[[V], object],
    leader: Leader,
    node: Inside,
) -> None:
    """Runs the loader in a task of its own, whose context this is."""
    INSIDE.set(node)
    need = add_need(node.id, node, get_ident())
    try:
        made = loader()
        value = await made if isawaitable(made) else made
        _keep(cache, key, cast("V", value), store, leader)
    except Exception as error:  # noqa: BLE001 - it is handed to those who wait
        leader.fail((error, error.__traceback__))
        cache.load_failed(key, error)
    except BaseException as error:
        # The end of this task, or the loader's own doing? That is for the caller who started it, if it is still there;
        # the others start over.
        if isinstance(error, GeneratorExit) or _is_cancelled() or not node.awaited:
            raise
        node.error = error
    finally:
        node.running = False
        need.end()
        leader.abandon()


def _is_cancelled() -> bool:
    """Whether somebody cancelled the running task, as opposed to code in it that raises CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _keep(cache: Port, key: Any, value: V, store: Callable[[V], object], leader: Leader) -> None:
    """Stores the value, then lands the flight, so that there is no moment without either.

    1. The leader finds the flight valid. 2. Another thread invalidates the flight and deletes the (absent) entry.
    3. The leader stores. 4. It lands the flight, learns of the invalidation, and takes its value out again.
    """
    stored = leader.valid
    if stored:
        store(value)
    if not leader.finish(value) and stored:
        cache.discard(key, value)


class _Alone:
    """A load without a flight, by a caller whose wait would keep the flight from ending."""

    __slots__ = ("_cache", "_flight", "_key", "_node", "_parent", "_store", "_token", "_wait")

    def __init__(
        self, cache: Port, key: Any, store: Callable[[Any], object], flight: Flight, parent: Inside | None
    ) -> None:
        self._cache = cache
        self._key = key
        self._store = store
        self._flight = flight
        self._parent = parent
        # In the flight's place for the loads under it, but not in the graph: what it waits for, the flight does not.
        self._node = Inside(new_flight_id(), cache.name, key, parent, alias=flight.id)
        self._wait: Wait | None = None

    def __enter__(self) -> _Alone:
        if self._parent is not None:
            self._wait = add_wait(self._node.id, self._parent.id, self._parent)
        self._token = INSIDE.set(self._node)
        return self

    def keep(self, value: V) -> V:
        """Stores the value, unless the key was invalidated or the flight has brought one meanwhile."""
        if self._flight.valid:
            self._store(value)
            if not self._flight.valid and self._flight.running:
                self._cache.discard(self._key, value)
        return value

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._node.running = False
        INSIDE.reset(self._token)
        if self._wait is not None:
            self._wait.end()
        if isinstance(error, Exception):
            self._cache.load_failed(self._key, error)


def _plain(value: V, cache: Port, key: Any) -> V:
    """The value, unless it is a coroutine, which a plain call cannot await."""
    if type(value) is CoroutineType:
        value.close()
        raise TypeError(
            f"the loader of {label(cache.name, key)} is a coroutine function: await the asynchronous method instead, or "
            "give it a plain function"
        )
    return value


def _take_from_stalled(flight: Flight) -> None:
    """Ends a flight whose loader's loop is dead, so that one of the waiters leads."""
    pilot = flight.pilot
    if pilot is not None and pilot.stalled() and flight.retire():
        pilot.give_up()


def _raise(error: BaseException, traceback: TracebackType | None) -> NoReturn:
    """Raises an error that others raise too: with the traceback it came with, not with theirs on top."""
    try:
        raise error.with_traceback(traceback)
    finally:
        del error, traceback


def _after_fork() -> None:
    """In the child: the threads and loops that led the running loads exist in the parent only."""
    flights_forked()
    Party.forget_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
