"""Answering from what is stored: whole, in part, or by saying that the client has it already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ._record import Stored
from ._shelf import Found
from ._types import Send
from .http.fields import without
from .http.ranges import Part, condition_holds, content_range, requested
from .http.validation import CONDITIONS, not_modified, not_modified_fields

__all__ = ["Answer", "Asked", "answer", "part_asked", "send_whole"]

Asked = Mapping[bytes, bytes]
"""The fields of a request that matter to a cache, each line of a field joined to the others."""

_OK, _PARTIAL, _NOT_MODIFIED, _UNSATISFIABLE = 200, 206, 304, 416
_OF_PARTS = frozenset({b"content-length", b"content-range"})


class Answer(NamedTuple):
    """To be answered from what is stored."""

    found: Found
    status_field: bytes


async def send_whole(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, head: bool) -> None:
    """A complete response; `head`: to a HEAD, which gets no body."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})


async def answer(
    send: Send,
    asked: Asked,
    stored: Stored,
    raw: bytes,
    *,
    now: float,
    status_field: bytes | None,
    head: bool = False,
) -> None:
    """Sends a stored response as the request wants it (RFC 9111, sections 4 and 4.3.2; RFC 9110, section 14.2).

    Args:
        send: Where to.
        asked: The fields of the request.
        stored: What is stored.
        raw: Its record.
        now: The time.
        status_field: A member of ``Cache-Status``.
        head: The request is a HEAD.
    """
    headers = without(stored.headers, [b"age"])
    headers.append((b"age", b"%d" % stored.age(now)))
    if status_field is not None:
        headers.append((b"cache-status", status_field))
    status, body = stored.status, b"" if head else stored.body(raw)
    conditional = status in {_OK, _PARTIAL} and not CONDITIONS.isdisjoint(asked)
    if conditional and not_modified(list(asked.items()), stored.headers, now=now):
        await send_whole(send, _NOT_MODIFIED, not_modified_fields(headers), b"", head=True)
        return
    whole = stored.part.whole if stored.part is not None else stored.body_size
    part = None if head else part_asked(asked, stored, whole, now=now)
    if part == "unsatisfiable":
        headers = without(headers, _OF_PARTS)
        headers += [(b"content-range", b"bytes */%d" % whole), (b"content-length", b"0")]
        status, body = _UNSATISFIABLE, b""
    elif part is not None:
        offset = stored.part.first if stored.part is not None else 0
        headers = without(headers, _OF_PARTS)
        headers += [(b"content-range", content_range(part)), (b"content-length", b"%d" % part.length)]
        status, body = _PARTIAL, body[part.first - offset : part.last + 1 - offset]
    await send_whole(send, status, headers, body, head=head)


def part_asked(asked: Asked, stored: Stored, whole: int, *, now: float) -> Part | Literal["unsatisfiable"] | None:
    """The part of a stored 200 or 206 that the request wants; None for all of it."""
    text = asked.get(b"range")
    if text is None or stored.status not in {_OK, _PARTIAL}:
        return None
    if not condition_holds(list(asked.items()), stored.headers, now=now):
        return None
    return requested(text.decode("latin-1"), whole)


def serves_part(asked: Asked, stored: Stored, *, now: float) -> bool:
    """Whether a stored part holds what the request wants."""
    if stored.part is None:
        return False
    part = part_asked(asked, stored, stored.part.whole, now=now)
    return isinstance(part, Part) and stored.part.holds(part)
