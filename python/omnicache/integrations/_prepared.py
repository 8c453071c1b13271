"""Responses for Starlette that send what is stored, or store what another one sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from ._answer import Asked, answer, send_whole
from ._record import HIT, Stored
from ._types import Message, Receive, Scope, Send
from .http.fields import lowered
from .http.validation import CONDITIONS, not_modified, not_modified_fields

__all__ = ["Hit", "Prepared", "Recording"]

_PATHSEND = ("http.response.pathsend", "http.response.zerocopysend")
_OK, _NOT_MODIFIED = 200, 304


class Hit(Response):
    """A stored response."""

    def __init__(
        self,
        stored: Stored,
        raw: bytes,
        asked: Asked,
        now: float,
        field: bytes | None,
        extra: list[tuple[bytes, bytes]],
    ) -> None:
        # Not Starlette's, which would build fields for a body: they are stored.
        self.status_code = stored.status
        self.background: Any = None
        self.raw_headers = stored.shown(now, status_field=True)
        if extra:
            self.raw_headers += extra
        self._of = (stored, raw, asked, now, field, extra)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends it, as the request wants it."""
        stored, raw, asked, now, field, extra = self._of
        head = scope["method"] == "HEAD"
        if not asked and field is None:
            body = b"" if head else raw[stored.body_at :]
            await send({"type": "http.response.start", "status": stored.status, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})
        else:
            field = field or HIT % (stored.lifetime - stored.age(now))

            async def adding(message: Message) -> None:
                if extra and message["type"] == "http.response.start":
                    message["headers"] += extra
                await send(message)

            await answer(adding, asked, stored, raw, now=now, status_field=field, head=head)
        if self.background is not None:
            await self.background()


class Prepared(Response):
    """A complete response that was just made."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, background: Any) -> None:
        self.status_code, self.raw_headers, self.body, self.background = status, headers, body, background

    def conditional(self, asked: Asked, now: float) -> Prepared:
        """The same, or a 304 if the client has it already."""
        conditional = self.status_code == _OK and not CONDITIONS.isdisjoint(asked)
        if not conditional or not not_modified(list(asked.items()), self.raw_headers, now=now):
            return self
        return Prepared(_NOT_MODIFIED, not_modified_fields(self.raw_headers), b"", self.background)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends it."""
        head = scope["method"] == "HEAD"
        await send_whole(send, self.status_code, self.raw_headers, bytes(self.body), head=head)
        if self.background is not None:
            await self.background()


class Recording(Response):
    """A response that sends another one, and hands what was sent to who stores it before the last message goes out.

    Args:
        inner: The other one.
        dress: Gets status and fields, returns the fields to send, None if the response is not to be stored.
        keep: Gets status, fields and body.
        most: The longest body that is kept.
        done: Called once it is kept, or will not be.
        end: Awaited at the very end.
    """

    def __init__(
        self,
        inner: Response,
        dress: Callable[[int, list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]] | None],
        keep: Callable[[int, list[tuple[bytes, bytes]], bytes], Awaitable[None]],
        most: int,
        done: Callable[[bool], object],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self.status_code, self.raw_headers = inner.status_code, inner.raw_headers
        self.background: Any = None
        self._inner, self._dress, self._keep, self._most, self._done = inner, dress, keep, most, done
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        chunks: list[bytes] | None = []
        size = status = 0
        headers: list[tuple[bytes, bytes]] = []
        kept = False

        async def recorded(message: Message) -> None:
            nonlocal chunks, size, status, headers, kept
            if message["type"] == "http.response.start":
                status, headers = message["status"], lowered(message.get("headers", ()))
                dressed = self._dress(status, headers)
                chunks = None if dressed is None else chunks
                headers = headers if dressed is None else dressed
                message = {**message, "headers": list(headers)}
            elif message["type"] == "http.response.body" and chunks is not None:
                chunks.append(bytes(message.get("body", b"")))
                size += len(chunks[-1])
                if size > self._most:
                    chunks = None
                elif not message.get("more_body", False):
                    await self._keep(status, headers, b"".join(chunks))
                    kept = True
                    self._done(True)
            await send(message)

        extensions = scope.get("extensions")
        if extensions and any(name in extensions for name in _PATHSEND):
            extensions = {name: what for name, what in extensions.items() if name not in _PATHSEND}
            scope = {**scope, "extensions": extensions}
        try:
            await self._inner(scope, receive, recorded)
            if self.background is not None:
                await self.background()
        finally:
            if not kept:
                self._done(False)
            await self._end()
