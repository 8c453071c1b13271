"""Writes that are done soon: in order, by one thread, and none of them later than the end of the cache."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .drive import Port

__all__ = ["Behind"]


class Behind:
    """The queue of one cache. A full one has the writer wait."""

    def __init__(self, port: Port, size: int) -> None:
        """At most `size` writes to `port` are under way."""
        self._port: Final = port
        self._size: Final = size
        self._reset()
        if hasattr(os, "register_at_fork"):
            # What the parent has not written yet the parent will write.
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[tuple[Any, ...]] = deque()
        self._busy = False
        self._running = False

    def add(self, *step: Any) -> None:
        """Has this done, after all that was added before."""
        with self._changed:
            while len(self._queue) >= self._size:
                self._changed.wait()
            self._queue.append(step)
            if not self._running:
                self._running = True
                threading.Thread(target=self._work, name="omnicache-behind", daemon=True).start()
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether everything that was added is done."""
        return not self._queue and not self._busy

    @property
    def full(self) -> bool:
        """Whether the next one would have to wait."""
        return len(self._queue) >= self._size

    def flush(self) -> None:
        """Waits until everything that was added is done."""
        with self._changed:
            while self._queue or self._busy:
                self._changed.wait()

    close = flush

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._changed.wait(10.0)
                if not self._queue:
                    self._running = False
                    return
                step = self._queue.popleft()
                self._busy = True
            try:
                self._port.call(*step)
            except Exception:  # noqa: BLE001, S110 - the guard has counted and logged it; nobody waits for it
                pass
            with self._changed:
                self._busy = False
                self._changed.notify_all()
