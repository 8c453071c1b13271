"""One call of an endpoint whose response is kept: whether to answer from the cache, and what to keep."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response, StreamingResponse

from .._logged import logged
from ._audit import AUDIT, BYPASS, compare
from ._identity import credential_like
from ._keeping import Keeping
from ._options import Options, State
from ._prepared import Hit, Prepared, Recording
from ._reading import STATE, Reads, noting, reads_of, route_of
from ._record import RECORD_NAME, Stored
from ._shelf import Found
from .http.cache_control import Directives, parse
from .http.fields import lowered, without
from .http.status import cache_status

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request

    from ._types import Message, Scope

__all__ = ["Call"]

Fields = list[tuple[bytes, bytes]]

_log = logging.getLogger("omnicache.integrations")
NONE = Directives()
_REFRESH = "omnicache.refresh"
_MATTER = frozenset({
    b"cache-control", b"if-none-match", b"if-modified-since", b"if-range", b"range", b"content-length",
    b"transfer-encoding",
})  # fmt: skip
_STREAMED = (StreamingResponse, FileResponse)
_REMEMBERED = 4096
_SERVER_ERRORS = 500
_ALONE = 120.0  # seconds for which it is remembered that an answer could not be shared


class Call:
    """One call.

    Args:
        options: The endpoint's.
        state: What its calls share.
        name: Its module and name, a part of the key.
        request: The request.
        injected: The response on which dependencies and endpoint may set a status and fields.
        own: The request as the endpoint itself takes it, if it does.
        arguments: Its arguments.
        labels: Makes labels of these.
        run: Calls it.
    """

    __slots__ = (
        "_arguments", "_asked", "_before", "_directives", "_injected", "_key", "_labels", "_name", "_options", "_own",
        "_reads", "_request", "_run", "_scope", "_state",
    )  # fmt: skip

    def __init__(
        self,
        options: Options,
        state: State,
        name: str,
        request: Request,
        injected: Response | None,
        own: HTTPConnection | None,
        arguments: Mapping[str, Any],
        labels: Callable[[Mapping[str, Any]], tuple[str, ...]],
        run: Callable[[], Awaitable[Any]],
    ) -> None:
        self._options, self._state, self._name = options, state, name
        self._request, self._injected, self._own = request, injected, own
        self._arguments, self._labels, self._run = arguments, labels, run
        self._scope: Scope = request.scope
        # What dependencies set belongs to this request, and not to what is kept.
        self._before: Fields = list(injected.raw_headers) if injected is not None else []

    async def respond(self) -> Any:  # noqa: PLR0911 - each is a way to answer
        """The response, or what the endpoint returned if the cache has no part in it."""
        scope, options = self._scope, self._options
        if scope["method"] not in options.methods or BYPASS in scope:
            return await self._run()
        asked: dict[bytes, bytes] = {}
        host = b""
        for name, value in scope["headers"]:
            if name in _MATTER:
                asked[name] = value if name not in asked else asked[name] + b", " + value
            elif name == b"host":
                host = host + b", " + value if host else value
        if asked and (asked.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in asked):
            return await self._run()
        if self._request.__dict__.get("_body"):
            return await self._run()  # one that was not announced, as HTTP/2 allows
        said = asked.pop(b"cache-control", None)
        self._asked = asked
        self._directives = NONE if said is None else parse(said.decode("latin-1"))
        self._reads = self._known_reads()
        self._key = self._make_key(host)
        identified = self._identified()
        found = await self._find()
        if found is not None and not (identified and found.stored.implicit):
            now = options.clock()
            if now < found.stored.fresh_until:
                return await self._hit(found)
            if now < found.stored.fresh_until + found.stored.stale_while_revalidate:
                self._refresh()
                return await self._hit(found)
        else:
            found = None
        if "only-if-cached" in self._directives:
            return Prepared(504, [(b"content-length", b"0")], b"", None)
        if identified or options.private is True or "no-store" in self._directives:
            return await self._make(found, identified=identified)
        return await self._together(found)

    # --- who and what ---

    def _known_reads(self) -> Reads:
        route = route_of(self._scope)
        known = self._state.reads.get(id(route))
        if known is None or known[0] is not route:
            known = self._state.reads[id(route)] = (route, reads_of(route))
        return known[1]

    def _make_key(self, host: bytes) -> str:
        options, scope = self._options, self._scope
        if options.plain and scope.get("raw_path"):
            query = scope["query_string"]
            path = host.lower() + scope["raw_path"] + b"?" + query if query else host.lower() + scope["raw_path"]
            return f"{self._name} {scope['scheme']}://{path.decode('latin-1')}"
        if options.vary_on is None:
            key = options.keys.of(scope, host) or ""
        else:
            chosen = [(name, self._arguments.get(name)) for name in options.vary_on]
            key = options.keys.of({**self._scope, "raw_path": b"", "path": "", "query_string": b""}, host) or ""
            key = f"{key} {chosen!r}"
        return f"{self._name} {key}"

    def _identified(self) -> bool:
        options = self._options
        if options.named or options.private is False:
            return False
        reads = replace(self._reads, anything=True) if self._state.wide else self._reads
        return options.private is True or reads.identify(self._scope)

    # --- from the cache ---

    async def _find(self) -> Found | None:
        shelf = self._options.shelf
        if _REFRESH in self._scope:
            return None
        if self._directives and not self._directives.keys().isdisjoint({"no-cache", "no-store"}):
            return None
        raw = await shelf.raw(self._key)
        if type(raw) is not bytes:
            return None
        # The way of most hits.
        stored = shelf.heads.get(raw[RECORD_NAME])
        if type(stored) is Stored and not self._directives:
            return Found(stored, raw, self._key)
        found = await shelf.found(self._key, raw, self._scope["headers"])
        if not isinstance(found, Found):
            return None
        limit = self._directives.seconds("max-age")
        return found if limit is None or found.stored.age(self._options.clock()) < limit else None

    async def _hit(self, found: Found, field: bytes | None = None) -> Response:
        now = self._options.clock()
        if self._scope.get(AUDIT) and "app" in self._scope:
            scope = {**self._scope, "headers": without(self._scope["headers"], [b"accept-encoding"])}
            await compare(self._scope["app"], scope, found.stored.status, found.stored.body(found.raw))
        return Hit(found.stored, found.raw, self._asked, now, field, self._before)

    def _refresh(self) -> None:
        """Sends the request through the application once more, in the background, unless that is being done."""
        running = self._state.refreshing
        loop = asyncio.get_running_loop()
        task, begun = running.get(self._key, (None, 0.0))
        hangs = task is not None and task.get_loop() is loop and loop.time() - begun > self._options.limit
        if (task is not None and not hangs) or "app" not in self._scope:
            return
        if task is not None:
            task.cancel()
        dropped = (b"if-none-match", b"if-modified-since", b"range", b"if-range", b"cache-control")
        kept = ("type", "asgi", "http_version", "server", "client", "scheme", "method", "path", "raw_path", "root_path",
                "query_string", "state", "app_root_path")  # fmt: skip
        scope = {name: self._scope[name] for name in kept if name in self._scope}
        scope |= {"headers": without(self._scope["headers"], dropped), _REFRESH: True, "extensions": {}}
        made = loop.create_task(_ask(self._scope["app"], scope))
        key, known = self._key, (made, loop.time())
        running[key] = known

        def done(_: object) -> None:
            if running.get(key) is known:
                del running[key]

        made.add_done_callback(done)

    # --- from the endpoint ---

    async def _together(self, found: Found | None) -> Any:
        """Makes the response, or waits for one who is making it."""
        known = any(credential_like(name) for name, _ in self._scope["headers"])
        key = f"{self._key} known" if known else self._key
        pending, alone = self._state.pending, self._state.alone
        if alone and alone.get(key, 0.0) > self._options.clock():
            return await self._make(found)
        running = pending.get(key)
        loop = asyncio.get_running_loop()
        if running is None or running.get_loop() is not loop:
            mine = pending[key] = loop.create_future()
            return await self._make(found, done=self._announcing(key, mine), patient=not self._directives)
        stored = False
        with suppress(TimeoutError):
            stored = await asyncio.wait_for(asyncio.shield(running), self._options.limit)
        if stored:
            looked = await self._find()
            if looked is not None and self._options.clock() < looked.stored.fresh_until:
                return await self._hit(looked, cache_status(fwd="uri-miss", collapsed=True))
        return await self._make(found)

    def _announcing(self, key: str, mine: asyncio.Future[bool]) -> Callable[[bool], None]:
        pending, alone, now = self._state.pending, self._state.alone, self._options.clock()

        def done(stored: bool) -> None:
            if pending.get(key) is mine:
                del pending[key]
            if not stored:
                if len(alone) >= _REMEMBERED:
                    alone.pop(next(iter(alone)), None)
                alone[key] = now + _ALONE
            if not mine.done():
                mine.set_result(stored)

        return done

    async def _make(
        self,
        found: Found | None,
        *,
        identified: bool = False,
        done: Callable[[bool], None] = lambda _: None,
        patient: bool = False,
    ) -> Any:
        """Runs the endpoint; `done` learns whether the response was kept, in the end.

        If `patient`, another process that makes the same response is waited for.
        """
        streams = kept = False
        labels = self._labels(self._arguments)
        shelf = self._options.shelf
        shared = not identified and self._options.private is not True
        making = await shelf.begin(self._key, labels, announce=shared)
        try:
            if patient:
                clock, limit = self._options.clock, self._options.limit
                known = None if found is None else found.stored
                there = await shelf.awaited(making, self._key, self._scope["headers"], clock, limit, known)
                if there is not None:
                    kept = True
                    return await self._hit(there, cache_status(fwd="uri-miss", collapsed=True))
            with noting(self._own) as noted:
                try:
                    made = await self._run()
                except Exception as error:
                    said = isinstance(error, HTTPException) and error.status_code < _SERVER_ERRORS
                    if said or found is None or not self._stands_in(found):
                        raise
                    extra = logged("stale_served", cache=self._options.shelf.name, key=self._key)
                    _log.exception("the endpoint failed; a stored response stood in for %s", self._key, extra=extra)
                    return await self._hit(found, cache_status(fwd="stale", detail="error"))
            self._state.wide = self._state.wide or STATE in noted
            response = made if isinstance(made, Response) else await self._serialized(made)
            if response is None:
                return made
            given = (self._options, self._reads, self._scope, self._directives)
            keeping = Keeping(*given, noted, labels, making, identified=identified)
            if isinstance(response, _STREAMED) or not hasattr(response, "body"):
                streams = True
                options = self._options
                keep = functools.partial(keeping.keep, self._key)
                end = functools.partial(shelf.end, making)
                return Recording(response, keeping.dress, keep, options.max_body, done, end)
            status, headers, body = response.status_code, lowered(response.raw_headers), bytes(response.body)
            dressed = keeping.dress(status, headers, body)
            if dressed is not None and len(body) <= self._options.max_body:
                await keeping.keep(self._key, status, dressed, body)
                kept = keeping.kept
            sent = Prepared(status, dressed or keeping.sent or headers, body, response.background)
            sent.raw_headers = [*sent.raw_headers, (b"cache-status", keeping.status_field())]
            if not isinstance(made, Response):
                sent.raw_headers += self._before
            return sent.conditional(self._asked, self._options.clock())
        finally:
            if not streams:
                done(kept)
                await shelf.end(making)

    def _stands_in(self, found: Found) -> bool:
        return self._options.clock() < found.stored.fresh_until + found.stored.stale_if_error

    async def _serialized(self, made: Any) -> Response | None:
        """What the framework makes of it; None if that is unknown."""
        route = route_of(self._scope)
        if route is None or self._injected is None:
            return None
        from ._shadow import serialized  # noqa: PLC0415 - Starlette alone may be installed

        after = self._injected.raw_headers[len(self._before) :]
        status = self._injected.status_code
        return await serialized(self._state.handlers, route, self._request, made, status, after)


async def _ask(app: Any, scope: Scope) -> None:
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.get_running_loop().create_future()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        return

    try:
        await app(scope, receive, send)
    except Exception:  # noqa: BLE001 - nobody waits for it; what is stored stays
        _log.exception("the refresh of %s failed", scope["path"], extra=logged("refresh_failed", key=scope["path"]))
