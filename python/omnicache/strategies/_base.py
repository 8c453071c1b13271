"""What every strategy has: a name and limits."""

from __future__ import annotations

from copy import copy
from typing import ClassVar, Self

from omnicache import _units
from omnicache.exceptions import CacheStrategyError


class Strategy:
    """The base of all strategies; use one of the built-in ones, or derive from :class:`CustomStrategy`.

    >>> from omnicache import LRUStrategy, Strategy
    >>> strategy = LRUStrategy(max_size=10)
    >>> isinstance(strategy, Strategy), strategy.name, strategy.max_size
    (True, 'lru', 10)
    """

    name: ClassVar[str] = ""
    """The short name, as in ``Cache("users", strategy="lru")``."""

    max_size: int | None = None
    """The largest number of entries; None for no limit."""

    max_bytes: int | None = None
    """The largest sum of the entries' sizes in bytes; None for no limit."""

    default_ttl: float | None = None
    """Seconds after which an entry expires if neither the call nor the cache says otherwise; None for never."""

    cleanup_interval: float | None = None
    """Seconds between two sweeps for expired entries; None leaves it to the other operations of the cache."""

    def with_limits(self, **limits: object) -> Self:
        """The same strategy with other limits: ``max_size``, ``max_bytes`` or both; None takes one away.

        A strategy of a user's own is changed itself, for a copy would not know what it has noted.

        Raises:
            CacheStrategyError: A limit is not a positive whole number, or one that the strategy cannot do without.

        >>> from omnicache import LRUStrategy
        >>> LRUStrategy(max_size=10).with_limits(max_size=20)
        LRUStrategy(max_size=20, max_bytes=None)
        """
        changed = copy(self)
        changed._limits(limits.get("max_size", self.max_size), limits.get("max_bytes", self.max_bytes))
        return changed

    def _limits(self, max_size: object, max_bytes: object) -> None:
        self._put(
            "max_size", None if max_size is None else _units.count(max_size, self._what("max_size"), CacheStrategyError)
        )
        self._put(
            "max_bytes",
            None if max_bytes is None else _units.size(max_bytes, self._what("max_bytes"), CacheStrategyError),
        )

    def _what(self, field: str) -> str:
        return f"{type(self).__name__}: {field}"

    def _put(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)  # the built-in strategies are frozen
