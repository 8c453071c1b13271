"""A transparent ASGI reverse proxy: what other HTTP caches are tested behind, for tests of the middleware.

``python -m tests.integrations.proxy PORT ORIGIN [memory | filesystem | tiered] [DIRECTORY]`` serves the middleware in
front of it.
"""

import sys

import httpx2
import uvicorn

from omnicache import Backend, Cache, FileSystemBackend, MemoryBackend, TieredBackend
from omnicache.integrations.asgi import CacheMiddleware

# What belongs to one connection; the server makes its own.
HOP = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te"}


class Proxy:
    """Forwards each request to an origin and streams the answer; a lost origin raises."""

    def __init__(self, origin: str) -> None:
        self.origin = origin.rstrip("/")
        # No connection is used again: an origin that lies about lengths would spoil the next answer.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self.client = httpx2.AsyncClient(timeout=30, limits=limits, follow_redirects=False, trust_env=False)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        url = self.origin + scope["raw_path"].decode("ascii")
        if scope["query_string"]:
            url += "?" + scope["query_string"].decode("ascii")
        named = {name for name, _ in scope["headers"]}
        headers = [(name, value) for name, value in scope["headers"] if name not in HOP]
        request = self.client.build_request(scope["method"], url, headers=headers, content=body or None)
        for name in ("accept", "accept-encoding", "user-agent", "connection"):
            if name.encode() not in named:
                request.headers.pop(name, None)
        answer = await self.client.send(request, stream=True)
        try:
            listed = {name.strip().lower().encode() for name in answer.headers.get("connection", "").split(",")}
            fields = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in HOP | listed]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": fields})
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await answer.aclose()


def store(kind: str = "memory", directory: str = "") -> Backend:
    """Where responses are kept."""
    if kind == "memory":
        return MemoryBackend()
    files = FileSystemBackend(directory)
    return files if kind == "filesystem" else TieredBackend(far=files)


if __name__ == "__main__":
    cache = Cache("proxied", backend=store(*sys.argv[3:]), max_bytes="128MiB")
    proxied = CacheMiddleware(Proxy(sys.argv[2]), cache=cache, default_ttl=None, heuristic=True)
    uvicorn.run(
        proxied, port=int(sys.argv[1]), lifespan="off", log_level="warning", date_header=False, server_header=False
    )
