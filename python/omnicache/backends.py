"""Backends: where the entries of a cache live."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from urllib.parse import unquote, urlsplit

from ._units import count, duration, size
from .exceptions import CacheConfigError

__all__ = [
    "Backend",
    "FileSystemBackend",
    "MemoryBackend",
    "StoreBackend",
    "TieredBackend",
    "backend_from",
]


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


@dataclass(frozen=True, slots=True)
class FileSystemBackend(Backend):
    """Entries live in files below a directory, shared by all processes of the machine, and survive restarts.

    Each cache has a directory of its own below it: ``directory/namespace/name``. A read is a lookup in mapped memory.

    Args:
        directory: Where; it is made if it is not there, for its owner alone. Not on a network file system.
        max_bytes: Entries are evicted until their keys and values weigh no more; an int or text such as ``"1GiB"``;
            None for no limit.
        durability: ``"process"``: what was written survives the end of any process, killed or not, but a crash of the
            machine empties the cache. ``"system"``: every write that returned is on the disk, which costs time.
        timeout: How long a write waits for those of others, of which one may hang; a duration. Reads never wait.

    Raises:
        CacheConfigError: An argument cannot be used.

    >>> import tempfile
    >>> from omnicache import Cache, FileSystemBackend
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with Cache("on-disk", backend=FileSystemBackend(directory)) as cache:
    ...         cache["a"] = {"any": ("value", 1)}
    ...     with Cache("on-disk", backend=FileSystemBackend(directory)) as cache:
    ...         cache["a"]
    {'any': ('value', 1)}
    """

    directory: Any
    max_bytes: Any = None
    durability: Literal["process", "system"] = "process"
    timeout: Any = 5.0
    name: ClassVar[str] = "filesystem"

    def __post_init__(self) -> None:
        if not isinstance(self.directory, (str, os.PathLike)) or not str(self.directory):
            raise CacheConfigError(f"FileSystemBackend: directory: a path, not {self.directory!r}")
        object.__setattr__(self, "directory", Path(self.directory))
        if self.max_bytes is not None:
            object.__setattr__(self, "max_bytes", size(self.max_bytes, "FileSystemBackend: max_bytes"))
        if self.durability not in {"process", "system"}:
            raise CacheConfigError(f'FileSystemBackend: durability: "process" or "system", not {self.durability!r}')
        object.__setattr__(self, "timeout", duration(self.timeout, "FileSystemBackend: timeout"))


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


@dataclass(frozen=True, slots=True)
class TieredBackend(Backend):
    """Objects in this process, near, in front of bytes that others see too, far.

    A read asks near, then far, and keeps near what it found; a write goes to both. Over files, every read first sees
    what other processes wrote; over a store that cannot tell, near copies live no longer than `near_ttl`.

    Args:
        near: A :class:`MemoryBackend`; the limits of the cache are the near store's.
        far: A :class:`FileSystemBackend`, a :class:`StoreBackend`, or what :class:`Cache` takes for one.
        near_ttl: How long a near copy is served: a duration; None for as long as the far entry is fresh, or for five
            seconds if the far store cannot tell what others wrote.
        write: ``"through"``: a write returns when far has it. ``"behind"``: it returns when near has it, and far gets
            it soon, in order, at the latest when the cache is closed.
        queue_size: With ``"behind"``: so many writes may be under way; the next one waits.

    Raises:
        CacheConfigError: An argument cannot be used.

    >>> import tempfile
    >>> from omnicache import Cache, FileSystemBackend, TieredBackend
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     tiers = TieredBackend(far=FileSystemBackend(directory), near_ttl="1m")
    ...     with Cache("tiered", backend=tiers, max_size=1000) as cache:
    ...         cache["a"] = [1, 2]
    ...         cache["a"] is cache["a"]
    True
    """

    near: Any = MemoryBackend()
    far: Any = None
    near_ttl: Any = None
    write: Literal["through", "behind"] = "through"
    queue_size: int = 10_000
    name: ClassVar[str] = "tiered"

    def __post_init__(self) -> None:
        object.__setattr__(self, "near", backend_from(self.near))
        object.__setattr__(self, "far", None if self.far is None else backend_from(self.far))
        if not isinstance(self.near, MemoryBackend):
            raise CacheConfigError(f"TieredBackend: near: a MemoryBackend, not {type(self.near).__name__}")
        if self.far is None or isinstance(self.far, (MemoryBackend, TieredBackend)):
            raise CacheConfigError("TieredBackend: far: a backend outside this process, such as FileSystemBackend(...)")
        if self.near_ttl is not None:
            object.__setattr__(self, "near_ttl", duration(self.near_ttl, "TieredBackend: near_ttl"))
        if self.write not in {"through", "behind"}:
            raise CacheConfigError(f'TieredBackend: write: "through" or "behind", not {self.write!r}')
        count(self.queue_size, "TieredBackend: queue_size")


_KINDS: Final[dict[str, type[Any]]] = {
    "memory": MemoryBackend,
    "filesystem": FileSystemBackend,
    "tiered": TieredBackend,
}


def backend_from(value: object) -> Backend:
    """The backend that `value` stands for: a backend, the class of one, its name, a URL, or a dict.

    ``"memory"``; ``"file:./var/cache"`` or ``"file:///var/cache?max_bytes=1GiB"``; ``{"type": "filesystem",
    "directory": "./var/cache"}``.

    Raises:
        CacheConfigError: It stands for none.

    >>> backend_from("memory")
    MemoryBackend()
    >>> backend_from("file:./cache").directory.name
    'cache'
    """
    if value is None or value is MemoryBackend:
        return MemoryBackend()
    if isinstance(value, Backend):
        return value
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, Mapping):
        return _from_mapping(dict(value))
    # The value is not shown: an address may hold a password.
    raise CacheConfigError(
        'backend: a backend, its name, a URL such as "file:./cache", or a dict with a "type", not '
        f"{type(value).__name__}"
    )


def _from_text(text: str) -> Backend:
    if text == "memory":
        return MemoryBackend()
    scheme, _, rest = text.partition(":")
    if scheme == "file" and rest:
        url = urlsplit(text)
        if url.netloc not in {"", "localhost"}:
            raise CacheConfigError('backend: a file URL has no host: write "file:./relative" or "file:///absolute"')
        pairs = (pair.partition("=") for pair in url.query.split("&") if pair)
        options = {name: value for name, _, value in pairs}
        return _made(FileSystemBackend, {"directory": unquote(url.path), **options})
    if text == "filesystem":
        raise CacheConfigError('backend: the filesystem needs a directory: write "file:./cache"')
    near = get_close_matches(scheme.lower(), ("memory", "file"), n=1)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    raise CacheConfigError(f'backend: {hint}write "memory", or a URL such as "file:./cache"')


def _from_mapping(table: dict[Any, Any]) -> Backend:
    kind = table.pop("type", None)
    if kind not in _KINDS:
        near = get_close_matches(str(kind), _KINDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CacheConfigError(f'backend: "type": one of {", ".join(map(repr, _KINDS))}{hint}')
    return _made(_KINDS[kind], table)


def _made(kind: type[Any], options: dict[Any, Any]) -> Backend:
    known = [field.name for field in fields(kind)]
    for name in options:
        if name not in known:
            near = get_close_matches(str(name), known, n=1, cutoff=0.0)
            hint = f"; the nearest one is {near[0]!r}" if near else ""
            raise CacheConfigError(f"backend: {kind.__name__} has no option {name!r}{hint}")
    try:
        made: Backend = kind(**options)
    except TypeError as error:
        raise CacheConfigError(f"backend: {error}") from None
    return made
