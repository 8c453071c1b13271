"""Whether a store that fails is asked at all.

The breaker is *closed* while the store answers. A few failures in a row *open* it: the store is left alone for a while
that doubles with each failed attempt, give or take chance. Then it is *half open*: one request tries. See Nygard,
Release It!, 2nd ed., chapter 5.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final, Literal

__all__ = ["Breaker"]

FAILURES: Final = 3
"""So many in a row open it."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


class Breaker:
    """The breaker of one store. Whoever is admitted says how it went: `succeeded`, `failed` or `gave_up`."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells the seconds on the cache's clock."""
        self._now: Final = now
        self._lock: Final = threading.Lock()
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._until = 0.0
        self._trying = False
        self.state: Literal["closed", "open", "half_open"] = "closed"

    def admits(self) -> bool:
        """Whether this request may go to the store; while it is half open, one at a time may."""
        if self.state == "closed":
            return True
        with self._lock:
            if self.state == "open" and self._now() >= self._until:
                self.state, self._trying = "half_open", False
            if self.state == "half_open" and not self._trying:
                self._trying = True
                return True
            state: str = self.state
            return state == "closed"

    def succeeded(self) -> bool:
        """The store has answered; whether it is back only now."""
        if self.state == "closed" and self._failures == 0:
            return False
        with self._lock:
            back = self.state != "closed"
            self.state, self._failures, self._pause, self._trying = "closed", 0, FIRST_PAUSE, False
            return back

    def failed(self) -> bool:
        """The store has not; whether it is given up only now."""
        with self._lock:
            self._failures += 1
            if self.state == "half_open":
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
            elif self.state == "open" or self._failures < FAILURES:
                return False
            first = self.state == "closed"
            self.state, self._trying = "open", False
            self._until = self._now() + self._pause * (0.75 + random.random() / 2)  # noqa: S311 - no secret hangs on it
            return first

    def gave_up(self) -> None:
        """It is not known whether the store would have answered: the request was cancelled."""
        with self._lock:
            self._trying = False
