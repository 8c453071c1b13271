"""Strategies: who is evicted when a cache passes a limit.

A strategy is a small frozen description; the engine does the work. It can be given to a cache as an instance, a class,
a name or a dict, see :func:`strategy_from`. Every strategy keeps an entry with ``priority=1.0`` until nothing else is
left.
"""

from __future__ import annotations

from ._base import Strategy
from ._built_in import LFUStrategy, LRUStrategy, SizeStrategy, TinyLFUStrategy, TTLStrategy
from ._custom import CustomStrategy, EntryFacts
from ._parse import strategy_from

__all__ = [
    "CustomStrategy",
    "EntryFacts",
    "LFUStrategy",
    "LRUStrategy",
    "SizeStrategy",
    "Strategy",
    "TTLStrategy",
    "TinyLFUStrategy",
    "strategy_from",
]
