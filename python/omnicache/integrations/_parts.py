"""Stored parts of a response and the parts that come (RFC 9111, section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .http.fields import Headers, joined, without
from .http.ranges import Part, parse_content_range, together
from .http.validation import strong

if TYPE_CHECKING:
    from ._record import Stored
    from ._shelf import Found

__all__ = ["completed", "joined_parts"]

_OK = 200
_OF_PARTS = (b"content-range", b"content-length")


def joined_parts(stored: Stored, body: bytes, known: Found | None, most: int) -> bytes:
    """The body to store for a part: with the stored one, if both are of one version and touch.

    `stored` then describes that; where it is all there is, it describes a whole response.
    """
    part = stored.part
    tag = joined(stored.headers, b"etag") or ""
    if known is not None and part is not None and strong(tag) and joined(known.stored.headers, b"etag") == tag:
        held = known.stored.part
        both = None if held is None else together((held, known.stored.body(known.raw)), (part, body))
        if both is not None and len(both[1]) <= most:
            stored.part, body = both
    if stored.part is not None and stored.part.length == stored.part.whole:
        stored.status, stored.part = _OK, None
        stored.headers = [*without(stored.headers, _OF_PARTS), (b"content-length", b"%d" % len(body))]
    return body


def completed(headers: Headers, rest: Found) -> list[tuple[bytes, bytes]] | None:
    """The fields of the whole, if what comes with `headers` is the rest of the stored part; else None."""
    got = parse_content_range(joined(headers, b"content-range") or "")
    held = rest.stored.part
    if held is None or got is None or got != Part(held.last + 1, held.whole - 1, held.whole):
        return None
    if joined(headers, b"etag") != joined(rest.stored.headers, b"etag"):
        return None
    return [*without(headers, _OF_PARTS), (b"content-length", b"%d" % held.whole)]
