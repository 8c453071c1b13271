"""The backend that a name, a URL or a dict stands for, and the one that is made of two others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Final, Literal
from urllib.parse import unquote, urlsplit

from .._units import count, duration
from ..exceptions import CacheConfigError
from ._base import Backend, MemoryBackend
from ._files import FileSystemBackend
from ._redis import RedisBackend

__all__ = ["TieredBackend", "backend_from"]

_MEMORY: Final = MemoryBackend()


@dataclass(frozen=True, slots=True)
class TieredBackend(Backend):
    """Objects in this process, near, in front of bytes that others see too, far.

    A read asks near, then far, and keeps near what it found; a write goes to both. Over files, every read first sees
    what other processes wrote; a Redis server tells every process what was written, and its near copy goes; over a
    store that cannot tell, near copies live no longer than `near_ttl`.

    Args:
        near: A :class:`MemoryBackend`; the limits of the cache are the near store's.
        far: A :class:`FileSystemBackend`, a :class:`RedisBackend`, a :class:`StoreBackend`, or what :class:`Cache`
            takes for one.
        near_ttl: How long a near copy is served: a duration; None for as long as the far entry is fresh, or for five
            seconds if the far store cannot tell what others wrote, or cannot at the moment.
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

    near: Any = _MEMORY
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
    "redis": RedisBackend,
    "tiered": TieredBackend,
}


def backend_from(value: object) -> Backend:
    """The backend that `value` stands for: a backend, the class of one, its name, a URL, or a dict.

    ``"memory"``; ``"file:./var/cache"`` or ``"file:///var/cache?max_bytes=1GiB"``; ``"redis://localhost:6379/0"``, see
    :class:`RedisBackend`; ``{"type": "filesystem", "directory": "./var/cache"}``.

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
    if scheme.partition("+")[0] in {"redis", "rediss", "valkey", "valkeys"}:
        if not rest:
            raise CacheConfigError('backend: a server has an address: write "redis://localhost:6379/0"')
        return RedisBackend(text)
    if text == "filesystem":
        raise CacheConfigError('backend: the filesystem needs a directory: write "file:./cache"')
    near = get_close_matches(scheme.lower(), ("memory", "file", "redis"), n=1)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    raise CacheConfigError(f'backend: {hint}write "memory", or a URL such as "file:./cache" or "redis://localhost"')


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
