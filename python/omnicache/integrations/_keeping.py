"""What is kept of an endpoint's response, and what is added to it before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._identity import credential_like, found_outside
from ._reading import ADDRESS, ALL, STATE, Reads
from ._record import Stored
from .http.cache_control import Directives, directives_of
from .http.dates import format_date
from .http.fields import joined, values, without
from .http.freshness import explicit_lifetime
from .http.status import cache_status
from .http.storing import content_length, fields_to_store, why_not_stored
from .http.validation import made_etag
from .http.vary import vary_names

if TYPE_CHECKING:
    from ._making import Making
    from ._options import Options
    from ._types import Scope

__all__ = ["Keeping"]

Fields = list[tuple[bytes, bytes]]


class Keeping:
    """What is kept of a response."""

    __slots__ = (
        "_asked", "_identified", "_labels", "_making", "_names", "_noted", "_options", "_public", "_reads", "_reason",
        "_scope", "_started", "_stored", "kept", "sent",
    )  # fmt: skip

    def __init__(
        self,
        options: Options,
        reads: Reads,
        scope: Scope,
        asked: Directives,
        noted: set[bytes],
        labels: tuple[str, ...],
        making: Making | None,
        *,
        identified: bool,
    ) -> None:
        self._options, self._reads, self._scope, self._asked = options, reads, scope, asked
        self._noted, self._labels, self._making, self._identified = noted, labels, making, identified
        self._started = options.clock()
        self._stored: Stored | None = None
        self._names: tuple[bytes, ...] = ()
        self._reason: str | None = None
        self._public = False
        self.kept = False
        self.sent: Fields | None = None  # the fields of a response that is not kept, if they were added to

    def dress(self, status: int, headers: Fields, body: bytes | None = None) -> Fields | None:
        """The fields to send and keep; None if the response is not kept."""
        options = self._options
        directives = directives_of(headers)
        asked = self._asked
        self._reason = why_not_stored(status, headers, directives, request=asked, authorized=False)
        if status not in options.statuses:
            self._reason = self._reason or "status"
            return None
        if self._reason is not None:
            return None
        lifetime = explicit_lifetime(directives, headers, targeted=False, response_time=self._started)
        public = self._public = any(name in directives for name in ("public", "s-maxage"))
        if not options.named and options.private is None:
            present = {name for name, _ in self._scope["headers"]}
            if STATE not in self._noted:
                present &= self._noted
            found = STATE in self._noted and found_outside(self._scope)
            self._identified = self._identified or found or any(map(credential_like, present))
        private = options.private is True or (self._identified and not public)
        if ALL in self._noted or ADDRESS in self._noted:
            private = not options.named and options.private is not False
        dressed = self._dressed(headers, body, private=private or options.named)
        if private or (lifetime is not None and lifetime <= 0) or directives.everything("no-cache"):
            self._reason = "private" if private else "stale"
            self.sent = dressed
            return None
        self._names = self._selecting(headers)
        kept = without(fields_to_store(dressed, directives), options.excluded | {b"age"})
        now = options.clock()
        self._stored = Stored(
            status,
            kept,
            now,
            0.0,
            options.ttl if lifetime is None else float(lifetime),
            options.stale,
            options.stale_on_error,
            implicit=not public,
        )
        return dressed

    def _selecting(self, headers: Fields) -> tuple[bytes, ...]:
        """The fields of the request that keep answers apart."""
        options = self._options
        named = set(vary_names(headers) or ()) | options.vary_headers | self._noted
        if STATE in self._noted:
            named |= {b"authorization", b"cookie"}
        fields = self._reads.fields
        if options.named or options.private is not None or self._public:  # who asks is settled otherwise
            named -= {name for name in self._noted if credential_like(name)}
            fields -= self._reads.credentials
        return tuple(sorted(name for name in named | fields if not name.startswith(b":")))

    def _dressed(self, headers: Fields, body: bytes | None, *, private: bool) -> Fields:
        options, now = self._options, self._options.clock()
        dressed = list(headers)
        if options.announce and not values(headers, b"cache-control"):
            said = f"{'private, ' if private else ''}max-age={int(options.ttl)}"
            if options.stale:
                said += f", stale-while-revalidate={int(options.stale)}"
            dressed.append((b"cache-control", said.encode("ascii")))
        if options.etag and body is not None and not values(headers, b"etag"):
            dressed.append((b"etag", made_etag(body)))
        if not values(headers, b"last-modified"):
            dressed.append((b"last-modified", format_date(now).encode("ascii")))
        missing = set(self._selecting(headers)) - set(vary_names(headers) or ())
        if missing:
            said = ", ".join(name.decode("latin-1").title() for name in sorted(missing))
            known = joined(headers, b"vary")
            dressed = without(dressed, [b"vary"])
            dressed.append((b"vary", f"{known}, {said}".encode("latin-1") if known else said.encode("latin-1")))
        return dressed

    async def keep(self, key: str, status: int, headers: Fields, body: bytes) -> None:
        """Stores the response."""
        options, stored = self._options, self._stored
        expected = content_length(headers)
        if stored is None or stored.status != status or (expected is not None and expected != len(body)):
            return
        if options.etag and not values(stored.headers, b"etag"):
            stored.headers.append((b"etag", made_etag(body)))
        now = options.clock()
        ttl = stored.lifetime + max(options.stale, options.stale_on_error)
        request, labels = self._scope["headers"], self._labels
        raw = await options.shelf.put(
            key, request, self._names, stored, body, ttl=ttl, now=now, tags=labels, making=self._making
        )
        self.kept = raw is not None

    def status_field(self) -> bytes:
        """What ``Cache-Status`` says."""
        return cache_status(fwd="uri-miss", stored=self.kept, detail=self._reason)
