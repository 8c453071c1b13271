"""Inside which loads the running code is, and which wait would never end.

A context variable holds the innermost load, which knows the one around it; tasks and threads started with a copy of the
context are inside too. Beside this chain stands one graph for the process of who waits for whom (``try_wait``), which
sees circles through several threads. The shapes that would hang, and what happens instead:

1. A loads *a* and asks for *a*: the flight is in its own chain. :class:`ReentrantLoadError`.
2. A loads *a* and waits for *b*; B loads *b* and asks for *a*: the graph has a -> b, so b -> a would close the circle.
   :class:`ReentrantLoadError` in B, whose error then reaches A too.
3. Thread T runs a loop on which a task loads *a*; a plain call on T asks for *a*: waiting would stop the loop. The
   graph has a -> T, so T -> a would close a circle, but through a thread: the call loads by itself.
4. As 3, but the plain call on T asks for *b*, which another thread loads, and that loader waits for *a*: b -> a -> T.
   The call on T loads *b* by itself.
5. As 4 in the other order: T waits for *b* already when the loader of *b* asks for *a*: that loader loads *a* by
   itself.
6. A thread loads *a* and comes back to *a* in an empty context, so that the chain is lost: the flight's leader is this
   very thread. :class:`ReentrantLoadError`.

Not seen: a loader that waits for a thread which it started *without* its context (a bare ``Thread``,
``loop.run_in_executor``) and which asks for the loader's own key. ``asyncio.to_thread`` passes the context on.
"""

from __future__ import annotations

import reprlib
from contextvars import ContextVar
from threading import get_ident
from typing import Final, Protocol

from ._omnicache import Wait, Waiter, try_wait
from .exceptions import ReentrantLoadError

__all__ = ["INSIDE", "Inside", "begin_wait", "innermost", "label"]

INSIDE: Final[ContextVar[Inside | None]] = ContextVar("omnicache_inside", default=None)


class Inside:
    """One load, as the code under it finds it in its context. It keeps nothing alive but names."""

    __slots__ = ("alias", "awaited", "cache", "error", "id", "key", "parent", "running")

    def __init__(self, number: int, cache: str, key: object, parent: Inside | None, alias: int | None = None) -> None:
        """The load of ``key`` by the flight ``number``, or in the place of the flight ``alias``."""
        self.id: Final = number
        self.alias: Final = number if alias is None else alias
        self.cache: Final = cache
        self.key: Final = key
        self.parent: Final = parent
        self.running = True
        # For the caller that started a task's load, while it waits: what is for nobody else.
        self.awaited = True
        self.error: BaseException | None = None

    @property
    def label(self) -> str:
        """The load's name in errors, such as ``users['a']``."""
        return label(self.cache, self.key)


class _Ending(Protocol):
    """A wait under way."""

    def end(self) -> None:
        """The wait is over."""


class _NoWait:
    """A wait that concerns nobody: a task outside of every load blocks no thread and no flight."""

    __slots__ = ()

    def end(self) -> None:
        """The wait is over."""


_NO_WAIT: Final = _NoWait()


def label(cache: str, key: object) -> str:
    """The name of a load in errors; whatever the key's own ``repr`` does, it is short and does not raise."""
    return f"{cache}[{reprlib.repr(key)}]"


def innermost() -> Inside | None:
    """The load that the running code is directly inside of; loads that have ended do not count."""
    node = INSIDE.get()
    while node is not None and not node.running:
        node = node.parent
    return node


def begin_wait(waiter: Waiter, cache: str, key: object, parent: Inside | None, *, blocking: bool) -> _Ending | None:
    """Records a wait for ``waiter``'s flight, to be ended by the caller; None if it must load by itself.

    Args:
        waiter: The seat on the flight.
        cache: The cache's name, for errors.
        key: The key, for errors.
        parent: The load that the caller is inside of.
        blocking: Whether the wait blocks the thread.

    Raises:
        ReentrantLoadError: The wait would never end.
    """
    node = parent
    while node is not None:
        if node.running and node.alias == waiter.id:
            raise _reentrant(_labels(parent, node), label(cache, key))
        node = node.parent
    flight = waiter.flight()
    thread = get_ident()
    if flight.thread == thread and flight.pilot is None:
        raise _reentrant(_labels(parent, None), label(cache, key))
    if parent is None and not blocking:
        return _NO_WAIT
    inside = 0 if parent is None else parent.id
    found: Wait | list[Inside] | None = try_wait(waiter.id, inside, parent, thread if blocking else 0)
    if isinstance(found, list):
        asks = [] if parent is None else [parent]
        raise _reentrant([node.label for node in [*found, *asks]], label(cache, key))
    return found


def _labels(node: Inside | None, last: Inside | None) -> list[str]:
    """The names of the loads from the outer one, ``last``, to the inner one, ``node``."""
    labels = []
    while node is not None:
        if node.running:
            labels.append(node.label)
        if node is last:
            break
        node = node.parent
    return labels[::-1]


def _reentrant(chain: list[str], asked: str) -> ReentrantLoadError:
    if not chain or chain[0] != asked:
        chain = [asked, *chain]
    return ReentrantLoadError(
        f"a loader asks for {asked}, which waits for that loader: {' -> '.join([*chain, asked])}. It would wait for "
        "ever: let the loader compute its value without asking the cache for this key"
    )
