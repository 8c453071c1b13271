"""Events: callbacks that are called, outside every lock, when something happens in a cache."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from ._logged import LogEvent, logged
from ._sentinels import MISSING
from .exceptions import CacheConfigError

__all__ = ["LOCK", "READS", "WRITES", "CacheEvent", "EventKind", "Events"]

_log = logging.getLogger("omnicache")

EventKind: TypeAlias = Literal["evict", "expire", "set", "delete", "hit", "miss", "load", "error"]
KINDS: Final[tuple[str, ...]] = get_args(EventKind)
READS: Final = frozenset({"hit", "miss", "expire"})
"""What a read may bring about: it may be the one that finds an entry to be over."""
WRITES: Final = frozenset({"evict", "expire", "set", "delete"})


LOCK: Final = threading.RLock()
"""Guards the callbacks and the small counters of all caches, which are changed rarely and in no time.

It is one for the process so that a fork can wait for it: a child must not inherit it from a thread it does not have.
The thread that has it may take it again, for a collection may start anywhere and run finalizers that use a cache.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@dataclass(frozen=True, slots=True)
class CacheEvent:
    """What happened to one entry.

    Args:
        kind: ``"set"``, ``"delete"``, ``"evict"``, ``"expire"``, ``"hit"``, ``"miss"``, ``"load"`` (a loader returned)
            or ``"error"`` (a loader or a callback raised).
        cache: The name of the cache.
        key: The key.
        value: The value, ``MISSING`` where there is none.
        error: The exception of an ``"error"``, else None.

    >>> from omnicache import Cache, CacheEvent
    >>> seen: list[CacheEvent] = []
    >>> with Cache("told") as cache:
    ...     _ = cache.on("set", seen.append)
    ...     cache["a"] = 1
    >>> seen[0].kind, seen[0].cache, seen[0].key, seen[0].value
    ('set', 'told', 'a', 1)
    """

    kind: EventKind
    cache: str
    key: Any
    value: Any = MISSING
    error: BaseException | None = None


Callback: TypeAlias = Callable[[CacheEvent], object]


class Events:
    """The callbacks of one cache. Reading them takes no lock; changing them replaces a tuple."""

    __slots__ = ("_callbacks", "errors", "namespace")

    def __init__(self) -> None:
        self._callbacks: dict[str, tuple[Callback, ...]] = {}
        self.errors = 0
        self.namespace = ""

    def add(self, kind: str, callback: Callback) -> None:
        """Has `callback` called at every event of this kind.

        Raises:
            CacheConfigError: There is no such event.
            TypeError: `callback` cannot be called.
        """
        if kind not in KINDS:
            raise CacheConfigError(f"on: there is no event {kind!r}; the events are {', '.join(KINDS)}")
        if not callable(callback):
            raise TypeError(f"on: the callback must be callable, not {type(callback).__name__}")
        with LOCK:
            self._callbacks[kind] = (*self._callbacks.get(kind, ()), callback)

    def remove(self, kind: str, callback: Callback) -> bool:
        """Takes `callback` away again; whether it was there."""
        with LOCK:
            before = self._callbacks.get(kind, ())
            left = list(before)
            if callback not in left:
                return False
            left.remove(callback)
            self._callbacks[kind] = tuple(left)
            return True

    def wants(self, kinds: frozenset[str]) -> bool:
        """Whether anyone listens to one of these."""
        return any(self._callbacks.get(kind) for kind in kinds)

    def has(self, kind: str) -> bool:
        """Whether anyone listens to this."""
        return bool(self._callbacks.get(kind))

    def failed(self, cache: str, key: Any, error: Exception, what: str, event: LogEvent) -> None:
        """Counts, logs and reports an error of the user's code that must not become an error of the operation."""
        with LOCK:
            self.errors += 1
        extra = logged(event, cache=cache, namespace=self.namespace, key=key)
        _log.error("cache %r: %s raised", cache, what, exc_info=error, extra=extra)
        self.emit(CacheEvent("error", cache, key, error=error))

    def emit(self, event: CacheEvent) -> None:
        """Calls everyone who listens. What a callback raises is counted and logged, and changes nothing else."""
        for callback in self._callbacks.get(event.kind, ()):
            try:
                callback(event)
            except Exception as error:  # noqa: BLE001 - whatever a callback raises, the operation is done
                if event.kind != "error":
                    self.failed(event.cache, event.key, error, f"a callback for {event.kind!r}", "callback_failed")
                    continue
                with LOCK:
                    self.errors += 1
                extra = logged("callback_failed", cache=event.cache, namespace=self.namespace, key=event.key)
                _log.exception("cache %r: a callback for 'error' raised", event.cache, extra=extra)
