"""One run of the application for one key: what it sends streams through and is stored, and waiters learn how it ended.

The leader is the request that started the run. While what comes is being stored, the application runs ahead of the
leader's client, at most as far as a body may be long, so that a slow client holds up nobody else; otherwise each
message waits for the client, as it would without a cache.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from .._logged import logged
from ._answer import Answer
from ._flights import Outcome
from ._parts import completed, joined_parts
from ._policy import ERRORS
from ._renewing import renewed, still_good
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

_log = logging.getLogger("omnicache.integrations")
_OK, _PARTIAL, _NOT_MODIFIED = 200, 206, 304


class _Mode(Enum):
    UNDECIDED = "undecided"
    RECORD = "record"
    PASS = "pass"  # noqa: S105 - no password
    FRESHEN = "freshen"
    SWALLOW = "swallow"


class Fetch:
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
        self.engine, self.key, self.scope, self.request = engine, key, scope, request
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.valid = True  # False once the key was invalidated: what comes is not stored
        self.flight_key = key
        self.unanswered = False  # the client got nothing: ask again, without conditions
        self.refresh = receive is None
        self.limit = 0.0  # seconds to wait for another process that makes the same response
        self._client = receive
        self._stale, self._validating, self._rest, self._fwd = stale, validating, rest, fwd
        self._mode = _Mode.UNDECIDED
        self._messages: deque[Message | Answer] = deque()
        self._ready, self._taken, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._direct: Send | None = None
        self._attached = receive is not None
        self._task: asyncio.Task[None] | None = None
        self._asked = False
        self._error: BaseException | None = None
        self._started = engine.clock()
        self._making: Making | None = None
        # Of the response.
        self._start: Message | None = None  # held until the body shows whether there is an entity tag to add
        self._judged = engine.nothing
        self._headers: Headers = []
        self._chunks: list[bytes] = []
        self.waiting = self._size = 0
        self._length: int | None = None

    # --- running ---

    def start(self) -> None:
        """Starts the run in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self.engine.running.add(self._task)
        self._task.add_done_callback(self.engine.running.discard)

    async def run_here(self, send: Send) -> Answer | None:
        """Runs for one client that nobody shares the answer with; what is to be answered from the store is returned."""
        self._direct = send
        await self._run()
        if self._error is not None:
            raise self._error
        last = self._messages.pop() if self._messages else None
        return last if isinstance(last, Answer) else None

    async def record(self, message: Message, send: Send) -> None:
        """Takes a message of an application that someone else runs."""
        self._direct = send
        await self._send(message)

    async def _run(self) -> None:
        try:
            self._making = await self.engine.begin(self.key, self.flight_key)
            if not await self._made_elsewhere():
                await self.engine.app(self.scope, self._receive, self._send)
        except asyncio.CancelledError:
            self._error = asyncio.CancelledError()
            self._settle(Outcome.ALONE)
            raise
        except Exception as error:  # noqa: BLE001 - it is raised to the leader, or what is stored stands in
            if not await self._rescued(f"{type(error).__name__}"):
                self._error = error
                if self.refresh:
                    extra = logged("refresh_failed", cache=self.engine.shelf.name, key=self.key)
                    _log.exception("the application failed while %s was fetched anew", self.key, extra=extra)
            else:
                extra = logged("stale_served", cache=self.engine.shelf.name, key=self.key)
                _log.exception("the application failed; a stored response stood in for %s", self.key, extra=extra)
        finally:
            self._settle(Outcome.ALONE)
            self.engine.flights.ended(self)
            self._over.set()
            self._ready.set()
            await self._decided(Outcome.ALONE)

    async def _made_elsewhere(self) -> bool:
        engine, making = self.engine, self._making
        if self.refresh:
            return making is not None and making.waits
        found = await engine.shelf.awaited(making, self.key, self.request, engine.clock, self.limit)
        if found is None:
            return False
        await self._put(Answer(found, cache_status(fwd=self._fwd, collapsed=True)))
        self._settle(Outcome.STORED)
        return True

    def _settle(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    async def _decided(self, outcome: Outcome) -> None:
        """It is stored or will not be; whoever asks after this answer may store the next one."""
        self._settle(outcome)
        making, self._making = self._making, None
        await self.engine.shelf.end(making)

    async def deliver(self, send: Send) -> Answer | None:
        """Hands the leader's client what comes; what is to be answered from the store is returned."""
        try:
            while True:
                while self._messages:
                    message = self._messages.popleft()
                    if isinstance(message, Answer):
                        return message
                    await send(message)
                self._taken.set()
                if self._over.is_set():
                    break
                self._ready.clear()
                await self._ready.wait()
        except BaseException:
            self._leave()
            raise
        if self._error is not None:
            raise self._error
        return None

    def _leave(self) -> None:
        """The leader is gone: the run goes on for those who wait, and ends if there are none."""
        self._attached = False
        self._messages.clear()
        self._taken.set()
        if self._task is not None and (self._mode is _Mode.PASS or not self.waiting):
            self._task.cancel()

    def abandoned(self) -> None:
        """One who waited is gone."""
        self.waiting -= 1
        if not (self.waiting or self._attached or self.refresh) and self._task is not None:
            self._task.cancel()

    # --- the application's side ---

    async def _receive(self) -> Message:
        if self._direct is not None and self._client is not None:
            return await self._client()
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if self._client is not None and self._attached:
            while (await self._client())["type"] != "http.disconnect":
                pass
            if self._mode is _Mode.PASS or not self.waiting:
                return {"type": "http.disconnect"}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            await self._begin(message)
        elif kind == "http.response.body":
            await self._continue(message)
        elif self._mode not in {_Mode.FRESHEN, _Mode.SWALLOW}:
            if self._mode is _Mode.RECORD:
                await self._give_up()
            await self._put(message)

    async def _put(self, message: Message | Answer) -> None:
        if self._direct is not None and not isinstance(message, Answer):
            await self._direct(message)
            return
        self._messages.append(message)
        self._ready.set()
        if self._mode is _Mode.PASS and self._attached and self._direct is None:
            self._taken.clear()
            await self._taken.wait()

    async def _begin(self, message: Message) -> None:
        status, headers = message["status"], lowered(message.get("headers", ()))
        now = self.engine.clock()
        self._headers = headers
        if status == _NOT_MODIFIED and self._validating:
            self._mode = _Mode.FRESHEN
            return
        if status in ERRORS and await self._rescued(f"{status}", status=status):
            return
        if self.scope["method"] == "HEAD":
            await self._describe(message, status)
            return
        if status == _PARTIAL and self._rest is not None and (whole := completed(headers, self._rest)) is not None:
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
        self._mode, self._judged, self._length = _Mode.RECORD, judged, content_length(headers)
        self._headers = headers
        self._start = message
        if not (self.engine.etag and status == _OK and not values(headers, b"etag")):
            await self._open()

    async def _describe(self, message: Message, status: int) -> None:
        """The answer to a HEAD tells whether what is stored is still good (RFC 9111, section 4.3.5)."""
        stale = self._stale
        good = stale is not None and await still_good(self.engine, stale, status, self._headers)
        stored = good and stale is not None and (await self._renewed(stale))[1]
        self._mode = _Mode.PASS
        await self._decided(Outcome.ALONE)
        message = {**message, "headers": list(self._headers)}
        self._mark(message, stored=stored)
        await self._put(message)

    async def _continue(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._mode is _Mode.FRESHEN:
            if not more:
                await self._freshen()
            return
        if self._mode is _Mode.SWALLOW:
            return
        if self._mode is _Mode.RECORD:
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

    async def _open(self) -> None:
        """Sends the start on, if it was held."""
        if self._start is not None:
            message, self._start = self._start, None
            self._mark(message, stored=True)
            await self._put(message)
            if self._rest is not None and self._chunks:
                await self._put({"type": "http.response.body", "body": self._chunks[0], "more_body": True})

    async def _give_up(self, reason: str | None = None) -> None:
        """What comes is not stored after all."""
        self._mode = _Mode.PASS
        self._chunks.clear()
        self.engine.flights.alone(self)
        await self._decided(Outcome.ALONE)
        if self._start is not None:
            message, self._start = self._start, None
            self._mark(message, stored=False, detail=reason)
            await self._put(message)

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
            self._mode = _Mode.SWALLOW
            self.unanswered = True
            await self._decided(Outcome.ALONE)
            return
        found, stored = await self._renewed(stale)
        field = cache_status(fwd=self._fwd, fwd_status=_NOT_MODIFIED, stored=stored)
        self._mode = _Mode.SWALLOW
        await self._put(Answer(found, field))
        await self._decided(Outcome.STORED)

    async def _renewed(self, stale: Found) -> tuple[Found, bool]:
        given = (self._headers, self.scope, self.request, self._started, self._making)
        return await renewed(self.engine, stale, *given, valid=self.valid)

    async def _rescued(self, detail: str, status: int | None = None) -> bool:
        """Whether what is stored stands in for a failure (RFC 5861, section 4; RFC 9111, section 4.2.4)."""
        stale = self._stale
        begun = self._mode is not _Mode.UNDECIDED and self._start is None
        if stale is None or begun or not self.engine.stands_in(stale.stored):
            return False
        self._start = None
        left = int(stale.stored.fresh_until - self.engine.clock())
        field = cache_status(fwd=self._fwd, fwd_status=status, ttl=left, detail=detail)
        self._mode = _Mode.SWALLOW
        await self._put(Answer(stale, field))
        self._settle(Outcome.STALE)
        return True

    def _mark(self, message: Message, *, stored: bool, detail: str | None = None) -> None:
        if self.engine.status_field:
            field = cache_status(fwd=self._fwd, stored=stored, detail=detail)
            message["headers"].append((b"cache-status", field))

    async def joined(self, limit: float) -> Outcome:
        """Waits for the outcome, at most `limit` seconds."""
        self.waiting += 1
        try:
            with suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(self.outcome), limit)
            return Outcome.ALONE
        finally:
            self.abandoned()
