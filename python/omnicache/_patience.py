"""How long one caller waits for a load: the soft and the hard limit of the load, and the caller's own deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from ._omnicache import Flight

__all__ = ["ENDLESS", "POLL", "Limit", "Patience"]

POLL: Final = 0.2
"""Seconds between looks at a leader's loop: wake-ups are prompt, this is for loops that died without one."""
_GLANCE: Final = 0.002
"""Seconds between looks at a clock that is moved by hand."""

Limit: TypeAlias = Literal["soft", "hard", "deadline"]
"""What was passed."""


class Patience:
    """The limits of one caller, on the clock of its cache."""

    __slots__ = ("_began", "_by_hand", "_now", "deadline", "hard", "soft")

    def __init__(
        self,
        now: Callable[[], float],
        *,
        by_hand: bool = False,
        soft: float | None = None,
        hard: float | None = None,
        deadline: float | None = None,
    ) -> None:
        """`soft` and `hard` count from the start of the load, `deadline` is a moment; None for no limit."""
        self._now: Final = now
        self._by_hand: Final = by_hand
        self.soft: Final = soft
        self.hard: Final = hard
        self.deadline: Final = deadline
        self._began = 0.0

    @property
    def ends(self) -> bool:
        """Whether there is any limit."""
        return self.soft is not None or self.hard is not None or self.deadline is not None

    def board(self, flight: Flight) -> None:
        """The wait for `flight` begins."""
        if self.ends:
            # A load that runs in its first caller's own thread does not say when it began: it did before this wait.
            pilot = flight.pilot
            self._began = self._now() if pilot is None else pilot.started

    def passed(self) -> Limit | None:
        """The limit that was passed by the wait, if one was. The hardest consequence comes first."""
        if not self.ends:
            return None
        now = self._now()
        if self.hard is not None and now - self._began >= self.hard:
            return "hard"
        if self.deadline is not None and now >= self.deadline:
            return "deadline"
        if self.soft is not None and now - self._began >= self.soft:
            return "soft"
        return None

    def slice(self) -> float:
        """Seconds to wait before the next look at the clock and at the leader."""
        return min(POLL, self.left()) if self.ends else POLL

    def left(self) -> float:
        """Seconds until the next limit, or until a look at a clock that may have been moved. There is a limit."""
        if self._by_hand:
            return _GLANCE
        ends = [self._began + limit for limit in (self.soft, self.hard) if limit is not None]
        if self.deadline is not None:
            ends.append(self.deadline)
        return max(min(ends) - self._now(), 0.0001)


ENDLESS: Final = Patience(lambda: 0.0)
"""No limit at all."""
