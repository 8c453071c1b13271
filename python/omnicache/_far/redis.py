"""The far store on a Redis server, as operations use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .._omnicache import RedisStore
from .ports import ASKERS, Conditions, Given, StorePort

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .._omnicache import FarTerms
    from ..backends import RedisBackend

__all__ = ["RedisPort"]

Later = bool | Callable[[], object]
"""Whether what is returned is to be awaited; a function hears if it is done after all when nobody waits any more."""

# What changes nothing, so that nobody need hear when it is done after all.
_READS: Final = frozenset({"get", "get_many", "scan", "count", "stats", "leased", "generation", "wait"})

# What asks no server.
_LOCAL: Final = frozenset({"changes", "close"})
_PATIENCE: Final = 0.2
"""Seconds that the first request waits for the server to tell of changes: what was asked before is not kept."""


class RedisPort(StorePort):
    """A store on a server: a thread waits for its own reply, a task for what its loop is handed with many others."""

    leases = True
    coherent = True
    told = True
    waits = True

    def __init__(self, backend: RedisBackend, namespace: str, name: str) -> None:
        self.store: Final = RedisStore(backend.address, namespace, name)
        # Hears that the server tells of changes; None as soon as it has.
        self._begun: Callable[[], object] | None = None

    @property
    def tells(self) -> bool:
        """Whether the server tells of every change at present."""
        return self.store.coherent

    def track(self, begun: Callable[[], object]) -> None:
        """Has the server tell of changes; `begun` hears when it does, before anything is asked of it."""
        self._begun = begun
        self.store.track()

    def call(self, name: str, *args: Any) -> Any:
        """Waits for the reply in this thread."""
        if self._begun is not None and name not in _LOCAL:
            self.store.tracking(_PATIENCE)
            self._begin()
        return getattr(self, name)(*args)

    def acall(self, name: str, *args: Any) -> Awaitable[Any]:
        """Waits for the reply in this task. Leaving it leaves all others alone."""
        if self._begun is not None:
            return self._abegin(name, args)
        later = True if name in _READS else self.late
        reply: Awaitable[Any] = getattr(self, name)(*args, later=later)
        return reply

    async def _abegin(self, name: str, args: tuple[Any, ...]) -> Any:
        await self.store.tracking(_PATIENCE, later=True)
        self._begin()
        return await self.acall(name, *args)

    def _begin(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun()

    def get(self, key: bytes, now: float, *, later: Later = False) -> Any:
        """The entry, stale or not."""
        return self.store.get(key, now, later=later)

    def get_many(self, keys: list[bytes], now: float, *, later: Later = False) -> Any:
        """The entries, in the order of the keys."""
        return self.store.get_many(keys, now, later=later)

    def set(
        self, key: bytes, payload: bytes, now: float, terms: FarTerms, conditions: Conditions, *, later: Later = False
    ) -> Any:
        """The version written, None if a condition did not hold."""
        if not conditions:
            return self.store.set(key, payload, now, terms, later=later)
        return self.store.set(key, payload, now, terms, **conditions, later=later)

    def set_many(self, entries: list[Given], now: float, *, later: Later = False) -> Any:
        """As `set` of many; their versions."""
        return self.store.set_many(entries, now, later=later)

    def delete(self, key: bytes, now: float, *, later: Later = False) -> Any:
        """Whether there was one."""
        return self.store.delete(key, now, later=later)

    def delete_many(self, keys: list[bytes], now: float, *, later: Later = False) -> Any:
        """How many there were."""
        return self.store.delete_many(keys, now, later=later)

    def take(self, key: bytes, now: float, *, later: Later = False) -> Any:
        """Removes and returns it."""
        return self.store.take(key, now, later=later)

    def touch(
        self, key: bytes, fresh_until: float | None, expires: float | None, now: float, *, later: Later = False
    ) -> Any:
        """Another end; whether there was an entry."""
        return self.store.touch(key, fresh_until, expires, now, later=later)

    def invalidate(self, keys: list[bytes], hard: bool, now: float, *, later: Later = False) -> Any:
        """Stale, or gone if `hard`; how many there were."""
        return self.store.invalidate(keys, now, hard=hard, later=later)

    def invalidate_tags(self, tags: list[str], hard: bool, now: float, *, later: Later = False) -> Any:
        """Whatever carries one of them."""
        return self.store.invalidate_tags(tags, now, hard=hard, later=later)

    def scan(self, cursor: bytes | None, limit: int, now: float, *, later: Later = False) -> Any:
        """Some entries without their payloads, and where the next ones begin."""
        return self.store.scan(now, cursor=cursor, limit=limit, later=later)

    def clear(self, _now: float, *, later: Later = False) -> Any:
        """Removes everything; how many there were."""
        return self.store.clear(later=later)

    def count(self, now: float, *, later: Later = False) -> Any:
        """How many there are."""
        return self.store.count(now, later=later)

    def purge(self, now: float, *, later: Later = False) -> Any:
        """Removes what is over, as far as the server still has it; how many went."""
        return self.store.purge(now, later=later)

    def stats(self, now: float, *, later: Later = False) -> Any:
        """How many entries there are, and what they weigh."""
        return self.store.stats(now, later=later)

    def lease(self, key: bytes, until: float, now: float, *, later: Later = False) -> Any:
        """Asks to be the one who loads a key."""
        return self.store.lease(key, until, now, number=next(ASKERS), later=later)

    def release(self, key: bytes, token: int, _now: float, *, later: Later = False) -> Any:
        """Gives that up."""
        return self.store.release(key, token, later=later)

    def wait(self, key: bytes, seconds: float, *, later: Later = False) -> Any:
        """Returns when the lease of a key has ended, or after so many seconds."""
        return self.store.wait(key, seconds, later=later)

    def leased(self, _now: float, *, later: Later = False) -> Any:
        """The keys that are being loaded, here or elsewhere."""
        return self.store.leased(later=later)

    def generation(self, _now: float, *, later: Later = False) -> Any:
        """What is made from now on is invalidated by what comes after it."""
        return self.store.generation(later=later)

    def changes(self, since: int, _now: float) -> tuple[int, list[bytes] | None, list[tuple[str, bool]]]:
        """What the server told of since, which this process knows already."""
        if not self.store.coherent:
            self.store.track()  # a child after a fork has not asked for it yet
        return self.store.changes(since)

    def close(self) -> None:
        """Ends the use of the store."""
        self.store.close()
