"""One load per key at a time, whatever mix of threads and tasks asks: the two faces of a flight.

The first caller leads, all others wait. In :func:`load_sync` the leader runs the loader in its own thread; in
:func:`load_async` the loader is a task of its own, so that cancelling any caller takes only that caller away.
"""

from __future__ import annotations

import asyncio
import os
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from ._inside import innermost
from ._load import Absent, Load, Port
from ._omnicache import Leader, flights_forked
from ._parties import Party, Pilot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Port", "load_async", "load_sync"]

V = TypeVar("V")


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
    load: Load[V] = Load(cache, key, loader, store, innermost())
    while True:
        seat = cache.flights.join(key, get_ident())
        found = load.lead(seat) if isinstance(seat, Leader) else load.follow(seat)
        if not isinstance(found, Absent):
            return found


async def load_async(cache: Port, key: Any, loader: Callable[[], V | Awaitable[V]], store: Callable[[V], object]) -> V:
    """:func:`load_sync` for tasks: the loader may be a coroutine function, and cancelling a caller stops that caller.

    The loader runs in a task with a copy of the first caller's context; it is cancelled when nobody wants its value.
    """
    load: Load[V] = Load(cache, key, loader, store, innermost())
    loop = asyncio.get_running_loop()
    while True:
        pilot = Pilot(loop)
        seat = cache.flights.join(key, get_ident(), pilot)
        if isinstance(seat, Leader):
            found = await load.start(seat, pilot)
        else:
            found = await load.follow_async(seat, loop)
        if not isinstance(found, Absent):
            return found


def _after_fork() -> None:
    """In the child: the threads and loops that led the running loads exist in the parent only."""
    flights_forked()
    Party.forget_all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
