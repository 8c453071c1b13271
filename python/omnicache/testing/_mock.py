"""A cache that remembers what it was asked."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any, Self

from .. import _omnicache
from .._omnicache import ManualClock, encode_key
from .._sentinels import DEFAULT
from ..cache import Cache

__all__ = ["MockCache"]

_NUMBERS = itertools.count(1)


class MockCache(Cache):
    """A cache in memory that counts reads and writes per key, on a clock that the test moves.

    It takes the place of a real one: code under test cannot tell it apart.

    Args:
        name: The cache's name; one of its own if it is not given.
        options: As for :class:`Cache`; without ``clock``, it has a :class:`ManualClock` of its own.

    >>> from omnicache.testing import MockCache
    >>> with MockCache() as mock:
    ...     mock.set("a", 1, ttl=60)
    ...     _ = mock.get("a"), mock.get("b")
    ...     mock.clock.advance("61s")
    ...     mock.get("a"), mock.get_call_count("a"), mock.get_call_count(), mock.set_call_count("a")
    (None, 2, 3, 1)
    """

    # A class below `Cache` has a dict of attributes; what this one adds lies there.

    def __new__(cls, name: str = "", *, clock: ManualClock | None = None, **options: Any) -> Self:
        """The native part, which is told of the clock."""
        made = ManualClock() if clock is None else clock
        self = super().__new__(cls, name, clock=made, **options)
        self.clock = made
        return self

    clock: ManualClock
    """The cache's clock."""

    def __init__(self, name: str = "", *, clock: ManualClock | None = None, **options: Any) -> None:
        self._reads: Counter[bytes] = Counter()
        self._writes: Counter[bytes] = Counter()
        super().__init__(name or f"mock-{next(_NUMBERS)}", clock=self.clock if clock is None else clock, **options)
        self.on("hit", lambda event: self._count(self._reads, event.key))
        self.on("miss", lambda event: self._count(self._reads, event.key))
        self.on("set", lambda event: self._count(self._writes, event.key))

    @staticmethod
    def _count(counts: Counter[bytes], key: Any) -> None:
        counts[encode_key(key)] += 1

    def get_call_count(self, key: Any = DEFAULT) -> int:
        """How often `key` was read, found or not; without a key, all reads."""
        return self._of(self._reads, key)

    def set_call_count(self, key: Any = DEFAULT) -> int:
        """How often `key` was written; without a key, all writes."""
        return self._of(self._writes, key)

    @staticmethod
    def _of(counts: Counter[bytes], key: Any) -> int:
        return counts.total() if key is DEFAULT else counts[encode_key(key)]

    def reset_call_counts(self) -> None:
        """Starts counting anew."""
        self._reads.clear()
        self._writes.clear()


_omnicache.install(MockCache)
