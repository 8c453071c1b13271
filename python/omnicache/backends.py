"""Backends: where the entries of a cache live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .exceptions import CacheConfigError

__all__ = ["Backend", "MemoryBackend", "backend_from"]


class Backend:
    """The base of all backends.

    >>> from omnicache import Backend, MemoryBackend
    >>> issubclass(MemoryBackend, Backend), MemoryBackend.name
    (True, 'memory')
    """

    __slots__ = ()
    name: ClassVar[str]


@dataclass(frozen=True, slots=True)
class MemoryBackend(Backend):
    """Entries live in this process, as the objects they are.

    >>> from omnicache import Cache, MemoryBackend
    >>> with Cache("in-memory", backend=MemoryBackend()) as cache:
    ...     cache.backend
    MemoryBackend()
    """

    name: ClassVar[str] = "memory"


def backend_from(value: object) -> Backend:
    """The backend that `value` stands for: a backend, the class of one, or its name.

    Raises:
        CacheConfigError: There is no such backend in this version.

    >>> backend_from("memory")
    MemoryBackend()
    """
    if value is None or value == "memory" or value is MemoryBackend:
        return MemoryBackend()
    if isinstance(value, MemoryBackend):
        return value
    if isinstance(value, dict) and value.get("type") == "memory" and len(value) == 1:
        return MemoryBackend()
    # The value is not shown: an address may hold a password.
    raise CacheConfigError('backend: this version keeps entries in memory only; write backend="memory" or leave it out')
