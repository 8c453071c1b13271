"""OmniCache: one cache for Python, for threads and tasks, with any strategy, near the speed of a dict.

>>> from omnicache import Cache, cached
>>> with Cache("readme", max_size=1000) as cache:
...     cache["answer"] = 42
...     cache.get("answer")
42
"""

from __future__ import annotations

from . import _attach
from ._context import LoadContext
from ._events import CacheEvent
from ._far import cache as _far  # noqa: F401 - it says which caches leave the process
from ._keys import KeyBy, NoKey
from ._omnicache import CachedError, ManualClock, __version__
from ._options import Options, Timeout
from ._sentinels import DEFAULT, MISSING
from .backends import Backend, FileSystemBackend, MemoryBackend, StoreBackend, TieredBackend
from .cache import Cache
from .decorators import AsyncCachedFunction, CachedFunction, CacheInfo, cached
from .entry import CacheEntry
from .exceptions import (
    CacheBackendError,
    CacheClosedError,
    CacheConfigError,
    CacheError,
    CacheExistsError,
    CacheKeyError,
    CacheNotFoundError,
    CacheSerializationError,
    CacheStrategyError,
    CacheTimeoutError,
    InvalidKeyError,
    MissingKeyError,
    ReentrantLoadError,
    SchemaMismatch,
)
from .registry import delete_cache, get_cache, list_caches
from .statistics import Statistics
from .strategies import (
    CustomStrategy,
    LFUStrategy,
    LRUStrategy,
    SizeStrategy,
    Strategy,
    TinyLFUStrategy,
    TTLStrategy,
)

__all__ = [
    "DEFAULT",
    "MISSING",
    "AsyncCachedFunction",
    "Backend",
    "Cache",
    "CacheBackendError",
    "CacheClosedError",
    "CacheConfigError",
    "CacheEntry",
    "CacheError",
    "CacheEvent",
    "CacheExistsError",
    "CacheInfo",
    "CacheKeyError",
    "CacheNotFoundError",
    "CacheSerializationError",
    "CacheStrategyError",
    "CacheTimeoutError",
    "CachedError",
    "CachedFunction",
    "CustomStrategy",
    "FileSystemBackend",
    "InvalidKeyError",
    "KeyBy",
    "LFUStrategy",
    "LRUStrategy",
    "LoadContext",
    "ManualClock",
    "MemoryBackend",
    "MissingKeyError",
    "NoKey",
    "Options",
    "ReentrantLoadError",
    "SchemaMismatch",
    "SizeStrategy",
    "Statistics",
    "StoreBackend",
    "Strategy",
    "TTLStrategy",
    "TieredBackend",
    "Timeout",
    "TinyLFUStrategy",
    "__version__",
    "cached",
    "delete_cache",
    "get_cache",
    "list_caches",
]

_attach.when_asked()
