"""FastAPI's own serialization of what an endpoint returned: a route like its own, whose endpoint returns just that.

The route is built by the constructor that everyone uses, so response models, response classes and status codes mean
what they mean to FastAPI, in every version of it.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

__all__ = ["serialized"]

_RETURNED = "omnicache.returned"
_SAME = (
    "status_code",
    "response_model",
    "response_class",
    "response_model_include",
    "response_model_exclude",
    "response_model_by_alias",
    "response_model_exclude_unset",
    "response_model_exclude_defaults",
    "response_model_exclude_none",
)


async def _again(request: Request, response: Response) -> Any:
    value, status, headers = request.scope[_RETURNED]
    if status is not None:
        response.status_code = status
    response.headers.raw.extend(headers)
    return value


def _handler(route: Any) -> Any:
    options = {name: getattr(route, name) for name in _SAME}
    return APIRoute("/", _again, methods=["GET"], **options).get_route_handler()


async def serialized(
    handlers: dict[int, Any], route: Any, request: Request, value: Any, status: int | None, headers: list[Any]
) -> Response:
    """The response that FastAPI makes of `value`.

    Args:
        handlers: Remembers the route for the next time.
        route: The endpoint's.
        request: The request.
        value: What the endpoint returned.
        status: The status code that was set on the injected response, if one was.
        headers: The fields that were set there.
    """
    handler = handlers.get(id(route))
    if handler is None:
        handler = handlers[id(route)] = _handler(route)
    scope = {**request.scope, _RETURNED: (value, status, headers), "method": "GET"}
    made: Response = await handler(Request(scope, request.receive))
    return made
