"""What ``cache_response`` was given, and what the calls of one endpoint share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._asked import Keys
    from ._reading import Reads
    from ._shelf import Shelf

__all__ = ["Options", "State"]


@dataclass(slots=True)
class State:
    """What the calls of one endpoint share."""

    reads: dict[int, tuple[Any, Reads]] = field(default_factory=dict)  # by the route
    handlers: dict[int, Any] = field(default_factory=dict)
    pending: dict[str, asyncio.Future[bool]] = field(default_factory=dict)  # who waits for which key
    refreshing: dict[str, tuple[asyncio.Task[None], float]] = field(default_factory=dict)  # and when it began
    alone: dict[str, float] = field(default_factory=dict)  # until when nobody waits for the answer of another one
    wide: bool = False  # the endpoint was seen to read what others have put on the request


@dataclass(frozen=True, slots=True)
class Options:
    """What :func:`cache_response` was given; all times in seconds."""

    ttl: float
    stale: float
    stale_on_error: float
    vary_on: tuple[str, ...] | None
    vary_headers: frozenset[bytes]
    private: bool | None
    named: bool  # who asks is part of the key
    plain: bool  # the key is the URL
    statuses: frozenset[int]
    methods: frozenset[str]
    excluded: frozenset[bytes]
    announce: bool
    etag: bool
    max_body: int
    limit: float
    clock: Callable[[], float]
    shelf: Shelf
    keys: Keys

    def state(self) -> State:
        """For a new endpoint."""
        return State()
