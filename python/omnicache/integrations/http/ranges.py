"""Parts of a response (RFC 9110, section 14) and putting them together (RFC 9111, sections 3.3 and 3.4)."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from .dates import parse_date
from .fields import Headers, joined
from .validation import strong

__all__ = ["Part", "condition_holds", "content_range", "parse_content_range", "requested", "together"]

_LONGEST = 19
_ONE = re.compile(rf"bytes[ \t]*=[ \t]*([0-9]{{0,{_LONGEST}}})-([0-9]{{0,{_LONGEST}}})[ \t]*", re.IGNORECASE)
_CONTENT = re.compile(rf"bytes ([0-9]{{1,{_LONGEST}}})-([0-9]{{1,{_LONGEST}}})/([0-9]{{1,{_LONGEST}}})", re.IGNORECASE)


class Part(NamedTuple):
    """A part of a representation: its first and last byte, counted from 0, and the length of the whole."""

    first: int
    last: int
    whole: int

    @property
    def length(self) -> int:
        """Bytes in the part."""
        return self.last - self.first + 1

    def holds(self, other: Part) -> bool:
        """Whether the other part lies in this one."""
        return self.whole == other.whole and self.first <= other.first and other.last <= self.last


def requested(text: str, whole: int) -> Part | Literal["unsatisfiable"] | None:
    """The part that a ``Range`` asks for (RFC 9110, section 14.1.2).

    None for what is to be ignored: other units, several ranges, what cannot be read.

    >>> requested("bytes=0-1", 10), requested("bytes=-3", 10)
    (Part(first=0, last=1, whole=10), Part(first=7, last=9, whole=10))
    >>> requested("bytes=20-", 10), requested("bytes=0-1,4-5", 10)
    ('unsatisfiable', None)
    """
    found = _ONE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), whole)
        return Part(whole - length, whole - 1, whole) if length else "unsatisfiable"
    first = int(found[1])
    if found[2] and int(found[2]) < first:
        return None
    if first >= whole:
        return "unsatisfiable"
    return Part(first, min(int(found[2]), whole - 1) if found[2] else whole - 1, whole)


def parse_content_range(text: str) -> Part | None:
    """The part that a ``Content-Range`` describes (RFC 9110, section 14.4); None if it is invalid or says no length.

    >>> parse_content_range("bytes 4-9/10"), parse_content_range("bytes 4-10/10"), parse_content_range("bytes 4-9/*")
    (Part(first=4, last=9, whole=10), None, None)
    """
    found = _CONTENT.fullmatch(text)
    part = None if found is None else Part(int(found[1]), int(found[2]), int(found[3]))
    return part if part is not None and part.first <= part.last < part.whole else None


def content_range(part: Part) -> bytes:
    """The field value that describes a part."""
    return b"bytes %d-%d/%d" % part


def condition_holds(request: Headers, stored: Headers, *, now: float) -> bool:
    """Whether ``If-Range`` allows a part to be sent (RFC 9110, section 13.1.5): without it, or with a strong match."""
    text = joined(request, b"if-range")
    if text is None:
        return True
    if strong(text):
        return text == joined(stored, b"etag")
    asked, changed = parse_date(text, now), parse_date(joined(stored, b"last-modified") or "", now)
    return asked is not None and asked == changed


def together(one: tuple[Part, bytes], other: tuple[Part, bytes]) -> tuple[Part, bytes] | None:
    """Two parts of one representation as one (RFC 9111, section 3.4); None if there is a gap between them.

    That both belong to one representation, by a strong validator, is for the caller to know.

    >>> together((Part(0, 1, 4), b"ab"), (Part(1, 3, 4), b"bcd"))
    (Part(first=0, last=3, whole=4), b'abcd')
    """
    (low, head), (high, tail) = sorted((one, other), key=lambda pair: pair[0])
    if low.whole != high.whole or high.first > low.last + 1:
        return None
    if high.last <= low.last:
        return low, head
    return Part(low.first, high.last, low.whole), head[: high.first - low.first] + tail
