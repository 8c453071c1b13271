"""What all backends are, and the one that needs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Backend", "MemoryBackend"]


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
