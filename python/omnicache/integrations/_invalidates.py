"""``Depends(invalidates(...))``: what an endpoint changed is no longer served, once it answered with success."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Request, Response

from ..exceptions import CacheConfigError
from ..registry import get_cache
from ._reading import route_of
from ._settings import name_of

if TYPE_CHECKING:
    from ..cache import Cache

__all__ = ["invalidate_cache", "invalidates"]

_SUCCESS, _REDIRECTS = 200, 300
_WATCHED = "__omnicache_watched__"


class _Wish(NamedTuple):
    cache: Cache
    keys: tuple[Any, ...]
    patterns: tuple[str, ...]
    tags: tuple[str, ...]


class _Asked:
    """What is to be invalidated after this request, and the response as far as it is known."""

    __slots__ = ("response", "scope", "status", "wishes")

    def __init__(self, scope: Any, response: Response, status: int | None) -> None:
        self.scope, self.response, self.status = scope, response, status
        self.wishes: list[_Wish] = []

    def succeeded(self, result: object) -> bool:
        """Whether the endpoint's answer is a 2xx."""
        status = result.status_code if isinstance(result, Response) else self.response.status_code or self.status
        return _SUCCESS <= (status or _SUCCESS) < _REDIRECTS


_asked: ContextVar[_Asked | None] = ContextVar("omnicache_invalidates", default=None)


def invalidates(
    *,
    cache_name: str | None = None,
    cache: Cache | None = None,
    tags: Iterable[str] = (),
    keys: Iterable[Any] = (),
    patterns: Iterable[str] = (),
) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency that invalidates after the endpoint returned and before the client hears of it, if it is a 2xx.

    Labels, keys and patterns may take path and query parameters: ``"item:{id}"``.

    >>> from fastapi import Depends, FastAPI
    >>> from omnicache.integrations.fastapi import invalidates
    >>> app = FastAPI()
    >>> @app.put("/items/{id}", dependencies=[Depends(invalidates(tags=["item:{id}", "items"]))])
    ... async def change(id: int):
    ...     return {"id": id}

    Args:
        cache_name: The cache, by name, ``"http_cache"`` unless the configuration says otherwise.
        cache: The cache itself, in place of its name.
        tags: Labels.
        keys: Keys.
        patterns: Patterns of keys.

    Raises:
        CacheConfigError: A str where a list is wanted, or nothing at all.
    """
    for name, given in (("tags", tags), ("keys", keys), ("patterns", patterns)):
        if isinstance(given, str):
            raise CacheConfigError(f"invalidates: {name}: a list, not one str; write [{given!r}]")
    tags, keys, patterns = tuple(tags), tuple(keys), tuple(patterns)
    if not (tags or keys or patterns):
        raise CacheConfigError("invalidates: say what: tags=, keys= or patterns=")
    kept = cache if cache is not None else get_cache(name_of(cache_name, "http_cache"))

    async def invalidate_afterwards(request: Request, response: Response) -> None:
        values = {**request.query_params, **request.path_params}
        route = route_of(request.scope)
        known = _asked.get()
        if known is None or known.scope is not request.scope:
            known = _Asked(request.scope, response, getattr(route, "status_code", None))
            _asked.set(known)
        filled = (tuple(_filled(given, values) for given in wanted) for wanted in (keys, patterns, tags))
        known.wishes.append(_Wish(kept, *filled))
        _watch(route.dependant)

    return invalidate_afterwards


def _filled(given: Any, values: dict[str, Any]) -> Any:
    return given.format(**values) if isinstance(given, str) else given


def _watch(dependant: Any) -> None:
    """Puts a function around the endpoint of a route that sees what it returns; once, for all requests to come."""
    function = dependant.call
    if getattr(function, _WATCHED, False):
        return
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            result = await function(*args, **kwargs)
            known = _asked.get()
            if known is not None and known.succeeded(result):
                for wish in known.wishes:
                    await invalidate_cache(wish.cache, keys=wish.keys, patterns=wish.patterns, tags=wish.tags)
            return result

        watching: Any = awaited
    else:

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            known = _asked.get()
            if known is not None and known.succeeded(result):
                for wish in known.wishes:
                    _invalidate(wish)
            return result

        watching = called
    setattr(watching, _WATCHED, True)
    dependant.call = watching


def _invalidate(wish: _Wish) -> None:
    if wish.keys:
        wish.cache.delete_many(keys=wish.keys)
    for pattern in wish.patterns:
        wish.cache.delete_many(pattern=pattern)
    if wish.tags:
        wish.cache.delete_many(tags=wish.tags)


async def invalidate_cache(
    cache_name: str | Cache,
    *,
    keys: Iterable[Any] | None = None,
    patterns: Iterable[str] | None = None,
    tags: Iterable[str] | None = None,
) -> int:
    """Removes what has one of the keys, matches one of the patterns or carries one of the labels; how many entries.

    >>> import asyncio
    >>> from omnicache import Cache
    >>> with Cache("invalidated") as cache:
    ...     cache.set("a", 1, tags=["letters"])
    ...     asyncio.run(invalidate_cache("invalidated", tags=["letters"])), "a" in cache
    (1, False)
    """
    for name, given in (("keys", keys), ("patterns", patterns), ("tags", tags)):
        if isinstance(given, str):
            raise CacheConfigError(f"invalidate_cache: {name}: a list, not one str; write [{given!r}]")
    cache = get_cache(cache_name) if isinstance(cache_name, str) else cache_name
    gone = 0
    if keys:
        gone += await cache.adelete_many(keys=keys)
    for pattern in patterns or ():
        gone += await cache.adelete_many(pattern=pattern)
    if tags:
        gone += await cache.adelete_many(tags=tags)
    return gone
