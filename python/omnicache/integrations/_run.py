"""One run of an application, shared by those who want its answer: who gets what when, and when it ends.

The leader is the request that started the run. While what comes is being stored, the application runs ahead of the
leader's client, at most as far as a body may be long, so that a slow client holds up nobody else; otherwise each
message waits for the client, as it would without a cache.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from .._logged import logged
from ._answer import Answer
from ._flights import Outcome

if TYPE_CHECKING:
    from ._engine import Engine
    from ._types import Message, Receive, Scope, Send

__all__ = ["Mode", "Run"]

_log = logging.getLogger("omnicache.integrations")


class Mode(Enum):
    """What becomes of what the application sends."""

    UNDECIDED = "undecided"
    RECORD = "record"
    PASS = "pass"  # noqa: S105 - no password
    FRESHEN = "freshen"
    SWALLOW = "swallow"


class Run(ABC):
    """A run of the application.

    Args:
        engine: Whose.
        key: Of the response.
        scope: The request as the application is to see it.
        receive: The client's, None for a run in the background.
    """

    def __init__(self, engine: Engine, key: str, scope: Scope, receive: Receive | None) -> None:
        self.engine, self.key, self.scope = engine, key, scope
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.flight_key = key
        self.valid = True  # False once the key was invalidated: what comes is not stored
        self.waiting = 0
        self._begun = asyncio.get_running_loop().time()
        self.refresh = receive is None
        self._client = receive
        self._mode = Mode.UNDECIDED
        self._messages: deque[Message | Answer] = deque()
        self._ready, self._taken, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._direct: Send | None = None
        self._attached = receive is not None
        self._task: asyncio.Task[None] | None = None
        self._asked = False
        self._error: BaseException | None = None

    @abstractmethod
    async def _prepare(self) -> bool: ...

    @abstractmethod
    async def _send(self, message: Message) -> None: ...

    @abstractmethod
    async def _rescued(self, detail: str, status: int | None = None) -> bool: ...

    @abstractmethod
    async def _decided(self, outcome: Outcome) -> None: ...

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

    async def _run(self) -> None:
        try:
            if await self._prepare():
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

    def _settle(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

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
        if self._task is not None and (self._mode is Mode.PASS or not self.waiting):
            self._task.cancel()

    def abandoned(self) -> None:
        """One who waited is gone."""
        self.waiting -= 1
        if not (self.waiting or self._attached or self.refresh) and self._task is not None:
            self._task.cancel()

    async def joined(self, limit: float) -> Outcome:
        """Waits for the outcome, until the run is `limit` seconds old."""
        left = self._begun + limit - asyncio.get_running_loop().time()
        self.waiting += 1
        try:
            with suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(self.outcome), max(0.0, left))
            return Outcome.HANGS
        finally:
            self.abandoned()

    def hangs(self, limit: float) -> bool:
        """Whether it is older than so many seconds and has not ended."""
        return not self.outcome.done() and asyncio.get_running_loop().time() - self._begun > limit

    def give_up(self) -> None:
        """Ends it."""
        if self._task is not None:
            self._task.cancel()

    # --- the application's side ---

    async def _receive(self) -> Message:
        if self._direct is not None and self._client is not None:
            message = await self._client()
            # A GET with a body that it did not announce asks for something that its key does not name.
            self.valid = self.valid and not message.get("body")
            return message
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if self._client is not None and self._attached:
            while (await self._client())["type"] != "http.disconnect":
                pass
            if self._mode is Mode.PASS or not self.waiting:
                return {"type": "http.disconnect"}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _put(self, message: Message | Answer) -> None:
        if self._direct is not None and not isinstance(message, Answer):
            await self._direct(message)
            return
        self._messages.append(message)
        self._ready.set()
        if self._mode is Mode.PASS and self._attached and self._direct is None:
            self._taken.clear()
            await self._taken.wait()
