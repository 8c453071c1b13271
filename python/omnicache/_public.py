"""Every public name of the package, and with them the modules that complete each other; see ``omnicache``."""

from __future__ import annotations

from ._context import LoadContext
from ._events import CacheEvent
from ._far import cache as _far  # noqa: F401 - it says which caches leave the process
from ._keys import KeyBy, NoKey
from ._omnicache import CachedError, ManualClock, __version__
from ._options import Options, Timeout
from ._sentinels import DEFAULT, MISSING
from .backends import Backend, FileSystemBackend, MemoryBackend, RedisBackend, StoreBackend, TieredBackend
from .cache import Cache
from .config import Config, configure
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
    "Config",
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
    "RedisBackend",
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
    "configure",
    "delete_cache",
    "get_cache",
    "list_caches",
]
