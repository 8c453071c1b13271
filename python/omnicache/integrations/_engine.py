"""What all requests of one middleware share: the application, the stored responses, the policy, the runs under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._audit import compare
from ._fetch import Fetch
from ._flights import Flights
from ._policy import Judgement, Policy
from .http.fields import Headers, values

if TYPE_CHECKING:
    from ._making import Making
    from ._record import Stored
    from ._shelf import Found, Shelf
    from ._types import App, Message, Scope

__all__ = ["Engine"]


class Engine:
    """The shared part of a middleware.

    Args:
        app: The application.
        shelf: Where responses are stored.
        policy: Which are, and for how long.
        clock: The time in seconds since 1970.
        max_body: The longest body that is stored, in bytes.
        etag: Whether responses without an entity tag get one.
        announce: Whether a response that states no freshness gets a ``Cache-Control`` with the default it is given.
        status_field: Whether responses get a ``Cache-Status``.
        should_cache: Whether a response may be stored, as a function of the scope and the response's start.
    """

    nothing = Judgement("nothing")

    def __init__(
        self,
        app: App,
        shelf: Shelf,
        policy: Policy,
        *,
        clock: Callable[[], float],
        max_body: int,
        etag: bool,
        announce: bool,
        status_field: bool,
        should_cache: Callable[[Scope, Message], bool] | None,
    ) -> None:
        self.app, self.shelf, self.policy, self.clock = app, shelf, policy, clock
        self.max_body, self.etag, self.announce, self.status_field = max_body, etag, announce, status_field
        self._should_cache = should_cache
        self.flights = Flights(clock)
        self.running: set[asyncio.Task[None]] = set()

    def judge(
        self,
        scope: Scope,
        request: Headers,
        status: int,
        headers: Headers,
        started: float,
        now: float,
        *,
        asking: frozenset[bytes] | None = None,
    ) -> Judgement:
        """Whether to store a response, and as what; `asking` is what says who asks, if that is known already."""
        if self._should_cache is not None:
            start = {"type": "http.response.start", "status": status, "headers": headers}
            if not self._should_cache(scope, start):
                return self.refused("should-cache")
        return self.policy.judge(
            request,
            status,
            headers,
            request_time=started,
            response_time=now,
            explicit=scope["method"] not in {"GET", "HEAD"},
            asking=self.policy.who.asks({**scope, "headers": request}) if asking is None else asking,
        )

    def refused(self, reason: str) -> Judgement:
        """A verdict."""
        return Judgement(reason)

    def dressed(self, headers: Headers, judged: Judgement) -> list[tuple[bytes, bytes]]:
        """The fields to send on; those that are stored get the same addition."""
        sent = list(headers)
        stored = judged.stored
        if not self.announce or stored is None or not stored.implicit or stored.lifetime != self.policy.default_ttl:
            return sent
        if not values(headers, b"cache-control"):
            field = (b"cache-control", b"max-age=%d" % stored.lifetime)
            sent.append(field)
            stored.headers.append(field)
        return sent

    def stands_in(self, stored: Stored) -> bool:
        """Whether a stored response may be served because the application fails."""
        return (
            not stored.no_cache
            and not stored.never_stale
            and self.clock() < stored.fresh_until + max(stored.stale_if_error, 0.0)
        )

    def part_key(self, key: str) -> str:
        """Where a part of the response is."""
        return f"{key} #part"

    async def part(self, key: str, request: Headers) -> Found | None:
        """The stored part, if there is one for this request."""
        found = await self.shelf.find(self.part_key(key), request)
        return found if isinstance(found, tuple) and found.stored.part is not None else None

    async def begin(self, key: str, flight_key: str) -> Making | None:
        """To be called before the application is asked; other processes hear of what may well be stored."""
        return await self.shelf.begin(key, announce=self.flights.waits(flight_key))

    async def store(
        self, key: str, request: Headers, judged: Judgement, stored: Stored, body: bytes, making: Making | None
    ) -> None:
        """Stores a response."""
        ttl, now, tags = judged.ttl, self.clock(), judged.tags
        await self.shelf.put(key, request, judged.names, stored, body, ttl=ttl, now=now, tags=tags, making=making)
        self.flights.shared(key)

    async def drop(self, keys: list[str]) -> None:
        """Forgets what is under the keys and what is on its way there."""
        for key in keys:
            self.flights.invalidate(key)
        await self.shelf.drop([*keys, *map(self.part_key, keys)])

    def fetch(self, *args: Any, **options: Any) -> Fetch:
        """A run of the application; see :class:`Fetch`."""
        return Fetch(self, *args, **options)

    async def audit(self, scope: Scope, found: Found) -> None:
        """Holds a hit against what the application would say to this client now, and to one without a name.

        Raises:
            PrivacyError: It would say something else.
        """
        await compare(self.app, scope, found.stored.status, found.stored.body(found.raw))

    async def drain(self) -> None:
        """Waits until nothing runs in the background."""
        while self.running:
            await asyncio.wait(set(self.running))
