"""The threads that run loads apart from their callers: background refreshes, and loads that somebody may stop awaiting.

They start when there is work, end when there has been none for a while, and never keep the interpreter alive.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final, Protocol

__all__ = ["WORKERS", "Runnable", "Workers"]

_MOST: Final = 8
"""So many at a time run what nobody waits for; what somebody waits for always finds a thread."""
_IDLE: Final = 10.0
"""Seconds without work after which a thread ends."""


class Runnable(Protocol):
    """Work for a thread."""

    def __call__(self) -> None:
        """Does it; it raises nothing."""


class Workers:
    """A pool of daemon threads."""

    def __init__(self) -> None:
        self._ready = threading.Condition(threading.Lock())
        self._queue: deque[Runnable] = deque()
        self._threads = 0
        self._idle = 0

    def run(self, job: Runnable, *, urgent: bool) -> None:
        """Has a thread run `job`, soon; at once if it is `urgent`, whatever the others are busy with.

        Raises:
            RuntimeError: No thread can be started, and there is none.
        """
        with self._ready:
            if urgent:
                self._queue.appendleft(job)
            else:
                self._queue.append(job)
            if self._idle >= len(self._queue) or (not urgent and self._threads >= _MOST):
                self._ready.notify()
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, name="omnicache-load", daemon=True).start()
        except RuntimeError:
            with self._ready:
                self._threads -= 1
                # What is running will come to it; if nothing is, nobody would.
                if self._threads == 0:
                    self._queue.remove(job)
                    raise

    def _work(self) -> None:
        while True:
            with self._ready:
                if not self._queue:
                    self._idle += 1
                    self._ready.wait(_IDLE)
                    self._idle -= 1
                if not self._queue:
                    self._threads -= 1
                    return
                job = self._queue.popleft()
            job()
            del job  # it may hold values, for as long as this thread waits


WORKERS: Final = Workers()

if hasattr(os, "register_at_fork"):
    # The child has none of these threads, and their lock may be held by one of them.
    os.register_at_fork(after_in_child=lambda: Workers.__init__(WORKERS))
