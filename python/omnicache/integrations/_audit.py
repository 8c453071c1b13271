"""The test of privacy: what a hit gives to one client is held against what the application would say to others."""

from __future__ import annotations

import asyncio

from ..exceptions import CacheError
from ._types import App, Message, Scope
from .http.fields import without

__all__ = ["AUDIT", "BYPASS", "PrivacyError", "compare"]

AUDIT = "omnicache.audit"
"""The key of the scope that turns the test on."""

BYPASS = "omnicache.bypass"
"""The key of the scope of a request that no cache may answer or store."""

_IDENTITY = (b"authorization", b"cookie", b"proxy-authorization")
_CONDITIONAL = (b"if-none-match", b"if-modified-since", b"range", b"if-range")


class PrivacyError(CacheError, AssertionError):
    """A stored response is not what the application would say to this client: it was meant for another one."""


async def compare(app: App, scope: Scope, status: int, body: bytes) -> None:
    """Asks the application again, as this client and as one without a name, and compares.

    Raises:
        PrivacyError: It says something else than `status` and `body`.
    """
    headers = without(scope["headers"], _CONDITIONAL)
    for who, fields in (("this client", headers), ("a client without a name", without(headers, _IDENTITY))):
        said = await _ask(app, {**scope, "headers": fields, "method": "GET", BYPASS: True, AUDIT: False})
        if said != (status, body):
            raise PrivacyError(
                f"{scope['path']}: a stored response (status {status}, {len(body)} bytes) was about to be served, but "
                f"to {who} the application says another one (status {said[0]}, {len(said[1])} bytes). Send "
                "Cache-Control: private, or name the identity in vary_by="
            )


async def _ask(app: App, scope: Scope) -> tuple[int, bytes]:
    status, chunks, asked = 0, [], False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.get_running_loop().create_future()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            chunks.append(bytes(message.get("body", b"")))

    await app(scope, receive, send)
    return status, b"".join(chunks)
