"""Conditional requests: answering them, asking them, and what a 304 changes (RFC 9110, 13; RFC 9111, 4.3)."""

from __future__ import annotations

import re
from hashlib import blake2b

from .dates import parse_date
from .fields import Headers, joined, members, values, without
from .storing import NOT_STORED, content_length

__all__ = [
    "CONDITIONS",
    "PRECONDITIONS",
    "conditions_for",
    "describes",
    "freshened",
    "made_etag",
    "matches",
    "not_modified",
    "not_modified_fields",
    "same_response",
    "strong",
]

CONDITIONS = frozenset({b"if-none-match", b"if-modified-since"})
"""Conditions that a cache answers (RFC 9111, section 4.3.2)."""

PRECONDITIONS = frozenset({b"if-match", b"if-unmodified-since"})
"""Conditions that only the origin can answer."""

_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_OF_CONTENT = frozenset({
    b"content-length", b"content-type", b"content-encoding", b"content-language", b"content-range",
})  # fmt: skip


_OF_BYTES = frozenset({
    b"content-length", b"content-encoding", b"content-range", b"content-md5", b"content-digest", b"repr-digest",
})  # fmt: skip
"""What describes the stored bytes, which a 304 leaves as they are."""


def made_etag(body: bytes) -> bytes:
    """A strong entity tag of the bytes, the same in every process.

    >>> made_etag(b"") == made_etag(b"") != made_etag(b"a")
    True
    """
    return b'"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"'


def strong(etag: str) -> bool:
    """Whether an entity tag is well formed and strong (RFC 9110, section 8.8.3)."""
    return _ETAG.fullmatch(etag) is not None and not etag.startswith("W/")


def matches(condition: str, etag: str) -> bool:
    """Whether ``If-None-Match`` holds the entity tag, by weak comparison, or is ``*`` (RFC 9110, section 13.1.2).

    >>> [matches(text, '"a"') for text in ('"b", W/"a"', "*", '"b"', "a")]
    [True, True, False, False]
    """
    if condition.strip(" \t") == "*":
        return True
    wanted = etag.removeprefix("W/")
    return bool(etag) and any(member.removeprefix("W/") == wanted for member in members(condition))


def not_modified(request: Headers, stored: Headers, *, now: float) -> bool:
    """Whether the client says that it has the stored response already (RFC 9110, section 13.2.2).

    ``If-None-Match`` goes before ``If-Modified-Since``, which is compared with ``Last-Modified``, or with ``Date``
    where there is none (RFC 9111, section 4.3.2).
    """
    tags = joined(request, b"if-none-match")
    if tags is not None:
        return matches(tags, joined(stored, b"etag") or "")
    since = joined(request, b"if-modified-since")
    asked = None if since is None else parse_date(since, now)
    if asked is None:
        return False
    text = joined(stored, b"last-modified") or joined(stored, b"date")
    changed = None if text is None else parse_date(text, now)
    return changed is not None and changed <= asked


def not_modified_fields(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The fields of the 304 that stands for a response: not those that describe content (RFC 9110, section 15.4.5)."""
    return without(headers, _OF_CONTENT)


def conditions_for(stored: Headers, *, own_etag: bool = False) -> list[tuple[bytes, bytes]]:
    """The fields that ask the origin whether a stored response is still good (RFC 9111, section 4.3.1).

    `own_etag`: the entity tag was made by the cache, so the origin does not know it.
    """
    asked = []
    etag, changed = values(stored, b"etag")[:1], values(stored, b"last-modified")[:1]
    if etag and not own_etag:
        asked.append((b"if-none-match", etag[0]))
    if changed:
        asked.append((b"if-modified-since", changed[0]))
    return asked


def same_response(stored: Headers, received: Headers) -> bool:
    """Whether a 304 speaks of the stored response (RFC 9111, section 4.3.4): not if it has another entity tag."""
    new, old = joined(received, b"etag"), joined(stored, b"etag")
    return new is None or old is None or new.removeprefix("W/") == old.removeprefix("W/")


def describes(stored: Headers, received: Headers, length: int) -> bool:
    """Whether the fields of the answer to a HEAD speak of the stored response (RFC 9111, section 4.3.5).

    They do unless a validator or the length that they state is another one.

    >>> stored = [(b"etag", b'"a"')]
    >>> [describes(stored, [(b"etag", tag)], 5) for tag in (b'"a"', b'"b"')], describes(stored, [], 5)
    ([True, False], True)
    """
    for name in (b"etag", b"last-modified"):
        new = joined(received, name)
        if new is not None and new != joined(stored, name):
            return False
    stated = content_length(received)
    return stated is None or stated == length


def freshened(stored: Headers, received: Headers) -> list[tuple[bytes, bytes]]:
    """The stored fields brought up to date from a 304 (RFC 9111, section 3.2).

    Each field that came replaces the stored one, but for those that describe the stored bytes (their length, coding,
    range and digests) and those that are never stored; ``Age`` goes if the new response has none.

    >>> freshened([(b"a", b"1"), (b"b", b"1"), (b"age", b"9")], [(b"b", b"2"), (b"content-length", b"0")])
    [(b'a', b'1'), (b'b', b'2')]
    """
    named = {name.lower().encode("latin-1") for name in members(joined(received, b"connection") or "")}
    new = without(received, NOT_STORED | named | _OF_BYTES)
    return without(stored, {b"age", *(name for name, _ in new)}) + new
