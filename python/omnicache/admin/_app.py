"""The application: the REST API and the dashboard behind their guards, as ASGI, to be mounted or served."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route, Router

from .._logged import logged
from .._manage.errors import describe, details_of, kind_of
from .._manage.models import ErrorView
from .._manage.service import Service
from ..exceptions import CacheError
from ._access import Access, Refused
from ._asking import Unfit, raw_scope, sizes_checked
from ._dashboard import Dashboard
from ._rest import json_response, routes

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .._manage.management import Management

__all__ = ["Admin", "mount", "router"]

_log: Final = logging.getLogger("omnicache.admin")
_BUSY: Final = 64
"""So many requests at a time are worked on; each may have a thread."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries, unless it says otherwise itself."""
_WRONG_METHOD: Final = 405
_CODES: Final = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


class Admin:
    """An ASGI application over a service.

    Args:
        service: What does the work.
        access: Who may ask.
        interval: Seconds between two readings of all statistics, while somebody looks at the dashboard.
    """

    def __init__(self, service: Management, access: Access, interval: float = 1.0) -> None:
        self.service: Final = service
        self._access: Final = access
        self._dashboard: Final = Dashboard(service, interval)
        found = [*self._dashboard.routes, *routes(service, access.max_body)]
        self._router: Final = Router(found, redirect_slashes=False)
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; nothing that is raised here reaches the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = raw_scope(scope)
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                message = {**message, "headers": headers.raw}
            await send(message)

        self._busy += 1
        try:
            await self._answer(scope, receive, dressed)
        except Exception as error:
            if begun:
                raise
            await _failed(error, scope)(scope, receive, dressed)
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Ends the answers that have no end of their own, so that a server need not wait for them."""
        self._dashboard.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        sizes_checked(scope)
        root = scope.get("root_path", "")
        path = scope["path"]
        plain = path.removeprefix(root)
        await self._access.check(Request(scope, receive), public=plain in self._dashboard.public)
        if self._busy - self._dashboard.looking > _BUSY:
            raise Unfit("too many requests at a time; ask again later", 503, "BUSY")
        # An application around this one has handlers of its own, which are not for what is raised here.
        own = {"app": self, "starlette.exception_handlers": ({}, {})}
        try:
            await self._router({**scope, **own}, receive, send)
        except HTTPException as error:
            if error.status_code == _WRONG_METHOD:
                raise HTTPException(_WRONG_METHOD, headers={"Allow": self._allowed(plain)}) from None
            raise

    def _allowed(self, path: str) -> str:
        """The methods that there are for a path."""
        fitting = [route for route in self._router.routes if isinstance(route, Route) and route.path_regex.match(path)]
        return ", ".join(sorted({method for route in fitting for method in route.methods or ()}))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _failed(error: Exception, scope: Scope) -> Response:
    """The answer to a request that failed."""
    if isinstance(error, HTTPException):
        text = "there is nothing at this address" if error.status_code == 404 else error.detail  # noqa: PLR2004 - a status
        view = ErrorView(_CODES.get(error.status_code, "HTTP_ERROR"), text)
        return json_response(view.as_dict(), error.status_code, error.headers)
    if isinstance(error, Unfit):
        headers = {"Connection": "close"} if error.status in {408, 413} else None
        return json_response(ErrorView(error.code, str(error)).as_dict(), error.status, headers)
    kind = kind_of(error)
    status = error.status if isinstance(error, Refused) else kind.status
    headers = error.headers if isinstance(error, Refused) else None
    if not isinstance(error, CacheError):
        extra = logged("request_failed")
        _log.error("%s %s failed", scope["method"], scope["path"], exc_info=error, extra=extra)
    return json_response(ErrorView(kind.code, describe(error), details_of(error)).as_dict(), status, headers)


def router(
    service: Management | None = None,
    *,
    token: str | None = None,
    authorize: Callable[[Request], bool | Awaitable[bool]] | None = None,
    local: bool = False,
    **access: Any,
) -> ASGIApp:
    """The REST API over the living caches of this process, as an ASGI application to be mounted.

    Args:
        service: Another service than that of the living caches.
        token: Requests must carry it: ``Authorization: Bearer TOKEN``.
        authorize: A function of Starlette's ``Request``, plain or awaitable, that says whether it may pass.
        local: Requests need neither if they come directly from this machine. Not behind a proxy on it.
        access: The other arguments of :class:`Access`: ``hosts``, ``read_only``, ``max_body``.

    Raises:
        CacheConfigError: Neither `token` nor `authorize` nor `local` is given: anybody could ask.

    >>> from starlette.applications import Starlette
    >>> from omnicache.admin import router
    >>> app = Starlette()
    >>> app.mount("/caches", router(token="a-long-secret"))
    """
    allowed = Access(token=token, authorize=authorize, local=local, **access)
    return Admin(Service(confined=True) if service is None else service, allowed)


def mount(app: Any, path: str = "/omnicache", **options: Any) -> None:
    """Mounts :func:`router`, with its `options`, in an application of FastAPI or Starlette.

    >>> from fastapi import FastAPI
    >>> from omnicache.admin import mount
    >>> app = FastAPI()
    >>> mount(app, "/caches", token="a-long-secret")
    """
    app.mount(path, router(**options))
