"""What a store has to be told when it is back: whatever makes what it has wrong."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

__all__ = ["Owed", "next_step", "step_of"]

MOST: Final = 10_000
"""If more than this has changed, everything has."""
_BATCH: Final = 500
_WRITES: Final = frozenset({"delete", "take", "set", "touch"})
_CHANGES: Final = frozenset({"delete_many", "invalidate", "invalidate_tags", "matching", "clear"})

Step = tuple[Any, ...]


class Owed:
    """Deletions and invalidations, in order. Whoever uses it holds its owner's lock."""

    __slots__ = ("_last", "_steps")

    def __init__(self) -> None:
        self._steps: list[Step] = []
        # The keys of the deletions at the end: a busy caller asks for the same few again and again.
        self._last: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self._steps)

    def add(self, name: str, args: Step) -> None:
        """A request that could not be done, if it would have changed something."""
        if name in _WRITES and args[0] in self._last:
            return
        step = step_of(name, args)
        if step is None:
            return
        if name == "clear" or len(self._steps) >= MOST:
            self._steps = []
            step = ("clear", step[-1])
        self._append(step)

    def _append(self, step: Step) -> None:
        if _is_deletion(step):
            self._last.add(step[1])
        else:
            self._last.clear()
        self._steps.append(step)

    def take(self) -> list[Step]:
        """All of it, which is then the caller's to do."""
        steps, self._steps = self._steps, []
        self._last.clear()
        return steps

    def give_back(self, steps: list[Step]) -> None:
        """What the caller could not do goes before what has come since."""
        since, self._steps = self._steps, steps
        self._last = {step[1] for step in takewhile(_is_deletion, reversed(steps))}
        for step in since:
            if not (_is_deletion(step) and step[1] in self._last):
                self._append(step)


def step_of(name: str, args: Step) -> Step | None:
    """What a store has to be told that was not asked this; None if that changes nothing."""
    if name in _WRITES:
        # What is written meanwhile is newer than what the store has, which must not come back.
        return "delete", args[0], _moment(name, args)
    if name == "set_many":
        return "delete_many", [entry[0] for entry in args[0]], args[1]
    return (name, *args) if name in _CHANGES else None


def next_step(steps: list[Step]) -> tuple[Step, int]:
    """The first of `steps`, with the deletions that follow a deletion; how many are done with it."""
    first = steps[0]
    if not _is_deletion(first):
        return first, 1
    keys = [step[1] for step in takewhile(_is_deletion, steps[:_BATCH])]
    return ("delete_many", list(dict.fromkeys(keys)), first[-1]), len(keys)


def _is_deletion(step: Step) -> bool:
    return bool(step[0] == "delete")


def _moment(name: str, args: Step) -> float:
    """When it was asked for."""
    return float(args[2] if name == "set" else args[-1])
