"""What a cache tells others: callbacks about events, and a strategy written in Python about its entries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._events import READS, WRITES, CacheEvent, Callback, EventKind
from ._state import State
from .entry import CacheEntry

if TYPE_CHECKING:
    from .strategies import CustomStrategy

__all__ = ["Advising", "Hooks"]

CallbackT = TypeVar("CallbackT", bound=Callback)

_CANDIDATES = 64
"""How many of the coldest entries a custom strategy is shown."""
_CAUSES: dict[str, EventKind] = {"evicted": "evict", "expired": "expire", "deleted": "delete"}


class Advising(threading.local):
    """Whether the running thread is asking the cache's adviser already."""

    now = False


class Hooks(State):
    """The part of :class:`Cache` that the native side calls, where somebody listens."""

    __slots__ = ()

    # --- events ---

    @overload
    def on(self, kind: EventKind, callback: CallbackT) -> CallbackT: ...
    @overload
    def on(self, kind: EventKind, callback: None = None) -> Callable[[CallbackT], CallbackT]: ...
    def on(self, kind: EventKind, callback: Callback | None = None) -> Any:
        """Has `callback` called with a :class:`CacheEvent` at every event of this kind; usable as a decorator.

        Callbacks run in the thread of the operation, outside every lock, and may use the cache. What they raise is
        logged and counted, and changes nothing else.

        Args:
            kind: ``"evict" "expire" "set" "delete" "hit" "miss" "load" "error"``.
            callback: The function; without one, a decorator is returned.

        Raises:
            CacheConfigError: There is no such event.
            TypeError: The callback cannot be called.

        >>> from omnicache import Cache
        >>> gone = []
        >>> with Cache("watched", max_size=1) as cache:
        ...     _ = cache.on("evict", lambda event: gone.append(event.key))
        ...     cache["a"] = 1
        ...     cache["b"] = 2
        >>> gone
        ['a']
        """
        if callback is None:
            return lambda function: self.on(kind, function)
        self._events.add(kind, callback)
        self._hook()
        return callback

    def off(self, kind: EventKind, callback: Callback) -> bool:
        """Takes a callback away again; whether it was there.

        >>> from omnicache import Cache
        >>> with Cache("unwatched") as cache:
        ...     _ = cache.on("hit", print)
        ...     cache.off("hit", print), cache.off("hit", print)
        (True, False)
        """
        there = self._events.remove(kind, callback)
        self._hook()
        return there

    def _hook(self) -> None:
        """Tells the native side which operations must come by here."""
        busy = self._copy is not None or self._adviser is not None
        self._set_hooks(busy or self._events.wants(READS), busy or self._events.wants(WRITES))

    def _on_hit(self, key: Any, value: Any) -> Any:
        adviser = self._adviser
        if adviser is not None:
            self._tell(adviser, "on_access", self.entry(key))
        if self._events.has("hit"):
            self._events.emit(CacheEvent("hit", self._name, key, value))
        return value if self._copy is None else self._copy(value)

    def _on_miss(self, key: Any) -> None:
        if self._events.has("miss"):
            self._events.emit(CacheEvent("miss", self._name, key))

    def _before_write(self, value: Any) -> Any:
        return value if self._copy is None else self._copy(value)

    def _on_set(self, key: Any, value: Any, replaced: bool, over: bool) -> None:
        adviser = self._adviser
        if adviser is not None:
            self._tell(adviser, "on_access" if replaced else "on_insert", self.entry(key))
            if over:
                self._advise()
        if self._events.has("set"):
            self._events.emit(CacheEvent("set", self._name, key, value))

    def _on_gone(self, gone: Iterable[tuple[str, Any, Any]]) -> None:
        adviser = self._adviser
        for cause, key, value in gone:
            kind = _CAUSES.get(cause)
            if kind is None:
                continue  # replaced by a newer value, which is an event of its own
            if adviser is not None:
                self._tell(adviser, "on_remove", _last_seen(key, value))
            if self._events.has(kind):
                self._events.emit(CacheEvent(kind, self._name, key, value))

    # --- a strategy written in Python ---

    def _tell(self, adviser: CustomStrategy, method: str, entry: CacheEntry | None) -> None:
        """Calls a method of the adviser that its caller saw in force; by now it may be another, or none."""
        if entry is None:
            return
        try:
            getattr(adviser, method)(entry)
        except Exception as error:  # noqa: BLE001 - a strategy of the user's; the operation is done
            self._events.failed(self._name, entry.key, error, f"{type(adviser).__name__}.{method}", "strategy_failed")

    def _advise(self) -> None:
        """Asks the strategy who goes until the limits hold; what it leaves undone is done in LRU order.

        What a strategy writes to the cache while it is asked is evicted for in LRU order: it is not asked within its
        answer.
        """
        adviser, advising = self._adviser, self._advising
        if adviser is not None and advising is not None and not advising.now:
            advising.now = True
            try:
                while (need := self._excess()) > 0:
                    candidates = [CacheEntry(*row) for row in self._coldest(max(_CANDIDATES, 2 * need))]
                    if self._evict(list(adviser.victims(candidates, need))) == 0:
                        break
            except Exception as error:  # noqa: BLE001 - a strategy of the user's; LRU order takes over
                self._events.failed(self._name, None, error, f"{type(adviser).__name__}.victims", "strategy_failed")
            finally:
                advising.now = False
        self._enforce()


def _last_seen(key: Any, value: Any) -> CacheEntry:
    """What is known of an entry that is gone: its key and value."""
    return CacheEntry(key, value, 0.0, 0.0, 0.0, 0, None, None, 0, (), 0.5, 0)
