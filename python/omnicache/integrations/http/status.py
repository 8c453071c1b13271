"""``Cache-Status``: what this cache did with a request (RFC 9211)."""

from __future__ import annotations

from .structured import write_string

__all__ = ["NAME", "cache_status"]

NAME = "OmniCache"
"""How this cache calls itself."""


def cache_status(
    *,
    hit: bool = False,
    fwd: str | None = None,
    fwd_status: int | None = None,
    ttl: int | None = None,
    stored: bool = False,
    collapsed: bool = False,
    detail: str | None = None,
) -> bytes:
    """This cache's member of the field (RFC 9211, section 2).

    Args:
        hit: Answered from what was stored, without asking the origin.
        fwd: Why the request went on to the origin: ``uri-miss``, ``vary-miss``, ``stale``, ``partial``, ``request``,
            ``method`` or ``bypass``.
        fwd_status: The origin's status code, where it is not the one sent.
        ttl: Seconds of freshness left; below 0 for what is served stale.
        stored: The response was stored.
        collapsed: The request waited for another one's answer.
        detail: Anything else.

    >>> cache_status(hit=True, ttl=30), cache_status(fwd="uri-miss", stored=True)
    (b'OmniCache; hit; ttl=30', b'OmniCache; fwd=uri-miss; stored')
    """
    parts = [NAME]
    if hit:
        parts.append("hit")
    if fwd is not None:
        parts.append(f"fwd={fwd}")
    if fwd_status is not None:
        parts.append(f"fwd-status={fwd_status}")
    if ttl is not None:
        parts.append(f"ttl={ttl}")
    if stored:
        parts.append("stored")
    if collapsed:
        parts.append("collapsed")
    if detail is not None:
        parts.append(f"detail={detail if detail.replace('-', '').isalnum() else write_string(detail)}")
    return "; ".join(parts).encode("ascii")
