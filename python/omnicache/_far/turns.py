"""Taking turns at a key: what reads before it writes is done by one thread or task of this process at a time."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from typing import Final

__all__ = ["Turns"]


class Turns:
    """Who is at which key, and who comes next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[bytes, deque[Future[None]]] = {}
        _ALL.add(self)

    def take(self, key: bytes) -> Future[None] | None:
        """None: it is the caller's turn. Else what tells of the end of another's, after which it is the caller's."""
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting is None:
                self._waiting[key] = deque()
                return None
            turn: Future[None] = Future()
            waiting.append(turn)
            return turn

    def give(self, key: bytes) -> None:
        """The caller's turn, or a place in the line that came to be his after he had gone, is over."""
        while True:
            with self._lock:
                waiting = self._waiting.get(key)
                if not waiting:
                    self._waiting.pop(key, None)
                    return
                turn = waiting.popleft()
            if turn.set_running_or_notify_cancel():  # else he does not wait any more
                turn.set_result(None)
                return


_ALL: Final[weakref.WeakSet[Turns]] = weakref.WeakSet()


def _forget() -> None:
    """A child after a fork: those who had turns are threads of the parent's."""
    for turns in list(_ALL):
        turns._lock, turns._waiting = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
