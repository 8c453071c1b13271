"""The generations of tags in a store that knows only keys: a small record per tag, under a key of its own.

An entry carries the generation that each of its tags had when it was written. An invalidation writes a later one. A
record that is not there, since the store dropped it, could be one that was invalidated: what carries the tag is gone.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

__all__ = ["Generation"]

_RECORD: Final = struct.Struct("<4sQQd")
_MAGIC: Final = b"omt1"


class Generation(NamedTuple):
    """What is known of a tag: the last invalidation that was hard, the last of any kind, and the moment of that."""

    hard: int
    latest: int
    at: float

    @classmethod
    def read(cls, data: Any) -> Generation | None:
        """That of a record; None for none, or for what is none."""
        if not isinstance(data, (bytes, bytearray, memoryview)) or len(data) != _RECORD.size:
            return None
        magic, *known = _RECORD.unpack(data)
        return cls(*known) if magic == _MAGIC else None

    @classmethod
    def first(cls, now: float) -> Generation:
        """That of a tag which was never used, as far as anybody knows."""
        number = _number(now)
        return cls(number, number, now)

    def after(self, now: float, *, hard: bool) -> Generation:
        """That behind one more invalidation. Two processes that do it at once hardly come to the same number."""
        latest = max(self.latest + 1, _number(now))
        return Generation(latest if hard else self.hard, latest, now)

    def record(self) -> bytes:
        """What is stored."""
        return _RECORD.pack(_MAGIC, *self)


def _number(now: float) -> int:
    return max(int(now * 1e6), 1)
