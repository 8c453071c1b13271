"""The awaitable face of a cache: each method has an ``a`` twin, which calls it.

A cache in memory answers at once, so awaiting one of these never suspends, and never touches the event loop. Only a
load may have to wait: ``aget_or_set`` stands beside ``get_or_set``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._many import Many
from ._sentinels import DEFAULT, MISSING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .entry import CacheEntry

__all__ = ["AsyncFace"]


class AsyncFace(Many):
    """The ``a`` twins. Arguments, results and errors are those of the plain method."""

    __slots__ = ()

    async def aget(self, key: Any, default: Any = None) -> Any:
        """As :meth:`Cache.get`."""
        return self.get(key, default)

    async def aset(self, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> None:
        """As :meth:`Cache.set`."""
        self.set(key, value, ttl, **options)

    async def aadd(self, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> bool:
        """As :meth:`Cache.add`."""
        return self.add(key, value, ttl, **options)

    async def areplace(self, key: Any, value: Any, ttl: Any = DEFAULT, **options: Any) -> bool:
        """As :meth:`Cache.replace`."""
        return self.replace(key, value, ttl, **options)

    async def adelete(self, key: Any) -> bool:
        """As :meth:`Cache.delete`."""
        return self.delete(key)

    async def apop(self, key: Any, default: Any = DEFAULT) -> Any:
        """As :meth:`Cache.pop`."""
        return self.pop(key) if default is DEFAULT else self.pop(key, default)

    async def atouch(self, key: Any, ttl: Any = DEFAULT) -> bool:
        """As :meth:`Cache.touch`."""
        return self.touch(key, ttl)

    async def attl(self, key: Any, default: Any = MISSING) -> Any:
        """As :meth:`Cache.ttl`."""
        return self.ttl(key, default)

    async def aincr(self, key: Any, delta: float = 1, ttl: Any = DEFAULT, **options: Any) -> Any:
        """As :meth:`Cache.incr`."""
        return self.incr(key, delta, ttl, **options)

    async def adecr(self, key: Any, delta: float = 1, ttl: Any = DEFAULT, **options: Any) -> Any:
        """As :meth:`Cache.decr`."""
        return self.decr(key, delta, ttl, **options)

    async def aentry(self, key: Any) -> CacheEntry | None:
        """As :meth:`Cache.entry`."""
        return self.entry(key)

    async def aget_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """As :meth:`Cache.get_many`."""
        return self.get_many(keys)

    async def aset_many(
        self, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]], ttl: Any = DEFAULT, **options: Any
    ) -> int:
        """As :meth:`Cache.set_many`."""
        return self.set_many(items, ttl, **options)

    async def aupdate(self, items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **named: Any) -> None:
        """As :meth:`Cache.update`."""
        self.update(items, **named)

    async def adelete_many(
        self,
        keys: Iterable[Any] | None = None,
        *,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> int:
        """As :meth:`Cache.delete_many`."""
        return self.delete_many(keys, pattern=pattern, tags=tags)

    async def aclear(self, *, pattern: str | None = None, tags: Iterable[str] | None = None) -> int:
        """As :meth:`Cache.clear`."""
        return self.clear(pattern=pattern, tags=tags)

    async def aentries(
        self, *, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None
    ) -> list[CacheEntry]:
        """As :meth:`Cache.entries`."""
        return self.entries(pattern=pattern, tags=tags, limit=limit)

    async def akeys(self) -> list[Any]:
        """As :meth:`Cache.keys`."""
        return self.keys()

    async def avalues(self) -> list[Any]:
        """As :meth:`Cache.values`."""
        return self.values()

    async def aitems(self) -> list[tuple[Any, Any]]:
        """As :meth:`Cache.items`."""
        return self.items()

    async def ainvalidate(
        self,
        keys: Iterable[Any] | None = None,
        *,
        tags: Iterable[str] | None = None,
        pattern: str | None = None,
        hard: bool = False,
    ) -> None:
        """As :meth:`Cache.invalidate`."""
        self.invalidate(keys, tags=tags, pattern=pattern, hard=hard)

    async def awarm(
        self,
        source: Any,
        *,
        batch_size: int = 100,
        ttl: Any = DEFAULT,
        progress: Callable[[int], object] | None = None,
        **options: Any,
    ) -> int:
        """As :meth:`Cache.warm`, where the source may also be an asynchronous iterable or a coroutine function."""
        made: Any = source() if callable(source) else source
        if isinstance(made, Awaitable):
            made = await made
        if isinstance(made, AsyncIterable):
            made = [pair async for pair in made]
        return self.warm(made, batch_size=batch_size, ttl=ttl, progress=progress, **options)

    async def _apeek(self, key: Any) -> tuple[Any, bool] | None:
        return self._peek(key)

    async def apurge_expired(self) -> int:
        """As :meth:`Cache.purge_expired`."""
        return self.purge_expired()

    async def acheck(self) -> list[str]:
        """As :meth:`Cache.check`."""
        return self.check()

    async def acompact(self) -> int:
        """As :meth:`Cache.compact`."""
        return self.compact()

    async def aclose(self) -> None:
        """As :meth:`Cache.close`."""
        self.close()

    async def __aenter__(self) -> Self:
        """The cache itself; it is closed at the end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the cache."""
        self.close()
