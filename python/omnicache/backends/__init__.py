"""Backends: where the entries of a cache live."""

from __future__ import annotations

from ._base import Backend, MemoryBackend
from ._choose import TieredBackend, backend_from
from ._files import FileSystemBackend
from ._redis import RedisBackend
from ._store import StoreBackend

__all__ = [
    "Backend",
    "FileSystemBackend",
    "MemoryBackend",
    "RedisBackend",
    "StoreBackend",
    "TieredBackend",
    "backend_from",
]
