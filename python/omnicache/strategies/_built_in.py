"""The strategies that the engine runs itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from omnicache import _units
from omnicache.exceptions import CacheStrategyError

from ._base import Strategy

if TYPE_CHECKING:
    from datetime import timedelta

MIN_INTERVAL = 0.01
"""The shortest pause between two sweeps, in seconds."""


@dataclass(frozen=True, init=False)
class LRUStrategy(Strategy):
    """Evicts the entry that was used longest ago, exactly. The default.

    Args:
        max_size: The largest number of entries; None (the default) for no limit.
        max_bytes: The largest sum of sizes, in bytes or as text such as ``"64MiB"``; None for no limit.

    Raises:
        CacheStrategyError: A limit is not a positive whole number.

    >>> from omnicache import LRUStrategy
    >>> LRUStrategy(max_size=1000, max_bytes="64MiB")
    LRUStrategy(max_size=1000, max_bytes=67108864)
    """

    name: ClassVar[str] = "lru"
    max_size: int | None
    max_bytes: int | None

    def __init__(self, max_size: int | None = None, max_bytes: int | str | None = None) -> None:
        self._limits(max_size, max_bytes)


@dataclass(frozen=True, init=False)
class LFUStrategy(Strategy):
    """Evicts the entry that was used least often; among equals the one used longest ago.

    Args:
        max_size: The largest number of entries; None for no limit.
        max_bytes: The largest sum of sizes, in bytes or as text; None for no limit.
        ageing: Counts fade, so that yesterday's favourites make room for today's. False gives textbook LFU.

    Raises:
        CacheStrategyError: A limit is not a positive whole number, or `ageing` is not a bool.

    >>> from omnicache import LFUStrategy
    >>> LFUStrategy(1000, ageing=False)
    LFUStrategy(max_size=1000, max_bytes=None, ageing=False)
    """

    name: ClassVar[str] = "lfu"
    max_size: int | None
    max_bytes: int | None
    ageing: bool

    def __init__(self, max_size: int | None = None, max_bytes: int | str | None = None, *, ageing: bool = True) -> None:
        self._limits(max_size, max_bytes)
        if not isinstance(ageing, bool):
            raise CacheStrategyError(f"{self._what('ageing')}: must be True or False, not {type(ageing).__name__}")
        self._put("ageing", ageing)


@dataclass(frozen=True, init=False)
class TTLStrategy(Strategy):
    """Evicts the entry that expires soonest.

    Args:
        default_ttl: How long an entry lives unless the call or the cache says otherwise: seconds, a ``timedelta``, or
            text such as ``"5m"``; None for ever.
        max_size: The largest number of entries; None for no limit.
        cleanup_interval: How often a background thread removes expired entries, in the same forms and at least 10 ms;
            None (the default) starts no thread: expired entries go while the cache is used.
        max_bytes: The largest sum of sizes, in bytes or as text; None for no limit.

    Raises:
        CacheStrategyError: A duration or the limit is not positive.

    >>> from omnicache import TTLStrategy
    >>> TTLStrategy("5m", max_size=1000)
    TTLStrategy(default_ttl=300.0, max_size=1000, cleanup_interval=None, max_bytes=None)
    """

    name: ClassVar[str] = "ttl"
    default_ttl: float | None
    max_size: int | None
    cleanup_interval: float | None
    max_bytes: int | None

    def __init__(
        self,
        default_ttl: float | timedelta | str | None = None,
        max_size: int | None = None,
        cleanup_interval: float | timedelta | str | None = None,
        max_bytes: int | str | None = None,
    ) -> None:
        self._limits(max_size, max_bytes)
        ttl, interval = default_ttl, cleanup_interval
        what = self._what("cleanup_interval")
        self._put(
            "default_ttl", None if ttl is None else _units.duration(ttl, self._what("default_ttl"), CacheStrategyError)
        )
        seconds = None if interval is None else _units.duration(interval, what, CacheStrategyError)
        if seconds is not None and seconds < MIN_INTERVAL:
            raise CacheStrategyError(f"{what}: {seconds} s is too short; use {MIN_INTERVAL} s or more")
        self._put("cleanup_interval", seconds)


@dataclass(frozen=True, init=False)
class SizeStrategy(Strategy):
    """Keeps the sum of sizes within a limit, evicting the heaviest and coldest entries first.

    Args:
        max_bytes: The largest sum of sizes, in bytes or as text such as ``"64MiB"``.
        max_size: The largest number of entries; None for no limit.

    Raises:
        CacheStrategyError: A limit is not a positive whole number.

    >>> from omnicache import SizeStrategy
    >>> SizeStrategy("1.5GiB")
    SizeStrategy(max_bytes=1610612736, max_size=None)
    """

    name: ClassVar[str] = "size"
    max_bytes: int | None
    max_size: int | None

    def __init__(self, max_bytes: int | str, max_size: int | None = None) -> None:
        if max_bytes is None:
            raise CacheStrategyError(f'{self._what("max_bytes")}: is needed, for instance SizeStrategy("64MiB")')
        self._limits(max_size, max_bytes)


@dataclass(frozen=True, init=False)
class TinyLFUStrategy(Strategy):
    """Admits by popularity (a small sketch of past uses), with a recency window whose share adapts to the workload.

    The best hit ratio of the built-in strategies on most workloads.

    Args:
        max_size: The largest number of entries; None for no limit.
        max_bytes: The largest sum of sizes, in bytes or as text; None for no limit.

    Raises:
        CacheStrategyError: A limit is not a positive whole number.

    >>> from omnicache import TinyLFUStrategy
    >>> TinyLFUStrategy(10_000) == TinyLFUStrategy(max_size=10_000)
    True
    """

    name: ClassVar[str] = "tinylfu"
    max_size: int | None
    max_bytes: int | None

    def __init__(self, max_size: int | None = None, max_bytes: int | str | None = None) -> None:
        self._limits(max_size, max_bytes)


BUILT_IN: dict[str, type[Strategy]] = {
    cls.name: cls for cls in (LRUStrategy, LFUStrategy, TTLStrategy, SizeStrategy, TinyLFUStrategy)
}
