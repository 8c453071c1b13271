"""Whether a response may be stored in a shared cache, and which of its fields (RFC 9111, sections 3, 3.1 and 3.5)."""

from __future__ import annotations

import re

from .cache_control import Directives
from .fields import Headers, joined, members, values, without
from .vary import vary_names

__all__ = ["NOT_STORED", "UNDERSTOOD", "content_length", "fields_to_store", "why_not_stored"]

UNDERSTOOD = frozenset({
    200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414,
    415, 416, 417, 421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511,
})  # fmt: skip
"""The final status codes that this cache knows, for ``must-understand`` (RFC 9111, section 5.2.2.3)."""

NOT_STORED = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"set-cookie",
})  # fmt: skip
"""Fields of one connection (RFC 9111, section 3.1) and, by a rule of this cache, ``Set-Cookie``."""

_LIVE = ("text/event-stream", "multipart/x-mixed-replace")
_LENGTH = re.compile(r"[0-9]{1,19}")
_PARTIAL, _NOT_MODIFIED = 206, 304
_FINAL, _STATUSES = 200, 600


def why_not_stored(
    status: int,
    headers: Headers,
    directives: Directives,
    *,
    request: Directives,
    authorized: bool,
) -> str | None:
    """Why a response to a GET may not be stored whatever its freshness; None if it may (RFC 9111, section 3).

    Args:
        status: Its status code.
        headers: Its fields.
        directives: Those in force for this cache.
        request: The directives of the request.
        authorized: The request had an ``Authorization`` field.
    """
    understood = "must-understand" in directives
    shared = any(name in directives for name in ("public", "s-maxage", "must-revalidate"))
    reasons = {
        "status": not _FINAL <= status < _STATUSES or status == _NOT_MODIFIED,
        "must-understand": understood and status not in UNDERSTOOD,
        "no-store": "no-store" in request or ("no-store" in directives and not understood),
        "private": directives.everything("private"),
        "authorization": authorized and not shared,
        "vary-star": vary_names(headers) is None,
        "no-content-range": status == _PARTIAL and not values(headers, b"content-range"),
        "content-length": content_length(headers) == -1,
        "live": (joined(headers, b"content-type") or "").lower().startswith(_LIVE),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def content_length(headers: Headers) -> int | None:
    """The length that ``Content-Length`` states; None without it, -1 if it cannot be read or contradicts itself.

    RFC 9110, section 8.6: the same number twice is that number.

    >>> [content_length([(b"content-length", text)]) for text in (b"5", b"5, 5", b"5, 6", b"+5")]
    [5, 5, -1, -1]
    """
    text = joined(headers, b"content-length")
    if text is None:
        return None
    lengths = {int(member) if _LENGTH.fullmatch(member) else -1 for member in members(text)}
    return lengths.pop() if len(lengths) == 1 else -1


def fields_to_store(headers: Headers, directives: Directives) -> list[tuple[bytes, bytes]]:
    """The fields to keep: not those of the connection, nor those that ``no-cache`` and ``private`` name.

    >>> fields_to_store([(b"connection", b"a"), (b"a", b"1"), (b"b", b"2"), (b"set-cookie", b"c=d")], Directives())
    [(b'b', b'2')]
    """
    named = {name.lower().encode("latin-1") for name in members(joined(headers, b"connection") or "")}
    return without(headers, NOT_STORED | named | directives.fields("no-cache") | directives.fields("private"))
