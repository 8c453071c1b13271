"""Strategies that a user writes in Python, and what they are told of the entries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from ._base import Strategy

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


class EntryFacts(Protocol):
    """What a :class:`CustomStrategy` may rely on of the entries it is shown."""

    @property
    def key(self) -> Hashable:
        """The key."""
        ...

    @property
    def hits(self) -> int:
        """How often it was read."""
        ...

    @property
    def size(self) -> int:
        """Its size in bytes, as far as the cache weighs its entries."""
        ...

    @property
    def priority(self) -> float:
        """From 0 to 1; 1 is to be kept longest."""
        ...


class CustomStrategy(Strategy, ABC):
    """The base of strategies written in Python: an adviser that names the entries to evict.

    Its methods are called outside every lock of the cache, possibly from several threads. What :meth:`victims` names
    is removed if it is still there; what is not a key of the cache is ignored. Entries are snapshots.

    Args:
        max_size: The largest number of entries; None for no limit. A subclass may set it as a class attribute instead.
        max_bytes: The largest sum of sizes, in bytes or as text; None for no limit.

    Raises:
        CacheStrategyError: A limit is not a positive whole number.

    >>> from omnicache import Cache, CustomStrategy
    >>> class Longest(CustomStrategy):
    ...     def victims(self, candidates, need):
    ...         return sorted((entry.key for entry in candidates), key=len, reverse=True)[:need]
    >>> with Cache("longest", strategy=Longest(max_size=2)) as cache:
    ...     for word in ("a", "bbb", "cc"):
    ...         cache.set(word, 1)
    ...     sorted(cache)
    ['a', 'cc']
    """

    name: ClassVar[str] = "custom"

    def __init__(self, max_size: int | None = None, max_bytes: int | str | None = None) -> None:
        self._limits(max_size, max_bytes)

    def with_limits(self, **limits: object) -> Self:
        """This strategy, with other limits."""
        self._limits(limits.get("max_size", self.max_size), limits.get("max_bytes", self.max_bytes))
        return self

    def on_insert(self, entry: EntryFacts) -> None:
        """`entry` was stored under a new key."""

    def on_access(self, entry: EntryFacts) -> None:
        """`entry` was read or overwritten."""

    def on_remove(self, entry: EntryFacts) -> None:
        """`entry` is gone, whatever the reason."""

    @abstractmethod
    def victims(self, candidates: Sequence[EntryFacts], need: int) -> Iterable[Hashable]:
        """The keys to evict, first to go first.

        Args:
            candidates: The entries to choose from.
            need: How many must go at least. Where the limit is in bytes it is 1, and the question is repeated until
                the limit holds.
        """
