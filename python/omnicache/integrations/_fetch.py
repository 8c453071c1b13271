"""One run of the application for one key, and what becomes of what it sends: it streams through and is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._answer import Answer
from ._flights import Outcome
from ._parts import completed, joined_parts
from ._policy import ERRORS
from ._renewing import renewed, still_good
from ._run import Mode, Run
from .http.fields import Headers, lowered, values
from .http.status import cache_status
from .http.storing import content_length
from .http.validation import made_etag, same_response

if TYPE_CHECKING:
    from ._engine import Engine
    from ._making import Making
    from ._record import Stored
    from ._shelf import Found
    from ._types import Message, Receive, Scope, Send

__all__ = ["Fetch"]

_OK, _PARTIAL, _NOT_MODIFIED, _UNSATISFIABLE = 200, 206, 304, 416


class Fetch(Run):
    """A run of the application.

    Args:
        engine: Whose.
        key: Where to store.
        scope: The request as the application is to see it.
        receive: The client's, None for a refresh in the background.
        request: The fields of the client's request, which select the variant.
        stale: What is stored and no longer fresh, or not to be used unasked.
        validating: The scope has conditions that the cache added.
        rest: A stored part that the scope asks the rest of.
        fwd: Why the request goes to the application, for ``Cache-Status``.
    """

    def __init__(
        self,
        engine: Engine,
        key: str,
        scope: Scope,
        receive: Receive | None,
        request: Headers,
        *,
        stale: Found | None = None,
        validating: bool = False,
        rest: Found | None = None,
        fwd: str = "uri-miss",
    ) -> None:
        super().__init__(engine, key, scope, receive)
        self.request = request
        self.unanswered = False  # the client got nothing: ask again, without conditions
        self.limit = 0.0  # seconds to wait for another process that makes the same response
        self._stale, self._validating, self._rest, self._fwd = stale, validating, rest, fwd
        self._started = engine.clock()
        self._making: Making | None = None
        # Of the response.
        self._start: Message | None = None  # held until the body shows whether there is an entity tag to add
        self._judged = engine.nothing
        self._headers: Headers = []
        self._chunks: list[bytes] = []
        self._size = 0
        self._length: int | None = None

    # --- beginning and end ---

    async def record(self, message: Message, send: Send) -> None:
        """Takes a message of an application that someone else runs."""
        self._direct = send
        await self._send(message)

    async def _prepare(self) -> bool:
        """Whether the application is to be asked: not if another process makes the response."""
        engine = self.engine
        making = self._making = await engine.begin(self.key, self.flight_key)
        if self.refresh:
            return making is None or not making.waits
        known = None if self._stale is None else self._stale.stored
        found = await engine.shelf.awaited(making, self.key, self.request, engine.clock, self.limit, known)
        if found is not None:
            await self._put(Answer(found, cache_status(fwd=self._fwd, collapsed=True)))
            self._settle(Outcome.STORED)
        return found is None

    async def _decided(self, outcome: Outcome) -> None:
        """It is stored or will not be; whoever asks after this answer may store the next one."""
        self._settle(outcome)
        making, self._making = self._making, None
        await self.engine.shelf.end(making)

    # --- the application's side ---

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            await self._begin(message)
        elif kind == "http.response.body":
            await self._continue(message)
        elif self._mode not in {Mode.FRESHEN, Mode.SWALLOW}:
            if self._mode is Mode.RECORD:
                await self._give_up()
            await self._put(message)

    async def _begin(self, message: Message) -> None:
        status, headers = message["status"], lowered(message.get("headers", ()))
        now = self.engine.clock()
        self._headers = headers
        if status == _NOT_MODIFIED and self._validating:
            self._mode = Mode.FRESHEN
            return
        if status in ERRORS and await self._rescued(f"{status}", status=status):
            return
        if self.scope["method"] == "HEAD":
            await self._describe(message, status)
            return
        if self._rest is not None:
            whole = completed(headers, self._rest) if status == _PARTIAL else None
            if whole is None and status in {_PARTIAL, _UNSATISFIABLE}:
                await self._ask_again()  # the client asked for no part
                return
            if whole is None:
                self._rest = None
            else:
                status, headers, self._chunks = _OK, whole, [self._rest.stored.body(self._rest.raw)]
                self._size = len(self._chunks[0])
        judged = self.engine.judge(self.scope, self.request, status, headers, self._started, now)
        if judged.reason is None and message.get("trailers"):
            judged = self.engine.refused("trailers")
        message = {**message, "status": status, "headers": self.engine.dressed(headers, judged)}
        if judged.stored is None or not self.valid:
            self._start = message
            await self._give_up(judged.reason)
            return
        self._mode, self._judged, self._length = Mode.RECORD, judged, content_length(headers)
        self._headers = headers
        self._start = message
        if not (self.engine.etag and status == _OK and not values(headers, b"etag")):
            await self._open()

    async def _describe(self, message: Message, status: int) -> None:
        """The answer to a HEAD tells whether what is stored is still good (RFC 9111, section 4.3.5)."""
        stale = self._stale
        good = stale is not None and await still_good(self.engine, stale, status, self._headers)
        stored = good and stale is not None and (await self._renewed(stale))[1]
        self._mode = Mode.PASS
        await self._decided(Outcome.ALONE)
        message = {**message, "headers": list(self._headers)}
        self._mark(message, stored=stored)
        await self._put(message)

    async def _continue(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._mode is Mode.FRESHEN:
            if not more:
                await self._freshen()
            return
        if self._mode is Mode.SWALLOW:
            return
        if self._mode is Mode.RECORD:
            self._chunks.append(bytes(body))
            self._size += len(body)
            if self._size > self.engine.max_body:
                await self._give_up("too-large")
            elif not more:
                await self._commit()
            elif self._start is not None:
                await self._open()
        await self._put(message)

    # --- what becomes of the response ---

    async def _open(self, *, stored: bool = True, detail: str | None = None) -> None:
        """Sends the start on, if it was held, and what is stored of the body already."""
        if self._start is not None:
            message, self._start = self._start, None
            self._mark(message, stored=stored, detail=detail)
            await self._put(message)
            if self._rest is not None:
                body = self._rest.stored.body(self._rest.raw)
                await self._put({"type": "http.response.body", "body": body, "more_body": True})

    async def _give_up(self, reason: str | None = None) -> None:
        """What comes is not stored after all."""
        self._mode = Mode.PASS
        self._chunks.clear()
        self.engine.flights.alone(self)
        await self._decided(Outcome.ALONE)
        await self._open(stored=False, detail=reason)

    async def _ask_again(self) -> None:
        """The answer is none to the client's own question."""
        self._mode = Mode.SWALLOW
        self.unanswered = True
        await self._decided(Outcome.ALONE)

    async def _commit(self) -> None:
        """Stores the whole response, before its last message is sent."""
        body = b"".join(self._chunks)
        stored = self._judged.stored
        expected = self._length
        if stored is None or (expected is not None and expected != len(body)) or not self.valid:
            await self._give_up("incomplete" if self.valid else "invalidated")
            return
        if stored.part is not None and stored.part.length != len(body):
            await self._give_up("incomplete")
            return
        if self.engine.etag and stored.status == _OK and not values(stored.headers, b"etag"):
            tag = (b"etag", made_etag(body))
            stored.headers.append(tag)
            stored.own_etag = True
            if self._start is not None:
                self._start["headers"].append(tag)
        if stored.part is not None:
            await self._store_part(stored, body)
        else:
            await self.engine.store(self.key, self.request, self._judged, stored, body, self._making)
            await self._open()
            await self._decided(Outcome.STORED)

    async def _store_part(self, stored: Stored, body: bytes) -> None:
        """Stores a part, with what is stored of the same representation already (RFC 9111, section 3.4)."""
        body = joined_parts(stored, body, await self.engine.part(self.key, self.request), self.engine.max_body)
        await self._open()
        key = self.key if stored.part is None else self.engine.part_key(self.key)
        await self.engine.store(key, self.request, self._judged, stored, body, self._making)
        await self._decided(Outcome.STORED)

    async def _freshen(self) -> None:
        """The application says that what is stored is still good (RFC 9111, section 4.3.4)."""
        stale = self._stale
        if stale is None or not same_response(stale.stored.headers, self._headers):
            await self._ask_again()
            return
        found, stored = await self._renewed(stale)
        field = cache_status(fwd=self._fwd, fwd_status=_NOT_MODIFIED, stored=stored)
        self._mode = Mode.SWALLOW
        await self._put(Answer(found, field))
        await self._decided(Outcome.STORED)

    async def _renewed(self, stale: Found) -> tuple[Found, bool]:
        given = (self._headers, self.scope, self.request, self._started, self._making)
        return await renewed(self.engine, stale, *given, valid=self.valid)

    async def _rescued(self, detail: str, status: int | None = None) -> bool:
        """Whether what is stored stands in for a failure (RFC 5861, section 4; RFC 9111, section 4.2.4)."""
        stale = self._stale
        begun = self._mode is not Mode.UNDECIDED and self._start is None
        if stale is None or begun or not self.engine.stands_in(stale.stored):
            return False
        self._start = None
        left = int(stale.stored.fresh_until - self.engine.clock())
        field = cache_status(fwd=self._fwd, fwd_status=status, ttl=left, detail=detail)
        self._mode = Mode.SWALLOW
        await self._put(Answer(stale, field))
        self._settle(Outcome.STALE)
        return True

    def _mark(self, message: Message, *, stored: bool, detail: str | None = None) -> None:
        if self.engine.status_field:
            field = cache_status(fwd=self._fwd, stored=stored, detail=detail)
            message["headers"].append((b"cache-status", field))
