"""OmniCache in FastAPI: responses, return values, the whole application behind an HTTP cache, invalidation.

>>> from fastapi import FastAPI
>>> from omnicache import Cache
>>> from omnicache.integrations.fastapi import cache_response
>>> pages = Cache("pages", max_size=10_000)
>>> app = FastAPI(lifespan=pages.lifespan)
>>> @app.get("/items/{id}")
... @cache_response(cache=pages, ttl="1m", tags=["item:{id}"])
... async def item(id: int) -> dict[str, int]:
...     return {"id": id}
>>> pages.close()

Importing this module gives every :class:`omnicache.Cache` two methods more: ``cache.response(ttl, ...)``, which is
``cache_response(cache=cache, ttl=ttl, ...)``, and ``cache.lifespan``, which closes the cache when the application ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from .. import _registry
from .._sentinels import DEFAULT
from ..cache import Cache
from ..exceptions import CacheNotFoundError
from ..registry import get_cache
from ._invalidates import invalidate_cache, invalidates
from ._response import cache_response
from ._settings import found, name_of
from ._values import cached
from .asgi import CacheMiddleware, PrivacyError

if TYPE_CHECKING:
    from ..statistics import Statistics

__all__ = [
    "CacheMiddleware",
    "PrivacyError",
    "cache",
    "cache_dependency",
    "cache_response",
    "cache_stats",
    "cached",
    "invalidate_cache",
    "invalidates",
    "lifespan",
]

cache = cached
"""The same as :func:`cached`."""


def cache_dependency(name: str | None = None, create_if_missing: bool = True) -> Callable[[], Cache]:
    """A dependency that is the cache of that name: ``Depends(cache_dependency("users"))``.

    Without a name it is the cache called ``"default"``, unless the configuration says otherwise.

    Raises:
        CacheNotFoundError: When a request comes and there is none, with ``create_if_missing=False``.

    >>> from omnicache import Cache
    >>> with Cache("depended") as cache:
    ...     cache_dependency("depended")() is cache
    True
    """
    name = name_of(name, "default")
    _registry.check_name("cache name", name)
    kept: list[Cache] = []

    def dependency() -> Cache:
        cache = found(name)
        if cache is not None:
            return cache
        if not create_if_missing:
            raise CacheNotFoundError(f"there is no cache {name!r}; make it, or let create_if_missing be True")
        # The registry holds caches weakly; this one lives as long as the dependency.
        kept[:] = [get_cache(name)]
        return kept[0]

    return dependency


async def cache_stats(cache_name: str) -> Statistics:
    """What the cache of that name did, and what it holds.

    Raises:
        CacheNotFoundError: There is none.

    >>> import asyncio
    >>> from omnicache import Cache
    >>> with Cache("counted") as cache:
    ...     asyncio.run(cache_stats("counted")).entry_count
    0
    """
    cache = found(cache_name)
    if cache is None:
        raise CacheNotFoundError(f"there is no cache {cache_name!r}; list_caches() shows those there are")
    return cache.stats()


def lifespan(*caches: Cache) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan that closes these caches when the application ends: ``FastAPI(lifespan=lifespan(users, pages))``."""

    @asynccontextmanager
    async def living(_app: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for one in caches:
                await one.aclose()

    return living


def _response(self: Cache, ttl: Any = DEFAULT, **options: Any) -> Any:
    """Keeps the responses of an endpoint in this cache; see :func:`cache_response` for the options."""
    return cache_response(cache=self, ttl=ttl, **options)


def _lifespan(self: Cache, app: Any) -> AbstractAsyncContextManager[None]:
    """The lifespan of an application that closes this cache at its end."""
    return lifespan(self)(app)


# The cache stands below its integrations and cannot import them.
for _name, _method in (("response", _response), ("lifespan", _lifespan)):
    _method.__name__, _method.__qualname__ = _name, f"Cache.{_name}"
    setattr(Cache, _name, _method)
