"""Writes that are done soon: in order, by one thread, and none of them later than the end of the cache."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..exceptions import CacheTimeoutError

if TYPE_CHECKING:
    from .drive import Port

__all__ = ["Behind"]

LONGEST: Final = 30.0
"""Seconds that a caller waits for the queue."""
_IDLE: Final = 10.0
_ALL: Final[weakref.WeakSet[Behind]] = weakref.WeakSet()

Step = tuple[tuple[Any, ...], Callable[[], object]]


class Behind:
    """The queue of one cache. A full one has the writer wait."""

    def __init__(self, port: Port, size: int) -> None:
        """At most `size` writes to `port` are under way."""
        self._port: Final = port
        self._size: Final = size
        self._begin()
        _ALL.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Step] = deque()
        # Writes so far: taken into the queue, and done.
        self._added = self._done = 0
        self._running = False

    @property
    def settled(self) -> bool:
        """Whether nothing is under way."""
        return self._done == self._added

    def add(self, step: tuple[Any, ...], lost: Callable[[], object]) -> None:
        """Has `step` done, after all that was added before; `lost` hears if it could not be.

        Raises:
            CacheTimeoutError: The queue remained full.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._queue) < self._size, LONGEST):
                raise CacheTimeoutError(
                    f"the queue of writes that are to be done soon has been full for {LONGEST:g} s: its store is too "
                    'slow or hangs; raise queue_size=, or use write="through"'
                )
            self._put(step, lost)

    def offer(self, step: tuple[Any, ...], lost: Callable[[], object]) -> bool:
        """As :meth:`add`, if there is room at once; whether there was."""
        with self._changed:
            if len(self._queue) >= self._size:
                return False
            self._put(step, lost)
            return True

    def _put(self, step: tuple[Any, ...], lost: Callable[[], object]) -> None:
        self._queue.append((step, lost))
        self._added += 1
        if not self._running:
            self._running = True
            threading.Thread(target=self._work, name="omnicache-behind", daemon=True).start()
        self._changed.notify_all()

    def flush(self) -> None:
        """Waits until all that was added so far is done.

        Raises:
            CacheTimeoutError: It took too long; it goes on.
        """
        if self.settled:
            return
        with self._changed:
            until = self._added
            if not self._changed.wait_for(lambda: self._done >= until, LONGEST):
                raise CacheTimeoutError(
                    f"{self._added - self._done} writes that are to be done soon were not done within {LONGEST:g} s: "
                    "their store is too slow or hangs"
                )

    def close(self) -> None:
        """As :meth:`flush`; nothing is added any more."""
        try:
            self.flush()
        finally:
            _ALL.discard(self)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._changed.wait(_IDLE)
                if not self._queue:
                    self._running = False
                    return
                step, lost = self._queue.popleft()
                self._changed.notify_all()  # there is room
            try:
                if not self._port.call(*step):
                    lost()
            except Exception:  # noqa: BLE001 - the guard has counted and logged it; nobody waits for it
                lost()
            del step, lost  # they may hold values, for as long as this thread waits
            with self._changed:
                self._done += 1
                self._changed.notify_all()


def _end() -> None:
    """The interpreter ends, and takes the threads along."""
    for behind in list(_ALL):
        try:
            behind.flush()
        except CacheTimeoutError:
            continue  # nobody is there to be told


def _begin_anew() -> None:
    """In a child after a fork: what the parent has not written yet the parent will write."""
    for behind in list(_ALL):
        behind._begin()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
