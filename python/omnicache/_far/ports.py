"""What a far store is to the operations of a cache: requests that are methods, and what it can do beyond them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final

from .._omnicache import FarTerms
from .apart import apart, nothing

__all__ = ["ASKERS", "Conditions", "Given", "StorePort"]

ASKERS: Final = itertools.count(1)
"""A number for each who asks for a lease: what one load of this process holds is not another one's."""

Given = tuple[bytes, bytes, FarTerms]
"""One of many entries: key, payload, terms."""

Conditions = dict[str, Any]
"""What has to hold for a write: its ``mode``, a ``version``, the ``token`` of a lease and the ``generation`` of its
tags. A guard is given a ``lease`` in the place of both."""


class StorePort:
    """The base of the ports: a request is a method, and a task has it run where it does not stop the loop."""

    leases = False
    """Whether it knows who of all processes loads a key."""
    coherent = False
    """Whether it tells which keys others changed."""
    told = False
    """Whether this process is told what others changed, so that looking asks nobody."""
    tells: Any = True
    """Whether it tells of every change at present."""
    waits = False
    """Whether it can say when somebody else's load has ended."""
    counts = False
    """Whether it counts evictions and expirations, from before this cache was opened on."""

    on_disk = False
    """Whether it can be checked and compacted."""

    late: Any = staticmethod(nothing)
    """Called when something is done after all that nobody waits for any more."""

    def track(self, begun: Callable[[], object]) -> None:
        """Copies will be kept near: it is to tell what others change, and `begun` hears when it does."""
        begun()

    def call(self, name: str, *args: Any) -> Any:
        """Does it in this thread."""
        return getattr(self, name)(*args)

    def acall(self, name: str, *args: Any) -> Awaitable[Any]:
        """Does it in a thread of its own."""
        return apart(self.call, name, *args, late=self.late)
