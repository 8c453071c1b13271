"""One load per key at a time, whatever mix of threads and tasks asks: the two faces of a flight.

The first caller leads, all others wait. In :func:`load_sync` the leader runs the loader in its own thread, or in one of
its own if somebody may stop waiting; in :func:`load_async` the loader is a task of its own, so that cancelling any
caller takes only that caller away.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, TypeVar

from ._inside import innermost
from ._job import Job
from ._lazy import Lazy
from ._load import Load
from ._omnicache import Leader, flights_forked
from ._parties import Party, Pilot
from ._patience import ENDLESS, Patience
from ._work import Absent, Work

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["board_sync", "load_async", "load_sync", "refresh_async", "refresh_sync"]

V = TypeVar("V")


def load_sync(work: Work[V], patience: Patience = ENDLESS) -> V:
    """The value of ``work``'s key, from its loader or from whoever is loading it already.

    Args:
        work: What to load, missed just now. Its loader runs in this thread if `patience` has no end.
        patience: How long to wait.

    Returns:
        The value.

    Raises:
        ReentrantLoadError: The caller is, directly or through others, the loader of this key.
        CacheTimeoutError: A limit of `patience` was passed.
        SoftLimit: Its soft limit was.
        Exception: What the loader raised, here or where it runs.
    """
    while True:
        found = board_sync(work, patience)()
        if not isinstance(found, Absent):
            return found


def board_sync(work: Work[V], patience: Patience) -> Callable[[], V | Absent]:
    """One round of :func:`load_sync`, to be called.

    It is not called here because a frame less on the way to the loader is a deeper recursion of functions that are
    cached.
    """
    load = Load(work, innermost(), patience, apart=patience.ends)
    if patience.ends:
        job = Job(load.lead, work.context(), work.now, urgent=True)
        seat = work.flights.join(work.key, 0, job)
        if isinstance(seat, Leader):
            return partial(load.follow, job.take_off(seat), own=True)
        return partial(load.follow, seat)
    seat = work.flights.join(work.key, get_ident())
    return partial(load.lead, seat) if isinstance(seat, Leader) else partial(load.follow, seat)


async def load_async(work: Work[V], patience: Patience = ENDLESS) -> V:
    """:func:`load_sync` for tasks: the loader may be a coroutine function, and cancelling a caller stops that caller.

    The loader runs in a task with a copy of the first caller's context; it is cancelled when nobody wants its value.

    Raises:
        LoaderCancelled: The loader raised CancelledError by itself.
    """
    load = Load(work, innermost(), patience)
    loop = asyncio.get_running_loop()
    while True:
        pilot = Pilot(loop, work.now())
        seat = work.flights.join(work.key, get_ident(), pilot)
        if isinstance(seat, Leader):
            found = await load.start(seat, pilot)
        else:
            found = await load.follow_async(seat, loop)
        if not isinstance(found, Absent):
            return found


def refresh_sync(work: Work[V]) -> None:
    """Starts a load that nobody waits for, in a thread of its own, unless one is under way. It raises nothing."""
    try:
        job = Job(Load(work, None, ENDLESS, apart=True).lead, work.context(), work.now, urgent=False)
        leader = _led(work, 0, job)
        if leader is not None:
            job.take_off(leader).leave()
    except Exception as error:  # noqa: BLE001 - no thread can be started, say: the caller has a value all the same
        work.failed(error, lambda: False)


def refresh_async(work: Work[V]) -> None:
    """As :func:`refresh_sync`, in a task of the running loop."""
    try:
        pilot = Pilot(asyncio.get_running_loop(), work.now(), kept=True)
        leader = _led(work, get_ident(), pilot)
        launched = None if leader is None else Load(work, None, ENDLESS, apart=True).launch(leader, pilot)
        if isinstance(launched, tuple):
            node, seat, _ = launched
            node.awaited = False
            seat.leave()
    except Exception as error:  # noqa: BLE001 - as above
        work.failed(error, lambda: False)


def _led(work: Work[V], thread: int, owner: Job | Pilot) -> Leader | None:
    """The lead of a load, unless one is under way that can go on."""
    while True:
        seat = work.flights.join(work.key, thread, owner)
        if isinstance(seat, Leader):
            return seat
        flight = seat.flight()
        pilot = flight.pilot
        seat.leave()
        # A job that waits for a thread is left to do so: nobody needs its value now.
        if not (isinstance(pilot, Pilot) and pilot.stalled() and flight.retire()):
            return None
        pilot.give_up()


def _after_fork() -> None:
    """In the child: the threads and loops that led the running loads exist in the parent only."""
    flights_forked()
    Party.forget_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
