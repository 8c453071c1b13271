"""How long a response is fresh and how old it is (RFC 9111, sections 4.2.1 and 4.2.3; RFC 5861)."""

from __future__ import annotations

from .cache_control import LARGEST, Directives, delta_seconds
from .dates import parse_date
from .fields import Headers, joined, members

__all__ = [
    "STALE_FORBIDDEN",
    "age_value",
    "corrected_initial_age",
    "date_of",
    "explicit_lifetime",
    "may_be_stale",
    "stale_if_error",
    "stale_while_revalidate",
]

STALE_FORBIDDEN = ("must-revalidate", "proxy-revalidate", "s-maxage", "no-cache")
"""Directives that forbid a shared cache to serve a response stale (RFC 9111, section 4.2.4)."""


def age_value(headers: Headers) -> int:
    """What the ``Age`` field says, in seconds (RFC 9111, section 5.1).

    The first member counts if there are several; what is no number of seconds is ignored.

    >>> [age_value([(b"age", text)]) for text in (b"7", b"7, 0", b"-7", b"7.0", b"99999999999")]
    [7, 7, 0, 0, 2147483648]
    """
    first = members(joined(headers, b"age") or "")[:1]
    return (delta_seconds(first[0]) or 0) if first else 0


def date_of(headers: Headers, response_time: float) -> float:
    """When the response was made: its ``Date``, or when it came if that cannot be read (RFC 9110, section 6.6.1)."""
    text = joined(headers, b"date")
    found = None if text is None else parse_date(text, response_time)
    return response_time if found is None else found


def corrected_initial_age(headers: Headers, request_time: float, response_time: float) -> float:
    """How old a response was when it came (RFC 9111, section 4.2.3), in seconds.

    >>> corrected_initial_age([(b"age", b"30")], 100.0, 102.0)
    32.0
    """
    apparent_age = max(0.0, response_time - date_of(headers, response_time))
    if apparent_age < 1.0:
        apparent_age = 0.0  # dates have no fractions
    return max(apparent_age, age_value(headers) + (response_time - request_time))


def explicit_lifetime(directives: Directives, headers: Headers, *, targeted: bool, response_time: float) -> int | None:
    """The freshness lifetime that the response states (RFC 9111, section 4.2.1), in seconds; None if it states none.

    For a shared cache ``s-maxage`` goes before ``max-age``, and that before ``Expires``. What is stated and cannot be
    read is 0 (section 5.3). `targeted`: the directives come from a field meant for this cache, so ``Expires`` says
    nothing (RFC 9213, section 2.2).
    """
    for name in ("s-maxage", "max-age"):
        seconds = directives.seconds(name)
        if seconds is not None:
            return seconds
    text = None if targeted else joined(headers, b"expires")
    if text is None:
        return None
    expires = parse_date(text, response_time)
    return 0 if expires is None else min(LARGEST, max(0, int(expires - date_of(headers, response_time))))


def may_be_stale(directives: Directives) -> bool:
    """Whether the response may be served stale at all (RFC 9111, section 4.2.4)."""
    return not any(name in directives for name in STALE_FORBIDDEN[:3]) and not directives.everything("no-cache")


def stale_while_revalidate(directives: Directives, default: float = 0.0) -> float:
    """How many seconds past freshness it may be served while it is fetched anew (RFC 5861, section 3)."""
    return _window(directives, "stale-while-revalidate", default)


def stale_if_error(directives: Directives, default: float = 0.0) -> float:
    """How many seconds past freshness it may be served because the origin fails (RFC 5861, section 4)."""
    return _window(directives, "stale-if-error", default)


def _window(directives: Directives, name: str, default: float) -> float:
    if not may_be_stale(directives):
        return 0.0
    seconds = directives.seconds(name)
    return default if seconds is None else float(seconds)
