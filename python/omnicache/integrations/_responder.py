"""One request that a stored response may answer: the decisions of RFC 9111, section 4, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._answer import Answer, Asked, answer, send_whole, serves_part
from ._fetch import Fetch
from ._flights import Outcome, known
from ._record import HIT, Stored, Variants
from ._shelf import Found
from .http.cache_control import Directives, delta_seconds, parse
from .http.fields import Headers, joined, without
from .http.status import cache_status
from .http.validation import CONDITIONS, PRECONDITIONS, conditions_for, not_modified, not_modified_fields, strong

if TYPE_CHECKING:
    from ._engine import Engine
    from ._types import Message, Receive, Scope, Send

__all__ = ["Responder"]

_OK, _NOT_MODIFIED, _TIMEOUT = 200, 304, 504
_PATHSEND = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


class Responder:
    """Answers one GET or HEAD.

    Args:
        engine: What the requests of the middleware share.
        scope: The request.
        receive: Its messages.
        send: Where the answer goes.
        key: Its key.
        asked: Those of its fields that matter to a cache.
        limit: How long it waits for another request's answer, in seconds.
        obey: Whether the client's ``Cache-Control`` counts.
    """

    __slots__ = (
        "_asked",
        "_directives",
        "_engine",
        "_head",
        "_key",
        "_limit",
        "_receive",
        "_scope",
        "_send",
        "_variant",
    )

    def __init__(
        self,
        engine: Engine,
        scope: Scope,
        receive: Receive,
        send: Send,
        key: str,
        asked: Asked,
        *,
        limit: float,
        obey: bool,
    ) -> None:
        self._engine, self._scope, self._receive, self._send = engine, scope, receive, send
        self._key, self._asked, self._limit = key, asked, limit
        self._head = scope["method"] == "HEAD"
        self._variant: str | None = None
        said = asked.get(b"cache-control") if obey else None
        self._directives = Directives() if said is None else parse(said.decode("latin-1"))

    async def respond(self, raw: object) -> None:
        """Answers; `raw` is what is under the key."""
        if not PRECONDITIONS.isdisjoint(self._asked):
            await self._alone(None, "request")
            return
        varies = isinstance(self._engine.shelf.head(raw), Variants)
        found = await self._look(raw)
        await self._decide(found, "vary-miss" if varies and found is None else "uri-miss", waited=False)

    async def _look(self, raw: object) -> Found | None:
        """What may answer the request; `raw` is what is under the key."""
        request: Headers = self._scope["headers"]
        found = await self._engine.shelf.found(self._key, raw, request)
        self._variant = self._engine.shelf.variant(raw, request)
        whole = found if isinstance(found, Found) else None
        if b"range" in self._asked and (whole is None or not self._usable(whole.stored)):
            part = await self._engine.part(self._key, request)
            if part is not None and serves_part(self._asked, part.stored, now=self._engine.clock()):
                return part
        return whole

    # --- may it be used? ---

    def _usable(self, stored: Stored) -> bool:
        """Whether it may be served without asking the application (RFC 9111, sections 4.2 and 5.2.1)."""
        if stored.no_cache or "no-cache" in self._directives or "no-store" in self._directives:
            return False
        now = self._engine.clock()
        limit, margin = self._directives.seconds("max-age"), self._directives.seconds("min-fresh") or 0
        if limit is not None and stored.age(now) >= limit:
            return False
        if now + margin < stored.fresh_until:
            return True
        return self._may_be_stale(stored, now)

    def _may_be_stale(self, stored: Stored, now: float) -> bool:
        if "max-stale" not in self._directives or stored.never_stale:
            return False
        said = self._directives["max-stale"]
        allowed = float("inf") if said is None else delta_seconds(said) or 0
        return now - stored.fresh_until < allowed

    def _while_revalidating(self, stored: Stored) -> bool:
        """Whether it may be served stale while it is fetched anew (RFC 5861, section 3)."""
        if stored.no_cache or not self._directives.keys().isdisjoint({"no-cache", "no-store", "max-age", "min-fresh"}):
            return False
        now = self._engine.clock()
        return stored.fresh_until <= now < stored.fresh_until + stored.stale_while_revalidate

    def _for_others(self, stored: Stored) -> bool:
        """Whether it was not meant for one who says who he is: it did not say so itself."""
        policy = self._engine.policy
        return stored.implicit and policy.private and bool(policy.who.asks(self._scope))

    # --- the answer ---

    async def _decide(self, found: Found | None, fwd: str, *, waited: bool) -> None:
        bypass = found is not None and self._for_others(found.stored)
        if bypass:
            found, fwd = None, "bypass"
        if found is not None:
            if self._usable(found.stored):
                await self._hit(found, collapsed=waited)
                return
            if self._while_revalidating(found.stored):
                self._refresh(found)
                await self._hit(found)
                return
            fresh = self._engine.clock() < found.stored.fresh_until and not found.stored.no_cache
            fwd = "request" if fresh else "stale"
        if "only-if-cached" in self._directives:
            await self._unavailable()
        elif waited or bypass or self._head:
            await self._alone(found, fwd)
        else:
            await self._together(found, fwd)

    async def _hit(self, found: Found, *, collapsed: bool = False) -> None:
        if self._scope.get("omnicache.audit"):
            await self._engine.audit(self._scope, found)
        now = self._engine.clock()
        field = None
        if self._engine.status_field:
            left = int(found.stored.lifetime) - found.stored.age(now)
            field = HIT % left if not collapsed else cache_status(fwd="uri-miss", collapsed=True)
        await self._answer(Answer(found, field or b""))

    async def _answer(self, what: Answer) -> None:
        field = what.status_field if self._engine.status_field else None
        found, now = what.found, self._engine.clock()
        await answer(
            self._send, self._asked, found.stored, found.raw, now=now, status_field=field or None, head=self._head
        )

    async def _unavailable(self) -> None:
        headers = [(b"content-length", b"0"), (b"cache-status", cache_status(detail="only-if-cached"))]
        await send_whole(self._send, _TIMEOUT, headers, b"", head=True)

    # --- asking the application ---

    async def _together(self, found: Found | None, fwd: str) -> None:
        """Asks, or waits for one who is asking."""
        flights, key = self._engine.flights, self._flight_key()
        if not flights.waits(key) or "no-store" in self._directives or (found is not None and found.stored.no_cache):
            await self._alone(found, fwd)
            return
        running = flights.running(key)
        if running is None:
            fetch = await self._made(found, fwd)
            running = flights.running(key)  # another one may have begun meanwhile
            if running is None:
                fetch.flight_key, fetch.limit = key, 0.0 if self._directives else self._limit
                flights.started(fetch)
                fetch.start()
                await self._finish(fetch, await fetch.deliver(self._client_send(fetch)), fwd)
                return
        outcome = await running.joined(self._limit)
        if outcome is Outcome.HANGS and running.refresh:
            flights.ended(running)
            running.give_up()
        failed = outcome in {Outcome.STALE, Outcome.HANGS}
        if failed and found is not None and self._engine.stands_in(found.stored):
            left = int(found.stored.fresh_until - self._engine.clock())
            hangs = outcome is Outcome.HANGS
            detail = "timeout" if hangs else None
            await self._answer(Answer(found, cache_status(fwd=fwd, ttl=left, collapsed=not hangs, detail=detail)))
        elif outcome is Outcome.STORED:
            await self._decide(await self._look(await self._engine.shelf.raw(self._key)), fwd, waited=True)
        else:
            await self._alone(found, fwd)

    async def _alone(self, found: Found | None, fwd: str) -> None:
        """Asks for this client only; what can be stored is stored all the same."""
        fetch = await self._made(found, fwd)
        await self._finish(fetch, await fetch.run_here(self._client_send(fetch)), fwd)

    async def _finish(self, fetch: Fetch, last: Answer | None, fwd: str) -> None:
        if last is not None:
            await self._answer(last)
        elif fetch.unanswered:
            await self._engine.drop([self._key])
            await self._alone(None, fwd)

    def _refresh(self, found: Found) -> None:
        """Fetches anew in the background, unless that is being done."""
        flights, key = self._engine.flights, self._flight_key()
        running = flights.running(key)
        if running is not None and running.refresh and running.hangs(self._limit):
            flights.ended(running)
            running.give_up()
            running = None
        if running is None:
            fetch = self._engine.fetch(
                self._key,
                self._asking(conditions_for(found.stored.headers, own_etag=found.stored.own_etag)),
                None,
                self._scope["headers"],
                stale=found,
                validating=True,
                fwd="stale",
            )
            fetch.flight_key = key
            flights.started(fetch)
            fetch.start()

    async def _made(self, found: Found | None, fwd: str) -> Fetch:
        """The run that answers this request."""
        conditions: Headers = []
        rest: Found | None = None
        own = self._head and not CONDITIONS.isdisjoint(self._asked)  # its answer would be one to both
        if found is not None and b"range" not in self._asked and not own:
            conditions = conditions_for(found.stored.headers, own_etag=found.stored.own_etag)
        elif found is None and not self._head and b"range" not in self._asked:
            rest = await self._begun()
        if rest is not None and rest.stored.part is not None:
            tag = (joined(rest.stored.headers, b"etag") or "").encode("latin-1")
            asking = [(b"range", b"bytes=%d-" % (rest.stored.part.last + 1)), (b"if-range", tag)]
            scope, fwd = self._asking(asking), "partial"
        else:
            scope = self._asking(conditions)
        return self._engine.fetch(
            self._key,
            scope,
            self._receive,
            self._scope["headers"],
            stale=found,
            validating=bool(conditions),
            rest=rest,
            fwd=fwd,
        )

    async def _begun(self) -> Found | None:
        """The first part of what is asked for, if it is fresh and can be told from other versions."""
        part = await self._engine.part(self._key, self._scope["headers"])
        if part is None or part.stored.part is None or part.stored.part.first != 0 or not self._usable(part.stored):
            return None
        return part if strong(joined(part.stored.headers, b"etag") or "") else None

    def _asking(self, conditions: Headers) -> Scope:
        """The scope for the application: the cache's conditions in place of the client's, files as messages."""
        scope = dict(self._scope)
        headers = self._scope["headers"]
        if PRECONDITIONS.isdisjoint(self._asked) and not CONDITIONS.isdisjoint(self._asked) and not self._head:
            headers = without(headers, CONDITIONS)
        scope["headers"] = [*headers, *conditions]
        extensions = scope.get("extensions")
        if extensions and not _PATHSEND.isdisjoint(extensions):
            scope["extensions"] = {name: what for name, what in extensions.items() if name not in _PATHSEND}
        return scope

    def _client_send(self, fetch: Fetch) -> Send:
        """Sends on what the application sends; to a client that has it already, only that."""
        if CONDITIONS.isdisjoint(self._asked) or fetch.scope["headers"] is self._scope["headers"] or self._head:
            return self._send
        had = False

        async def send(message: Message) -> None:
            nonlocal had
            if message["type"] == "http.response.start" and message["status"] == _OK:
                request, now = list(self._asked.items()), self._engine.clock()
                had = not_modified(request, message["headers"], now=now)
                if had:
                    headers = not_modified_fields(message["headers"])
                    await send_whole(self._send, _NOT_MODIFIED, headers, b"", head=True)
                    return
            if not had:
                await self._send(message)

        return send

    def _flight_key(self) -> str:
        """What tells apart the runs that cannot share an answer."""
        asked, policy = self._asked.get(b"range"), self._engine.policy
        key = self._key if self._variant is None else f"{self._key} #{self._variant}"
        key = key if asked is None else f"{key} {asked!r}"
        return known(key) if policy.private and policy.who.asks(self._scope) else key
