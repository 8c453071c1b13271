"""The dashboard: one page, the files that it is made of, and the stream of events that it follows.

Everything it needs is served from here. The page and its files say nothing of any cache and need no token; what they
show comes from the API and the stream, which do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ._asking import Unfit
from ._live import Live

if TYPE_CHECKING:
    from starlette.requests import Request

    from .._manage.management import Management

__all__ = ["Dashboard"]

_MOST: Final = 64
"""So many streams of events at a time."""
_FILES: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # Scripts and styles of this server only, and no markup made of text, whatever a value or a key holds.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Dashboard:
    """The routes of the dashboard over a service.

    Args:
        service: Whose caches it shows.
        interval: Seconds between two readings of all statistics, while somebody looks.
    """

    def __init__(self, service: Management, interval: float = 1.0) -> None:
        self._live: Final = Live(service, interval)
        files = sorted(path for path in _FILES.iterdir() if path.suffix in _TYPES and path.name != "index.html")
        pages = [Route("/", _served(_FILES / "index.html"))]
        pages += [Route(f"/static/{path.name}", _served(path)) for path in files]
        self.public: Final = frozenset(page.path for page in pages)
        """The paths that need no token."""
        self.routes: Final = [*pages, Route("/events", self._events)]

    @property
    def looking(self) -> int:
        """How many streams of events there are."""
        return self._live.looking

    def close(self) -> None:
        """Ends every stream of events, so that a server that waits for them can end."""
        self._live.close()

    async def _events(self, _request: Request) -> Response:
        """``GET /events``: server-sent events, each the statistics of all caches as JSON."""
        if self._live.looking >= _MOST:
            raise Unfit("too many pages are open; close some, and try again", 503, "BUSY")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(), headers=headers, media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        async with aclosing(self._live.readings()) as readings:
            async for text in readings:
                yield ": still here\n\n" if text is None else f"data: {text}\n\n"


def _served(path: Path) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that serves one file, which is read once."""
    body, kind = path.read_bytes(), _TYPES[path.suffix]
    headers = {**_HEADERS, "ETag": f'"{blake2b(body, digest_size=12).hexdigest()}"'}

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=kind)

    return serve
