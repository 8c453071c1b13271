"""Freshness for responses that state none (RFC 9111, section 4.2.2)."""

from __future__ import annotations

from .cache_control import Directives
from .dates import parse_date
from .fields import Headers, joined
from .freshness import date_of

__all__ = ["HEURISTIC_STATUSES", "heuristic_lifetime", "may_be_guessed"]

HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""The status codes whose responses may be cached without stated freshness (RFC 9110, section 15.1)."""

_PART = 0.1
_LONGEST = 86400.0


def may_be_guessed(status: int, directives: Directives) -> bool:
    """Whether the freshness of such a response may be guessed: by its status, or because it is ``public``."""
    return status in HEURISTIC_STATUSES or "public" in directives


def heuristic_lifetime(headers: Headers, response_time: float) -> float:
    """A tenth of the time since ``Last-Modified``, at most a day, in seconds; 0 without that field.

    >>> heuristic_lifetime([(b"last-modified", b"Thu, 01 Jan 1970 00:00:00 GMT")], 1000.0)
    100.0
    """
    text = joined(headers, b"last-modified")
    changed = None if text is None else parse_date(text, response_time)
    if changed is None:
        return 0.0
    return min(_LONGEST, max(0.0, (date_of(headers, response_time) - changed) * _PART))
