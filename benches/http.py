"""The HTTP cache: hits beside what the frameworks do with a response that is ready, called in process."""

import asyncio
import json
from collections.abc import Callable
from time import thread_time
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from omnicache import Cache
from omnicache.integrations.fastapi import CacheMiddleware, cache_response

from .harness import Contestant, Target, Verdict, measure
from .options import Options

# About 2 KB of JSON.
VALUE = [{"id": number, "name": f"item {number}", "price": number / 4, "tags": ["new", "blue"]} for number in range(30)]
READY = Response(json.dumps(VALUE).encode(), media_type="application/json", headers={"cache-control": "max-age=3600"})
HEADERS = [
    (b"host", b"example.com"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"user-agent", b"bench"),
    (b"connection", b"keep-alive"),
]  # fmt: skip
# The peer that is slowest by far is asked less often.
SLOWER = 40


def scope() -> dict[str, Any]:
    """A new request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/items",
        "raw_path": b"/items",
        "query_string": b"page=1",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }


async def receive() -> dict[str, Any]:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(_message: object) -> None:
    """A client that takes everything at once."""


def requests(label: str, app: Callable[..., Any], count: int, *, slow: bool = False) -> Contestant:
    """`count` requests, one after the other."""

    async def loop() -> float:
        await app(scope(), receive, send)
        start = thread_time()
        for _ in range(count):
            await app(scope(), receive, send)
        return thread_time() - start

    return Contestant(label, lambda: asyncio.run(loop()), count, slow)


async def page(_request: Request) -> Response:
    """A response that is ready."""
    return READY


async def value() -> Any:
    """What FastAPI has yet to serialize."""
    return VALUE


async def ready() -> Response:
    """A response that is ready."""
    return READY


def peer() -> FastAPI:
    """An endpoint of fastapi-cache2."""
    from fastapi_cache import FastAPICache  # noqa: PLC0415 - it is no peer of the other groups
    from fastapi_cache.backends.inmemory import InMemoryBackend  # noqa: PLC0415
    from fastapi_cache.decorator import cache as peer_cache  # noqa: PLC0415

    FastAPICache.init(InMemoryBackend())
    app = FastAPI()
    app.get("/items")(peer_cache(expire=3600)(value))
    return app


def http(options: Options) -> list[Verdict]:
    """A hit of the middleware and of a cached endpoint."""
    count = options.length // 40
    starlette = Starlette(routes=[Route("/items", page)])
    plain, prebuilt, kept = FastAPI(), FastAPI(), FastAPI()
    plain.get("/items")(value)
    prebuilt.get("/items")(ready)
    with Cache("bench-front") as front, Cache("bench-pages") as pages:
        kept.get("/items")(cache_response(cache=pages, ttl="1h")(value))
        rows = [
            requests("starlette, ready", starlette, count),
            requests("omnicache middleware", CacheMiddleware(starlette, cache=front), count),
            requests("fastapi-cache2", peer(), count // SLOWER + 1, slow=True),
        ]
        targets = [
            Target("omnicache middleware", 0.5, "starlette, ready"),
            Target("omnicache middleware", 0.01, "fastapi-cache2"),
        ]
        verdicts = measure("a hit of the middleware, 2 KB", rows, targets, options.rounds)
        rows = [
            requests("fastapi, ready", prebuilt, count // 4),
            requests("omnicache cache_response", kept, count // 4),
            requests("fastapi, uncached", plain, count // 4),
            requests("fastapi-cache2", peer(), count // SLOWER + 1, slow=True),
        ]
        target = Target("omnicache cache_response", 1.3, "fastapi, ready")
        return verdicts + measure("a hit of a cached endpoint, 2 KB", rows, [target], options.rounds)
