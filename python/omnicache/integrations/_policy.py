"""What is stored and for how long: the rules of the RFCs and the wishes of the user, in one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ._identity import NOBODY, Who
from ._record import Stored
from .http.cache_control import Directives, directives_of
from .http.fields import Headers, joined, members, values, without
from .http.freshness import (
    corrected_initial_age,
    explicit_lifetime,
    may_be_stale,
    stale_if_error,
    stale_while_revalidate,
)
from .http.heuristic import heuristic_lifetime, may_be_guessed
from .http.ranges import parse_content_range
from .http.storing import fields_to_store, why_not_stored
from .http.targeted import TARGETS, control_of
from .http.vary import vary_names

__all__ = ["DEFAULT_STATUSES", "ERRORS", "Judgement", "Policy", "tags_of"]

DEFAULT_STATUSES = frozenset({200, 203, 204, 300, 301, 308})
"""The statuses that get `default_ttl`: answers, not errors that may be over in a moment."""

ERRORS = frozenset({500, 502, 503, 504})
"""The statuses that count as a failure of the origin (RFC 5861, section 4)."""

_PARTIAL = 206
_AUTHORIZATION = b"authorization"
_MOST_TAGS = 128


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a response is not stored, or what is stored of it and for how long."""

    reason: str | None
    stored: Stored | None = None
    names: tuple[bytes, ...] = ()  # by which fields of the request it varies
    ttl: float = 0.0  # how long to keep it
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The wishes of the user; all times in seconds."""

    default_ttl: float | None = None
    heuristic: bool = False
    stale: float = 0.0
    stale_on_error: float = 0.0
    keep: float = 0.0
    private: bool = True  # the identity in a request makes the response private
    targets: tuple[bytes, ...] = TARGETS
    who: Who = field(default_factory=Who)

    def judge(
        self,
        request: Headers,
        status: int,
        headers: Headers,
        *,
        request_time: float,
        response_time: float,
        explicit: bool = False,
        asking: frozenset[bytes] = NOBODY,
    ) -> Judgement:
        """Whether to store a response to a GET, and as what.

        `explicit`: only if it states its freshness. `asking`: what in the request says who asks.
        """
        control = control_of(headers, self.targets)
        directives = control.directives
        lifetime: float | None = explicit_lifetime(
            directives, headers, targeted=control.targeted, response_time=response_time
        )
        implicit = lifetime is None
        if lifetime is None:
            lifetime = 0.0 if explicit else self._guessed(status, headers, directives, response_time)
        reason = self._why_not(request, status, headers, directives, asking)
        if reason is None and implicit:
            reason = self._why_not_guessed(headers, directives, 0.0 if explicit else lifetime, asking)
        if reason is not None:
            return Judgement(reason)
        part = parse_content_range(joined(headers, b"content-range") or "") if status == _PARTIAL else None
        stored = Stored(
            status,
            without(fields_to_store(headers, directives), [b"age"]),
            response_time,
            corrected_initial_age(headers, request_time, response_time),
            lifetime,
            stale_while_revalidate(directives, self.stale),
            stale_if_error(directives, self.stale_on_error),
            no_cache=directives.everything("no-cache"),
            implicit=implicit,
            never_stale=not may_be_stale(directives),
            part=part,
        )
        ttl = self.ttl(stored)
        if ttl <= 0.0:
            return Judgement("stale")
        return Judgement(None, stored, vary_names(headers) or (), ttl, tags_of(headers))

    def ttl(self, stored: Stored) -> float:
        """How long a response may be of use, in seconds."""
        left = max(0.0, stored.lifetime - stored.initial_age) * (not stored.no_cache)
        validators = any(name in {b"etag", b"last-modified"} for name, _ in stored.headers)
        if left == 0.0 and not validators and stored.stale_while_revalidate == 0.0:
            return 0.0
        keep = self.keep if validators else 0.0
        return left + max(stored.stale_while_revalidate, stored.stale_if_error, keep)

    def _why_not(
        self, request: Headers, status: int, headers: Headers, directives: Directives, asking: frozenset[bytes]
    ) -> str | None:
        """Why a response is not stored whatever its freshness."""
        asked = directives_of(request)
        authorized = self.private and _AUTHORIZATION in asking
        reason = why_not_stored(status, headers, directives, request=asked, authorized=authorized)
        if reason is not None:
            return reason
        if status == _PARTIAL and parse_content_range(joined(headers, b"content-range") or "") is None:
            return "content-range"
        if not self.private or "public" in directives or "s-maxage" in directives:
            return None
        unnamed = asking - {_AUTHORIZATION} - frozenset(vary_names(headers) or ())
        return "identity" if unnamed else None

    def _why_not_guessed(
        self, headers: Headers, directives: Directives, lifetime: float, asking: frozenset[bytes]
    ) -> str | None:
        """Why a response that states no freshness is not stored."""
        if lifetime <= 0.0 and not directives.everything("no-cache"):
            return "no-freshness"
        if values(headers, b"set-cookie") or (self.private and asking):
            return "identity"
        return None

    def _guessed(self, status: int, headers: Headers, directives: Directives, response_time: float) -> float:
        """The lifetime of what states none."""
        if self.heuristic and may_be_guessed(status, directives):
            found = heuristic_lifetime(headers, response_time)
            if found > 0.0:
                return found
        if self.default_ttl is not None and status in DEFAULT_STATUSES and not directives.everything("no-cache"):
            return self.default_ttl
        return 0.0


def tags_of(headers: Headers) -> tuple[str, ...]:
    """The labels that the response gives itself in ``Cache-Tag`` (commas between) or ``Surrogate-Key`` (spaces)."""
    found: Iterable[Any] = members(joined(headers, b"cache-tag") or "")
    found = [*found, *(joined(headers, b"surrogate-key") or "").replace(",", " ").split()]
    return tuple(dict.fromkeys(found))[:_MOST_TAGS]
