"""What one caller does about one missed key: lead, have a thread or a task lead, follow, or load alone."""

from __future__ import annotations

from inspect import isawaitable
from threading import get_ident
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast

from ._inside import INSIDE, Inside, begin_wait, label
from ._lazy import Lazy
from ._omnicache import (
    DONE,
    FAILED,
    Flight,
    Leader,
    Wait,
    Waiter,
    add_need,
    add_wait,
    new_flight_id,
)
from ._parties import Party, Pilot
from ._patience import Limit, Patience
from ._work import Absent, LoaderCancelled, SoftLimit, Work
from .exceptions import CacheTimeoutError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["Load"]

V = TypeVar("V")


class Load(Generic[V]):
    """One caller's request for one key."""

    __slots__ = ("_apart", "_broken", "_parent", "_patience", "_work")

    def __init__(self, work: Work[V], parent: Inside | None, patience: Patience, *, apart: bool = False) -> None:
        """A request by a caller inside of the load ``parent``; ``apart``: the loader runs where the caller is not."""
        self._work: Final = work
        self._parent: Final = parent
        self._patience: Final = patience
        self._apart: Final = apart
        # What stopped a loader that runs apart, and is no Exception: for its caller and for nobody else.
        self._broken: BaseException | None = None

    # --- threads ------------------------------------------------------------------------------------------------------

    def lead(self, leader: Leader) -> V:
        """Runs the loader in this thread, for this caller and for all who wait."""
        try:
            found = self._found(leader)
            if not isinstance(found, Absent):
                return found
            # Who waits for a thread of its own is known by its wait, as one that may leave.
            with _Within(self._node(leader.id), None if self._apart else self._parent):
                try:
                    self._work.led_by(leader)
                    value = self._plain(self._work.begin()())
                    self._keep(value, leader)
                except Exception as error:
                    self._fail(error, leader)
                    raise
                except BaseException as error:
                    if self._apart:
                        self._work.failed(error, _never)
                        self._broken = error
                    raise
        finally:
            leader.abandon()
        return value

    def follow(self, seat: Waiter, *, own: bool = False) -> V | Absent:
        """Waits for a load in this thread, its `own` or another's; absent if it brought nothing for this caller."""
        try:
            flight = seat.flight()
            wait = begin_wait(seat, self._work.name, self._work.key, self._parent, blocking=True)
            if wait is None:
                seat.leave()
                with self._alone(flight):
                    return self._keep_alone(self._plain(self._work.begin()()), flight)
            try:
                self._board(flight, own=own)
                self._watch(flight)
                while not seat.wait(self._patience.slice()):
                    self._watch(flight)
            finally:
                wait.end()
            return self._landing(seat)
        finally:
            seat.leave()

    def _board(self, flight: Flight, *, own: bool) -> None:
        """Begins a wait. A load of another's that has taken too long already is given up before, and not waited for."""
        pilot, hard = flight.pilot, self._patience.hard
        if not own and pilot is not None and hard is not None and not self._relieve(flight):
            late = self._work.now() - pilot.started >= hard
            if late and flight.retire():
                pilot.give_up()
                self._work.failed(self._too_slow(), _never)
        self._patience.board(flight)

    def _relieve(self, flight: Flight) -> bool:
        """Ends a flight whose loader cannot go on, so that one of the waiters leads."""
        pilot = flight.pilot
        if pilot is None or not pilot.stalled() or not flight.retire():
            return False
        pilot.give_up()
        return True

    def _watch(self, flight: Flight) -> None:
        """Ends a flight whose loader cannot go on; leaves one that takes too long."""
        self._relieve(flight)
        limit = self._patience.passed()
        if limit is not None and flight.running:
            self._leave(flight, limit)

    def _leave(self, flight: Flight, limit: Limit) -> NoReturn:
        """Raises what becomes of a caller that a limit keeps from waiting longer."""
        pilot = flight.pilot
        if limit == "soft":
            if pilot is not None:
                pilot.keep()
            raise SoftLimit
        if limit == "deadline":
            what = label(self._work.name, self._work.key)
            raise SoftLimit(
                CacheTimeoutError(f"the load of {what} was not done by the caller's deadline; it may go on for others")
            )
        error = self._too_slow()
        if flight.retire():
            if pilot is not None:
                pilot.give_up()
            self._work.failed(error, _never)
        raise error

    def _too_slow(self) -> CacheTimeoutError:
        what = label(self._work.name, self._work.key)
        return CacheTimeoutError(
            f"the load of {what} took longer than its hard limit of {self._patience.hard} s; raise timeout=, or keep "
            "old values for such cases with stale_on_error="
        )

    # --- tasks --------------------------------------------------------------------------------------------------------

    async def start(self, leader: Leader, pilot: Pilot) -> V | Absent:
        """Has a task run the loader, and waits for it like any other caller."""
        launched = self.launch(leader, pilot)
        if not isinstance(launched, tuple):
            return launched
        node, seat, wait = launched
        try:
            self._patience.board(seat.flight())
            limit = await Party.wait(pilot.loop, seat, self._patience)
            if limit is not None:
                self._leave(seat.flight(), limit)
            if node.error is not None:
                error, node.error = node.error, None
                if isinstance(error, asyncio.CancelledError):
                    raise LoaderCancelled(error)
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

    def launch(self, leader: Leader, pilot: Pilot) -> V | tuple[Inside, Waiter, Wait | None]:
        """Makes the task that runs the loader, unless the value is there: its load, a seat on its flight, the wait."""
        try:
            found = self._found(leader)
            if not isinstance(found, Absent):
                return found
            node = self._node(leader.id)
            seat = leader.waiter()
            # Both before the task is made, which may start at once (an eager task factory) and ask who waits for whom,
            # or only after a plain call on this thread that must not wait for it.
            wait = None if self._parent is None else add_wait(leader.id, self._parent.id, self._parent)
            need = add_need(leader.id, node, get_ident())
            pilot.take_off(leader, self._fly(leader, node, need), self._work.context())
        except BaseException:
            leader.abandon()
            raise
        return node, seat, wait

    async def _fly(self, leader: Leader, node: Inside, need: Wait) -> None:
        """Runs the loader in a task of its own, whose context this is."""
        INSIDE.set(node)
        try:
            self._work.led_by(leader)
            self._keep(await self._made(), leader)
        except Exception as error:  # noqa: BLE001 - it is handed to those who wait
            self._fail(error, leader)
        except BaseException as error:
            # The end of this task, or the loader's own doing? That is for the caller who started it, if it is still
            # there; the others start over.
            if isinstance(error, GeneratorExit) or _is_cancelled():
                raise
            self._work.failed(error, _never)
            if not node.awaited:
                raise
            node.error = error
        finally:
            node.running = False
            need.end()
            leader.abandon()

    async def follow_async(self, seat: Waiter, loop: asyncio.AbstractEventLoop) -> V | Absent:
        """Waits for another's load in a task of ``loop``; absent if it brought nothing for this caller."""
        try:
            wait = begin_wait(seat, self._work.name, self._work.key, self._parent, blocking=False)
            if wait is None:
                flight = seat.flight()
                seat.leave()
                with self._alone(flight):
                    return self._keep_alone(await self._made(), flight)
            try:
                self._board(seat.flight(), own=False)
                limit = await Party.wait(loop, seat, self._patience)
                if limit is not None:
                    self._leave(seat.flight(), limit)
            finally:
                wait.end()
            return self._landing(seat)
        finally:
            seat.leave()

    # --- both ---------------------------------------------------------------------------------------------------------

    def _node(self, number: int, alias: int | None = None) -> Inside:
        return Inside(number, self._work.name, self._work.key, self._parent, alias)

    def _found(self, leader: Leader) -> V | Absent:
        """1. This caller missed. 2. Another loaded, stored, landed. 3. This caller joined, and leads: so look again."""
        try:
            found = self._work.look()
        except Exception as error:
            leader.fail((error, error.__traceback__))
            raise
        if not isinstance(found, Absent):
            leader.finish(found)
        return found

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
        if self._broken is not None:
            error, self._broken = self._broken, None
            try:
                raise error
            finally:
                del error
        there = self._work.look()
        if isinstance(there, Absent) and self._patience.passed() == "hard":
            # Another waiter has given the load up: this one has waited as long.
            raise self._too_slow()
        return there

    def _keep(self, value: V, leader: Leader) -> None:
        """Stores the value, then lands the flight, so that there is no moment without either.

        1. The leader finds the flight valid. 2. Another thread invalidates the flight and deletes the (absent) entry.
        3. The leader stores. 4. It lands the flight, learns of the invalidation, and takes its value out again.

        1. A flight is taken from its leader. 2. The next one begins, and looks at what is in the store. 3. The late
        leader stores. 4. The next one finds that somebody wrote, and does not store what is newer. So who is late first
        joins again, and stores only if no other load is under way.
        """
        again = self._work.flights.join(self._work.key, get_ident()) if leader.retired else None
        try:
            stored = (again is None or isinstance(again, Leader)) and leader.valid and self._work.store(value)
            if not leader.finish(value) and stored:
                self._work.discard(value)
            if isinstance(again, Leader) and stored:
                # What was not stored may be older than an invalidation that those who joined now come after.
                again.finish(value)
        finally:
            if isinstance(again, Leader):
                again.abandon()
            elif again is not None:
                again.leave()

    def _fail(self, error: Exception, leader: Leader) -> None:
        self._work.failed(error, lambda: leader.valid and not leader.retired)
        leader.fail((error, error.__traceback__))

    def _keep_alone(self, value: V, flight: Flight) -> V:
        """Stores the value of a load without a flight, unless the key was invalidated or the flight has ended."""
        stored = flight.valid and self._work.store(value)
        if stored and flight.running and not flight.valid:
            self._work.discard(value)
        return value

    def _alone(self, flight: Flight) -> _Within:
        """A load without a flight, by a caller whose wait would keep the flight from ending.

        It is in the flight's place for the loads under it, but has a number of its own: what it waits for, the flight
        does not.
        """
        self._work.led_by(flight)
        return _Within(self._node(new_flight_id(), flight.id), self._parent, self._work)

    async def _made(self) -> V:
        """What the loader makes, awaited if need be."""
        made = self._work.begin()()
        return cast("V", await made if isawaitable(made) else made)

    def _plain(self, made: V | Awaitable[V]) -> V:
        """What the loader made, unless it is a coroutine, which a plain call cannot await."""
        if isinstance(made, CoroutineType):
            made.close()
            raise TypeError(
                f"the loader of {label(self._work.name, self._work.key)} is a coroutine function: await the "
                "asynchronous method instead, or give it a plain function"
            )
        return cast("V", made)


class _Within:
    """The running of a loader in its caller's own thread or task: the context says so meanwhile, and the graph."""

    __slots__ = ("_counts", "_node", "_parent", "_token", "_wait")

    def __init__(self, node: Inside, parent: Inside | None, counts: Work[Any] | None = None) -> None:
        """Of ``node``, for the load ``parent``, which waits; a loader that raises is told to ``counts``."""
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
            self._counts.failed(error, _never)


def _never() -> bool:
    """An error that is kept for nobody."""
    return False


def _is_cancelled() -> bool:
    """Whether somebody cancelled the running task, as opposed to code in it that raises CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _raise(error: BaseException, traceback: TracebackType | None) -> NoReturn:
    """Raises an error that others raise too: with the traceback it came with, not with theirs on top."""
    try:
        raise error.with_traceback(traceback)
    finally:
        del error, traceback
