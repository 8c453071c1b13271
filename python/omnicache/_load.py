"""What one caller does about one missed key: lead, start a task that leads, follow, or load alone."""

from __future__ import annotations

import asyncio
import enum
from contextvars import copy_context
from inspect import isawaitable
from threading import get_ident
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, Protocol, TypeVar, cast

from ._inside import INSIDE, Inside, begin_wait, label
from ._omnicache import DONE, FAILED, Flight, Flights, Leader, Wait, Waiter, add_need, add_wait, new_flight_id
from ._parties import POLL, Party, Pilot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Absent", "Load", "Port"]

V = TypeVar("V")


class Absent(enum.Enum):
    """The type of no value, which no loader can return."""

    ABSENT = enum.auto()


_ABSENT: Final = Absent.ABSENT


class Port(Protocol):
    """What a load needs of the cache. Nothing here may wait for a load."""

    @property
    def name(self) -> str:
        """The cache's name, for errors."""
        ...

    @property
    def flights(self) -> Flights:
        """The running loads of this cache."""
        ...

    def peek(self, key: Any, default: Any, /) -> Any:
        """The value of ``key`` if it is there and may be served, else ``default``; counts as no request."""

    def discard(self, key: Any, value: Any, /) -> None:
        """Removes the entry of ``key`` if it is still this very object ``value``."""

    def load_failed(self, key: Any, error: Exception, /) -> None:
        """A loader of ``key`` raised ``error``; once for each load."""


