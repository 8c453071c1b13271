"""The meeting of flights and event loops: the task that leads a flight, the tasks of one loop that wait for one."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from ._lazy import Lazy
from ._patience import POLL

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from ._omnicache import Flight, Leader, Waiter
    from ._patience import Limit, Patience
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["Party", "Pilot"]


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread; there is none while nobody has imported asyncio."""
    events = sys.modules.get("asyncio.events")
    # Documented, public but for its name. It is not there yet while another thread imports the module.
    find = getattr(events, "_get_running_loop", None)
    return None if find is None else cast("asyncio.AbstractEventLoop | None", find())


class Pilot:
    """The task that runs a flight's loader, as those who wait for the flight see it."""

    __slots__ = ("_cancelled", "_flight", "_idle_since", "_kept", "_task", "loop", "started")

    def __init__(self, loop: asyncio.AbstractEventLoop, started: float, *, kept: bool = False) -> None:
        """A pilot on ``loop``, which leads once it has a flight and a task.

        ``started`` is a moment of the cache's clock. ``kept``: the load goes on whether anybody waits for it or not.
        """
        self.loop: Final = loop
        self.started: Final = started
        self._kept = kept
        self._flight: Flight | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._idle_since: float | None = None

    def take_off(self, leader: Leader, flying: Coroutine[Any, Any, None], context: Context) -> None:
        """Starts the task that runs the loader. The flight keeps the pilot, the pilot keeps the task."""
        self._flight = leader.flight()
        self._task = self.loop.create_task(flying, context=context)
        # 1. The task is made. 2. It is cancelled. 3. It ends without a single step, and so without its `finally`.
        self._task.add_done_callback(lambda _: leader.abandon())

    def keep(self) -> None:
        """Lets the load go on when nobody waits for it any more."""
        self._kept = True

    def unwanted(self) -> None:
        """Nobody wants the value any more. Called by the flight, in any thread."""
        if self._kept:
            return
        if running_loop() is self.loop:
            self._cancel_unwanted()
        else:
            self._soon(self._cancel_unwanted)

    def give_up(self) -> None:
        """Cancels the load of a flight that others have taken over; from any thread."""
        self._soon(self._cancel)

    def stalled(self) -> bool:
        """Whether the loader cannot go on: its loop is closed, or has not been running for a while."""
        if self.loop.is_closed():
            return True
        if self.loop.is_running():
            self._idle_since = None
            return False
        now = monotonic()
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since >= POLL

    def _soon(self, callback: Callable[[], None]) -> None:
        try:
            self.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # a closed loop has no task to cancel

    def _cancel_unwanted(self) -> None:
        # Somebody may have come between the last leaving and this call.
        if self._flight is not None and self._flight.running and not self._flight.wanting:
            self._cancel()

    def _cancel(self) -> None:
        # Once: a loader that cleans up is not hurried.
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            # A flight that was taken from its pilot keeps it no more, and a loop keeps its tasks weakly.
            _LEAVING.add(self._task)
            self._task.add_done_callback(_LEAVING.discard)
            self._task.cancel()


_LEAVING: Final[set[asyncio.Task[None]]] = set()
_PARTIES: Final[dict[tuple[int, int], Party]] = {}


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Party:
    """The tasks of one loop that wait for one flight: woken by one call into the loop, however many they are.

    A party lives in its loop's thread; only :meth:`ring` is called from elsewhere.
    """

    __slots__ = ("_flight", "_futures", "_loop", "_pilot", "_place", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, flight: Flight) -> None:
        """The party of ``loop`` for ``flight``."""
        self._place: Final = (id(loop), flight.id)
        self._loop: Final = loop
        self._flight: Final = flight
        self._futures: set[asyncio.Future[None]] = set()
        pilot = flight.pilot
        # A flight of the same loop cannot outlive it, and one led by a thread ends with its loader.
        self._pilot: Pilot | None = None if pilot is None or pilot.loop is loop else pilot
        self._timer: asyncio.TimerHandle | None = None

    @staticmethod
    def forget_all() -> None:
        """For a forked child, where the other loops do not exist."""
        _PARTIES.clear()

    @staticmethod
    async def wait(loop: asyncio.AbstractEventLoop, waiter: Waiter, patience: Patience) -> Limit | None:
        """Waits until the flight of ``waiter`` has ended, or a limit was passed, which is returned."""
        party = _PARTIES.get((id(loop), waiter.id))
        if party is None:
            flight = waiter.flight()
            party = _PARTIES[id(loop), waiter.id] = Party(loop, flight)
            if not flight.attach(party.ring):
                del _PARTIES[party._place]
                return None
        future = loop.create_future()
        party._futures.add(future)
        if party._pilot is not None and party._timer is None:
            party._look()
        try:
            if not patience.ends:
                await future
                return None
            while True:
                limit = patience.passed()
                if limit is not None:
                    return limit
                timer = loop.call_later(patience.left(), _wake, future)
                try:
                    await future
                finally:
                    timer.cancel()
                if not party._flight.running:
                    return None
                party._futures.discard(future)
                future = loop.create_future()
                # The flight's end comes to this loop as a call of its own, and so finds the new one.
                party._futures.add(future)
        finally:
            party._futures.discard(future)

    def ring(self) -> None:
        """The flight has ended. Called by the flight, in any thread."""
        if running_loop() is self._loop:
            self._wake()
            return
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # the loop is closed, and so its tasks are gone
            _PARTIES.pop(self._place, None)

    def _wake(self) -> None:
        _PARTIES.pop(self._place, None)
        if self._timer is not None:
            self._timer.cancel()
        for future in self._futures:
            _wake(future)

    def _look(self) -> None:
        """Takes the flight from a leader whose loop is dead, at once or at the next look."""
        self._timer = None
        if not self._futures or self._pilot is None:
            return
        if self._pilot.stalled() and self._flight.retire():
            self._pilot.give_up()
        else:
            self._timer = self._loop.call_later(POLL, self._look)
