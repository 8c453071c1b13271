"""What becomes of a stored response that the application says is still good (RFC 9111, sections 4.3.4 and 4.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._identity import NOBODY
from ._record import Stored
from ._shelf import Found
from .http.cache_control import directives_of
from .http.fields import Headers
from .http.validation import describes, freshened

if TYPE_CHECKING:
    from ._engine import Engine
    from ._making import Making
    from ._types import Scope

__all__ = ["renewed", "still_good"]

_OK = 200


async def renewed(
    engine: Engine,
    stale: Found,
    received: Headers,
    scope: Scope,
    request: Headers,
    started: float,
    making: Making | None,
    *,
    valid: bool,
) -> tuple[Found, bool]:
    """The stored response with the fields that came, and whether it is stored as that.

    Args:
        engine: Whose.
        stale: The stored response.
        received: The fields of the 304, or of the answer to a HEAD.
        scope: The request.
        request: Its fields.
        started: When the application was asked.
        making: What the shelf began.
        valid: The key was not invalidated meanwhile.
    """
    headers = freshened(stale.stored.headers, received)
    now = engine.clock()
    # What was stored may be shared; that this client is known does not change it.
    get = {**scope, "method": "GET"}
    judged = engine.judge(get, request, stale.stored.status, headers, started, now, asking=NOBODY)
    if judged.stored is not None and valid:
        judged.stored.own_etag = stale.stored.own_etag
        judged.stored.part = stale.stored.part
        found = await engine.shelf.replace(stale, judged.stored, ttl=judged.ttl, tags=judged.tags, making=making)
        if found is not None:
            return found, True
    changed = Stored(stale.stored.status, headers, now, 0.0, 0.0, part=stale.stored.part)
    changed.body_at, changed.body_size = stale.stored.body_at, stale.stored.body_size
    if "no-store" in directives_of(headers):
        await engine.shelf.drop([stale.key])
    return Found(changed, stale.raw, stale.key), False


async def still_good(engine: Engine, stale: Found, status: int, received: Headers) -> bool:
    """Whether the answer to a HEAD describes what is stored; if it describes another version, that is forgotten."""
    if status != _OK or stale.stored.status != _OK:
        return False
    if describes(stale.stored.headers, received, stale.stored.body_size):
        return True
    await engine.shelf.drop([stale.key])
    return False
