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

    __slots__ = ("_by_hand", "_now", "_since", "deadline", "hard", "soft")

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
        self._since = now() if self.ends else 0.0

    @property
    def ends(self) -> bool:
        """Whether there is any limit."""
        return self.soft is not None or self.hard is not None or self.deadline is not None

    def passed(self, flight: Flight) -> Limit | None:
        """The limit that was passed by a wait for `flight`, if one was. The hardest consequence comes first."""
        if not self.ends:
            return None
        now = self._now()
        pilot = flight.pilot
        # A load that runs in its first caller's own thread does not say when it began: it did before this wait.
        taken = now - (self._since if pilot is None else pilot.started)
        if self.hard is not None and taken >= self.hard:
            return "hard"
        if self.deadline is not None and now >= self.deadline:
            return "deadline"
        if self.soft is not None and taken >= self.soft:
            return "soft"
        return None

    def slice(self, flight: Flight) -> float:
        """Seconds to wait before the next look."""
        if not self.ends:
            return POLL
        if self._by_hand:
            return _GLANCE
        now = self._now()
        pilot = flight.pilot
        began = self._since if pilot is None else pilot.started
        ends = [began + limit for limit in (self.soft, self.hard) if limit is not None]
        if self.deadline is not None:
            ends.append(self.deadline)
        return min(POLL, max(min(ends) - now, 0.0001))


ENDLESS: Final = Patience(lambda: 0.0)
"""No limit at all."""