class Load(Generic[V]):
    """One caller's request for one key."""

    __slots__ = ("_cache", "_key", "_loader", "_parent", "_store")

    def __init__(
        self,
        cache: Port,
        key: Any,
        loader: Callable[[], V | Awaitable[V]],
        store: Callable[[V], object],
        parent: Inside | None,
    ) -> None:
        """A request by a caller that is inside of the load ``parent``."""
        self._cache: Final = cache
        self._key: Final = key
        self._loader: Final = loader
        self._store: Final = store
        self._parent: Final = parent

    # --- threads ------------------------------------------------------------------------------------------------------

    def lead(self, leader: Leader) -> V:
        """Runs the loader in this thread, for this caller and for all who wait."""
        try:
            found = self._look()
            if not isinstance(found, Absent):
                leader.finish(found)
                return found
            node = Inside(leader.id, self._cache.name, self._key, self._parent)
            with _Within(node, self._parent):
                value = self._plain(self._loader())
            self._keep(value, leader)
        except Exception as error:
            self._cache.load_failed(self._key, error)
            leader.fail((error, error.__traceback__))
            raise
        finally:
            leader.abandon()
        return value

    def follow(self, seat: Waiter) -> V | Absent:
        """Waits for another's load in this thread; absent if it brought nothing for this caller."""
        try:
            flight = seat.flight()
            wait = begin_wait(seat, self._cache.name, self._key, self._parent, blocking=True)
            if wait is None:
                seat.leave()
                with self._alone(flight):
                    return self._keep_alone(self._plain(self._loader()), flight)
            try:
                _take_from_stalled(flight)
                while not seat.wait(POLL):
                    _take_from_stalled(flight)
            finally:
                wait.end()
            return self._landing(seat)
        finally:
            seat.leave()

    # --- tasks --------------------------------------------------------------------------------------------------------

    async def start(self, leader: Leader, pilot: Pilot) -> V | Absent:
        """Has a task run the loader, and waits for it like any other caller."""
        try:
            found = self._look()
            if not isinstance(found, Absent):
                leader.finish(found)
                return found
            node = Inside(leader.id, self._cache.name, self._key, self._parent)
            seat = leader.waiter()
            # Both before the task is made, which may start at once (an eager task factory) and ask who waits for whom,
            # or only after a plain call on this thread that must not wait for it.
            wait = None if self._parent is None else add_wait(leader.id, self._parent.id, self._parent)
            need = add_need(leader.id, node, get_ident())
            pilot.take_off(leader, self._fly(leader, node, need), copy_context())
        except BaseException:
            leader.abandon()
            raise
        try:
            await Party.wait(pilot.loop, seat)
            if node.error is not None:
                error, node.error = node.error, None
                try:
                    _raise(error, error.__traceback__)
                finally:
                    del error
            return self._landing(seat)
        finally:
            node.awaited = False
            if wait is not None:
                wait.end()
            seat.leave()

    async def _fly(self, leader: Leader, node: Inside, need: Wait) -> None:
        """Runs the loader in a task of its own, whose context this is."""
        INSIDE.set(node)
        try:
            self._keep(await self._made(), leader)
        except Exception as error:  # noqa: BLE001 - it is handed to those who wait
            self._cache.load_failed(self._key, error)
            leader.fail((error, error.__traceback__))
        except BaseException as error:
            # The end of this task, or the loader's own doing? That is for the caller who started it, if it is still
            # there; the others start over.
            if isinstance(error, GeneratorExit) or _is_cancelled() or not node.awaited:
                raise
            node.error = error
        finally:
            node.running = False
            need.end()
            leader.abandon()

    async def follow_async(self, seat: Waiter, loop: asyncio.AbstractEventLoop) -> V | Absent:
        """Waits for another's load in a task of ``loop``; absent if it brought nothing for this caller."""
        try:
            wait = begin_wait(seat, self._cache.name, self._key, self._parent, blocking=False)
            if wait is None:
                flight = seat.flight()
                seat.leave()
                with self._alone(flight):
                    return self._keep_alone(await self._made(), flight)
            try:
                await Party.wait(loop, seat)
            finally:
                wait.end()
            return self._landing(seat)
        finally:
            seat.leave()

    # --- both ---------------------------------------------------------------------------------------------------------

    def _look(self) -> V | Absent:
        """1. This caller missed. 2. Another loaded, stored, landed. 3. This caller joined, and leads: so look again."""
        return cast("V | Absent", self._cache.peek(self._key, _ABSENT))

    def _landing(self, seat: Waiter) -> V | Absent:
        """What the flight brought, or what is in the store by now."""
        state, found = seat.take()
        if state == DONE:
            return cast("V", found)
        if state == FAILED:
            try:
                _raise(*found)
            finally:
                del found  # else this frame and the error hold each other
        return self._look()

    def _keep(self, value: V, leader: Leader) -> None:
        """Stores the value, then lands the flight, so that there is no moment without either.

        1. The leader finds the flight valid. 2. Another thread invalidates the flight and deletes the (absent) entry.
        3. The leader stores. 4. It lands the flight, learns of the invalidation, and takes its value out again.
        """
        stored = leader.valid
        if stored:
            self._store(value)
        if not leader.finish(value) and stored:
            self._cache.discard(self._key, value)

    def _keep_alone(self, value: V, flight: Flight) -> V:
        """Stores the value of a load without a flight, unless the key was invalidated or the flight has ended."""
        stored = flight.valid
        if stored:
            self._store(value)
        if stored and flight.running and not flight.valid:
            self._cache.discard(self._key, value)
        return value

    def _alone(self, flight: Flight) -> _Within:
        """A load without a flight, by a caller whose wait would keep the flight from ending.

        It is in the flight's place for the loads under it, but has a number of its own: what it waits for, the flight
        does not.
        """
        node = Inside(new_flight_id(), self._cache.name, self._key, self._parent, alias=flight.id)
        return _Within(node, self._parent, self._cache)

    async def _made(self) -> V:
        """What the loader makes, awaited if need be."""
        made = self._loader()
        return cast("V", await made if isawaitable(made) else made)

    def _plain(self, made: V | Awaitable[V]) -> V:
        """What the loader made, unless it is a coroutine, which a plain call cannot await."""
        if isinstance(made, CoroutineType):
            made.close()
            raise TypeError(
                f"the loader of {label(self._cache.name, self._key)} is a coroutine function: await the asynchronous "
                "method instead, or give it a plain function"
            )
        return cast("V", made)


class _Within:
    """The running of a loader in its caller's own thread or task: the context says so meanwhile, and the graph."""

    __slots__ = ("_counts", "_node", "_parent", "_token", "_wait")

    def __init__(self, node: Inside, parent: Inside | None, counts: Port | None = None) -> None:
        """Of ``node``, inside of ``parent``; a loader that raises is told to ``counts``."""
        self._node: Final = node
        self._parent: Final = parent
        self._counts: Final = counts
        self._wait: Wait | None = None

    def __enter__(self) -> None:
        if self._parent is not None:
            self._wait = add_wait(self._node.id, self._parent.id, self._parent)
        self._token = INSIDE.set(self._node)

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._node.running = False
        if not isinstance(error, GeneratorExit):  # which may come in another context
            INSIDE.reset(self._token)
        if self._wait is not None:
            self._wait.end()
        if self._counts is not None and isinstance(error, Exception):
            self._counts.load_failed(self._node.key, error)


def _is_cancelled() -> bool:
    """Whether somebody cancelled the running task, as opposed to code in it that raises CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


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
