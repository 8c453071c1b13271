"""What a successful unsafe request makes invalid (RFC 9111, section 4.4)."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from .fields import Headers, joined

__all__ = ["SAFE", "invalidated"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1); one that is not known is taken to change something."""

_SUCCESS, _ERRORS = 200, 400


def invalidated(method: str, uri: str, status: int, headers: Headers) -> list[str]:
    """The URIs whose stored responses are no longer good: the target, and ``Location`` and ``Content-Location``.

    The latter two only in the target's own origin, so that no response can empty the cache of another site.

    >>> invalidated("POST", "http://a/items", 201, [(b"location", b"/items/1"), (b"content-location", b"http://b/")])
    ['http://a/items', 'http://a/items/1']
    """
    if method in SAFE or not _SUCCESS <= status < _ERRORS:
        return []
    found = [uri]
    for name in (b"location", b"content-location"):
        value = joined(headers, name)
        target = None if value is None else same_origin(uri, value)
        if target is not None and target not in found:
            found.append(target)
    return found


def same_origin(base: str, reference: str) -> str | None:
    """The URI that a reference stands for, without fragment; None if it is of another origin or cannot be read."""
    try:
        target = urlsplit(urljoin(base, reference))
        origin = urlsplit(base)
        same = (target.scheme, target.hostname, target.port) == (origin.scheme, origin.hostname, origin.port)
    except ValueError:
        return None
    return target._replace(netloc=origin.netloc, fragment="").geturl() if same else None
