"""The backend of a user's own making."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import ClassVar

from ._base import Backend

__all__ = ["StoreBackend"]


class StoreBackend(Backend, ABC):
    """A store of your own: derive from it, and write four methods, plain or coroutine functions.

    Everything else a cache can do is made of these four; what is atomic across processes is so only as far as they are.
    Keys are text, values are bytes that mean nothing to the store. Whatever the methods raise is an error of the
    backend. :class:`omnicache.testing.BackendSuite` tells whether a store does what it must.

    >>> from omnicache import Cache, StoreBackend
    >>> class DictBackend(StoreBackend):
    ...     def __init__(self):
    ...         self.data = {}
    ...     def get(self, key):
    ...         return self.data.get(key)
    ...     def set(self, key, data, ttl):
    ...         self.data[key] = data
    ...     def delete(self, key):
    ...         return self.data.pop(key, None) is not None
    ...     def scan(self, prefix):
    ...         return [key for key in self.data if key.startswith(prefix)]
    >>> with Cache("in-a-dict", backend=DictBackend()) as cache:
    ...     cache["a"] = 1
    ...     cache["a"], list(cache)
    (1, ['a'])
    """

    name: ClassVar[str] = "custom"
    timeout: float | None = 5.0
    """Seconds that one call may take; None for no limit, which costs plain methods no thread."""

    @abstractmethod
    def get(self, key: str) -> bytes | Awaitable[bytes | None] | None:
        """The bytes under `key`, None if there are none."""

    @abstractmethod
    def set(self, key: str, data: bytes, ttl: float | None) -> object | Awaitable[object]:
        """Keeps `data` under `key`; after `ttl` seconds, if it is not None, they may be dropped."""

    @abstractmethod
    def delete(self, key: str) -> object | Awaitable[object]:
        """Drops what is under `key`, if anything is."""

    @abstractmethod
    def scan(self, prefix: str) -> Iterable[str] | AsyncIterable[str] | Awaitable[Iterable[str]]:
        """The keys that begin with `prefix`."""

    def close(self) -> object | Awaitable[object]:
        """The cache is closed."""
        return None
