"""``CacheTestClient``: Starlette's test client that knows what the caches did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from .. import _registry
from ..cache import Cache
from ..exceptions import CacheNotFoundError

if TYPE_CHECKING:
    from ..statistics import Statistics

__all__ = ["CacheTestClient"]

_AUDIT = "omnicache.audit"


class CacheTestClient(TestClient):
    """A client for an application of FastAPI, Starlette or any ASGI framework, with an eye on the caches it uses.

    >>> from fastapi import FastAPI
    >>> from omnicache import Cache
    >>> from omnicache.integrations.fastapi import cache_response
    >>> from omnicache.testing._client import CacheTestClient
    >>> app, pages = FastAPI(), Cache("client_pages")
    >>> @app.get("/")
    ... @cache_response(cache=pages)
    ... async def home():
    ...     return "hello"
    >>> client = CacheTestClient(app)
    >>> client.get("/").json(), client.get("/").json()
    ('hello', 'hello')
    >>> client.cache_hit_count("client_pages"), client.cache_miss_count("client_pages")
    (1, 1)
    >>> client.from_cache(client.get("/"))
    True
    >>> pages.close()

    Args:
        app: The application.
        audit: The test of privacy: every response from the HTTP cache is held against what the application would say to
            this client and to one without a name; a difference raises
            :class:`omnicache.integrations.asgi.PrivacyError`.
        options: What Starlette's client takes.
    """

    __test__ = False  # it is no test, whatever its name says

    def __init__(self, app: Any, *, audit: bool = False, **options: Any) -> None:
        super().__init__(_audited(app) if audit else app, **options)

    def cache_stats(self, cache_name: str) -> Statistics:
        """What the cache of that name did since it was made or :meth:`reset_cache_stats`.

        Raises:
            CacheNotFoundError: There is none.
        """
        return _cache(cache_name).stats()

    def cache_hit_count(self, cache_name: str) -> int:
        """How many lookups in that cache found something."""
        return self.cache_stats(cache_name).hit_count

    def cache_miss_count(self, cache_name: str) -> int:
        """How many lookups in that cache found nothing."""
        return self.cache_stats(cache_name).miss_count

    def reset_cache_stats(self, cache_name: str) -> None:
        """Starts counting anew."""
        _cache(cache_name).reset_stats()

    def clear_cache(self, cache_name: str) -> int:
        """Empties that cache; how many entries went."""
        return _cache(cache_name).clear()

    @staticmethod
    def from_cache(response: Any) -> bool:
        """Whether a response says that it comes from the cache (RFC 9211)."""
        members = response.headers.get("cache-status", "").split(",")
        return any(part.strip() == "hit" for member in members for part in member.split(";")[1:])


def _cache(name: str) -> Cache:
    found = _registry.find(_registry.DEFAULT_NAMESPACE, name)
    if not isinstance(found, Cache):
        raise CacheNotFoundError(f"there is no cache {name!r}; list_caches() shows those there are")
    return found


def _audited(app: Any) -> Any:
    async def audited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and _AUDIT not in scope:
            scope[_AUDIT] = True
        await app(scope, receive, send)

    return audited
