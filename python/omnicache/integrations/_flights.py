"""Which keys are being fetched, and for which it is known that nobody should wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._fetch import Fetch
    from ._run import Run

__all__ = ["Flights", "Outcome", "known"]

_REMEMBERED = 4096
_ALONE = 120.0  # seconds for which it is remembered that the answers for a key are not shared


class Outcome(Enum):
    """How a run ended for those who wait."""

    STORED = "stored"  # look again
    STALE = "stale"  # it failed, and what is stored may stand in
    ALONE = "alone"  # its answer is for its own client only
    HANGS = "hangs"  # it has not ended, and is not waited for any longer


def known(key: str) -> str:
    """What those who say who asks wait for: their answers often cannot be shared where those of others can."""
    return f"{key} known"


class Flights:
    """The runs under way by key; each belongs to the event loop that started it."""

    __slots__ = ("_alone", "_clock", "_running")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._running: dict[str, Fetch] = {}
        self._alone: dict[str, float] = {}
        self._clock = clock

    def running(self, key: str) -> Fetch | None:
        """The run for a key that callers of this loop may wait for."""
        found = self._running.get(key)
        return found if found is not None and found.outcome.get_loop() is asyncio.get_running_loop() else None

    def waits(self, key: str) -> bool:
        """Whether a miss waits for another one's answer: not if the last one to wait for could not be shared."""
        until = self._alone.get(key)
        if until is None:
            return True
        if self._clock() < until:
            return False
        self._alone.pop(key, None)
        return True

    def started(self, fetch: Fetch) -> None:
        """Others may wait for this run from now on."""
        self._running[fetch.flight_key] = fetch

    def ended(self, fetch: Run) -> None:
        """Nobody can wait for this run any longer."""
        if self._running.get(fetch.flight_key) is fetch:
            del self._running[fetch.flight_key]

    def alone(self, fetch: Fetch) -> None:
        """The answer of this run cannot be shared; that counts if others might have waited for it."""
        key = fetch.flight_key
        if self._running.get(key) is not fetch:
            return
        if len(self._alone) >= _REMEMBERED:
            self._alone.pop(next(iter(self._alone)), None)
        self._alone[key] = self._clock() + _ALONE

    def shared(self, key: str) -> None:
        """An answer for this key was stored."""
        for one in (key, known(key)):
            self._alone.pop(one, None)

    def invalidate(self, key: str) -> None:
        """What is on its way for this key is not stored, and who comes from now on does not wait for it."""
        for found in [fetch for fetch in self._running.values() if fetch.key == key]:
            found.valid = False
            self.ended(found)
