"""How often the loaders of a cache ran, raised, and were stood in for by an old value."""

from __future__ import annotations

from ._events import LOCK

__all__ = ["LoadCounts"]


class LoadCounts:
    """Exact counts of loader runs."""

    __slots__ = ("errors", "runs", "stale_served")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Starts counting anew."""
        self.runs = 0
        self.errors = 0
        self.stale_served = 0

    def add(self, name: str) -> None:
        """One more."""
        with LOCK:
            setattr(self, name, getattr(self, name) + 1)
