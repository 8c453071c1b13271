"""The REST API: what each call reads of its request, what it asks the service, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from .._far.apart import apart
from .._manage.arguments import put_arguments, unknown
from .._manage.errors import InvalidInput
from .._manage.keytext import path_text
from .._manage.management import DEFAULT_LIMIT
from .._sentinels import DEFAULT
from ..prometheus import CONTENT_TYPE
from ._asking import (
    body_of,
    cache_ref,
    filled,
    key_text,
    limit_from,
    object_of,
    query_of,
    single,
    tags_from,
)
from ._openapi import document

if TYPE_CHECKING:
    from starlette.requests import Request

    from .._manage.management import Management

__all__ = ["json_response", "routes"]

Endpoint: TypeAlias = Callable[["Request"], Awaitable[Response]]

_BULK_MOST: Final = 10_000


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON; only ASCII is sent, so that no text is too odd."""
    data = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(data, status, headers, "application/json")


class Rest:
    """The calls, over one service. What may wait runs in a thread."""

    def __init__(self, service: Management, max_body: int) -> None:
        self._service: Final = service
        self._max_body: Final = max_body

    async def _object(self, request: Request, what: str) -> dict[str, Any]:
        return object_of(await body_of(request, self._max_body), what)

    # --- caches ---

    async def create(self, request: Request) -> Response:
        """``POST /cache``."""
        query_of(request, ())
        made = await apart(self._service.create, await self._object(request, "cache"))
        place = f"{request.scope.get('root_path', '')}/cache/{made.name}?namespace={made.namespace}"
        return json_response(made.as_dict(), 201, {"Location": place})

    async def caches(self, request: Request) -> Response:
        """``GET /cache``."""
        query = query_of(request, ("namespace",))
        found = await apart(self._service.caches, single(query, "namespace"))
        return json_response([cache.as_dict() for cache in found])

    async def cache(self, request: Request) -> Response:
        """``GET /cache/{name}``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        return json_response((await apart(self._service.cache, name)).as_dict())

    async def delete(self, request: Request) -> Response:
        """``DELETE /cache/{name}``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        await body_of(request, 0)
        await apart(self._service.delete, name)
        return Response(status_code=204)

    # --- entries ---

    async def put(self, request: Request) -> Response:
        """``POST /cache/{name}/entries``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        row = await self._object(request, "entry")
        put_arguments(row)  # refused before the cache is looked for, in the words for a table
        options = {field: row[field] for field in ("ttl", "priority") if field in row}
        tags = row.get("tags") or ()
        made = await apart(lambda: self._service.put(name, row["key"], row["value"], tags=tags, **options))
        place = f"{request.scope['path'].rstrip('/')}/{quote(path_text(made.key), safe='')}"
        return json_response(made.as_dict(), 201, {"Location": place})

    async def entries(self, request: Request) -> Response:
        """``GET /cache/{name}/entries``."""
        query = query_of(request, ("namespace", "pattern", "tags", "limit", "cursor"))
        name = cache_ref(request, query)
        pattern, cursor = single(query, "pattern") or None, single(query, "cursor") or None
        tags = tags_from(query) if any(query.get("tags", ())) else None
        limit = limit_from(query, DEFAULT_LIMIT)
        page = await apart(self._service.entries, name, pattern, tags, limit, cursor)
        return json_response(page.as_dict())

    async def entry(self, request: Request) -> Response:
        """``GET /cache/{name}/entries/{key}``."""
        query = query_of(request, ("namespace", "count"))
        name, key = cache_ref(request, query), key_text(request)
        count = single(query, "count")
        if count not in {None, "true", "false"}:
            raise InvalidInput("count: true or false")
        found = await apart(lambda: self._service.entry(name, key, count=count != "false"))
        return json_response(found.as_dict())

    async def remove(self, request: Request) -> Response:
        """``DELETE /cache/{name}/entries/{key}``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        key = key_text(request)
        await body_of(request, 0)
        await apart(self._service.remove, name, key)
        return Response(status_code=204)

    # --- many ---

    async def bulk_put(self, request: Request) -> Response:
        """``POST /cache/{name}/entries/bulk``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        body = await self._object(request, "bulk")
        unknown(body, ("entries", "default_ttl"), "bulk")
        rows = body.get("entries")
        if not isinstance(rows, list) or len(rows) > _BULK_MOST:
            raise InvalidInput(f"entries: a list of up to {_BULK_MOST} objects")
        result = await apart(self._service.bulk_put, name, rows, body.get("default_ttl", DEFAULT))
        return json_response(result.as_dict(), 207)

    async def bulk_delete(self, request: Request) -> Response:
        """``DELETE /cache/{name}/entries/bulk``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        body = await self._object(request, "bulk delete")
        unknown(body, ("keys", "pattern", "tags"), "bulk delete")
        keys = body.get("keys")
        if keys is not None and (not isinstance(keys, list) or len(keys) > _BULK_MOST):
            raise InvalidInput(f"keys: a list of up to {_BULK_MOST} texts")
        result = await apart(self._service.bulk_delete, name, keys, body.get("pattern"), body.get("tags"))
        return json_response(result.as_dict(), 207)

    async def clear(self, request: Request) -> Response:
        """``POST /cache/{name}/clear``."""
        query = query_of(request, ("namespace", "pattern", "tags"))
        name = cache_ref(request, query)
        pattern, tags = filled(query, "pattern"), tags_from(query)
        await body_of(request, 0)
        gone = await apart(self._service.clear, name, pattern, tags)
        return json_response({"cleared_count": gone})

    # --- looking ---

    async def statistics(self, request: Request) -> Response:
        """``GET /cache/{name}/statistics``."""
        name = cache_ref(request, query_of(request, ("namespace",)))
        return json_response((await apart(self._service.statistics, name)).as_dict())

    async def why(self, request: Request) -> Response:
        """``GET /cache/{name}/why``."""
        query = query_of(request, ("namespace", "key"))
        name, key = cache_ref(request, query), single(query, "key")
        if key is None:
            raise InvalidInput("key: the parameter is needed")
        return json_response((await apart(self._service.why, name, key)).as_dict())

    async def metrics(self, request: Request) -> Response:
        """``GET /metrics``. Scrapers may add parameters of their own."""
        del request
        return Response(await apart(self._service.metrics), 200, None, CONTENT_TYPE)

    async def openapi(self, request: Request) -> Response:
        """``GET /openapi.json``."""
        return json_response(document(request.scope.get("root_path", "")))


def routes(service: Management, max_body: int) -> list[Route]:
    """The calls and where they are. Of two that fit a path, the first is taken."""
    rest = Rest(service, max_body)
    table: list[tuple[str, str, Endpoint]] = [
        ("POST", "/cache", rest.create),
        ("GET", "/cache", rest.caches),
        ("GET", "/cache/{name}", rest.cache),
        ("DELETE", "/cache/{name}", rest.delete),
        ("POST", "/cache/{name}/entries", rest.put),
        ("GET", "/cache/{name}/entries", rest.entries),
        ("POST", "/cache/{name}/entries/bulk", rest.bulk_put),
        ("DELETE", "/cache/{name}/entries/bulk", rest.bulk_delete),
        ("GET", "/cache/{name}/entries/{key:path}", rest.entry),
        ("DELETE", "/cache/{name}/entries/{key:path}", rest.remove),
        ("POST", "/cache/{name}/clear", rest.clear),
        ("GET", "/cache/{name}/statistics", rest.statistics),
        ("GET", "/cache/{name}/why", rest.why),
        ("GET", "/metrics", rest.metrics),
        ("GET", "/openapi.json", rest.openapi),
    ]
    return [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]
