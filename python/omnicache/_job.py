"""A load that runs in a thread of its own, apart from who asked for it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from ._workers import WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from ._omnicache import Leader, Waiter

__all__ = ["Job"]


class Job:
    """The leader of a flight, as those who wait for the flight see it.

    A job that nobody waits for may have to wait for a thread. It can be taken away until it has one: whoever needs its
    value meanwhile loads by itself.
    """

    __slots__ = ("_context", "_lead", "_leader", "_lock", "_now", "_urgent", "_waits", "started")

    loop: Final = None

    def __init__(
        self, lead: Callable[[Leader], object], context: Context, now: Callable[[], float], *, urgent: bool
    ) -> None:
        """Made by the first caller; the loader runs in ``context``. ``now`` is the cache's clock.

        ``urgent``: somebody waits for it.
        """
        self._lead = lead
        self._leader: Leader | None = None
        self._context = context
        self._lock = Lock()
        self._urgent: Final = urgent
        self._waits = not urgent
        self._now: Final = now
        self.started = now()

    def take_off(self, leader: Leader) -> Waiter:
        """Hands the flight to a thread. The answer is the first caller's seat."""
        self._leader = leader
        seat = leader.waiter()
        try:
            WORKERS.run(self, urgent=self._urgent)
        except BaseException:
            leader.abandon()
            raise
        return seat

    def __call__(self) -> None:
        """Runs the load, in a worker's thread."""
        leader, lead, self._leader = self._leader, self._lead, None
        with self._lock:
            taken = not self._urgent and not self._waits
            self._waits = False
        if leader is None:
            return
        self.started = self._now()
        if taken:
            leader.abandon()
            return
        try:
            self._context.run(lead, leader)
        except BaseException:  # noqa: BLE001, S110 - the flight has it, or the caller; nothing may end the thread
            pass
        finally:
            leader.abandon()

    def stalled(self) -> bool:
        """Whether it has no thread yet; then it will not get one any more, and the asker must retire its flight."""
        with self._lock:
            stalled, self._waits = self._waits, False
        return stalled

    def keep(self) -> None:
        """It goes on anyway."""

    def unwanted(self) -> None:
        """Nobody wants the value any more: a thread cannot be stopped."""

    def give_up(self) -> None:
        """Others have taken over: what it brings comes late."""
