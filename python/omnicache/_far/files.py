"""The far store on files, as operations use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from .._omnicache import FileStore
from .apart import apart
from .ports import ASKERS, Conditions, Given, StorePort

if TYPE_CHECKING:
    from pathlib import Path

    from .._omnicache import FarEntry, FarLease, FarTerms

__all__ = ["FilePort"]

# What takes a look into mapped memory; everything else may wait for another writer or for the disk.
_QUICK: Final = frozenset({"get", "get_many", "position", "generation"})


class FilePort(StorePort):
    """A store on files: reads at once, writes in a thread where a loop waits."""

    leases = True
    coherent = True
    counts = True
    on_disk = True

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int | None,
        max_entries: int | None,
        durability: Literal["process", "system"],
        timeout: float,
    ) -> None:
        self.store: Final = FileStore(
            directory, max_bytes=max_bytes, max_entries=max_entries, durability=durability, timeout=timeout
        )

    async def acall(self, name: str, *args: Any) -> Any:
        """Reads at once, for they never wait."""
        if name in _QUICK:
            return getattr(self, name)(*args)
        if name == "lease":
            return await self._alease(*args)
        return await apart(getattr(self, name), *args, late=self.late)

    async def _alease(self, key: bytes, until: float, now: float) -> FarLease:
        """What a task that was cancelled is given, it gives back."""
        given: list[FarLease] = []

        def ask() -> FarLease:
            given.append(self.lease(key, until, now))
            return given[0]

        def late() -> None:
            for lease in given:
                if lease.token is not None:
                    self.release(key, lease.token, now)

        lease: FarLease = await apart(ask, late=late)
        return lease

    def get(self, key: bytes, now: float) -> FarEntry | None:
        """The entry, stale or not."""
        return self.store.get(key, now)

    def get_many(self, keys: list[bytes], now: float) -> list[FarEntry | None]:
        """The entries, in the order of the keys."""
        return self.store.get_many(keys, now)

    def set(self, key: bytes, payload: bytes, now: float, terms: FarTerms, conditions: Conditions) -> int | None:
        """The version written, 0 for what is too heavy to keep, None if a condition did not hold."""
        return self.store.set(key, payload, now, terms, **conditions)

    def set_many(self, entries: list[Given], now: float) -> list[int | None]:
        """As `set` of many; their versions."""
        return self.store.set_many(entries, now)

    def delete(self, key: bytes, now: float) -> bool:
        """Whether there was one."""
        return self.store.delete(key, now)

    def delete_many(self, keys: list[bytes], now: float) -> int:
        """How many there were."""
        return self.store.delete_many(keys, now)

    def take(self, key: bytes, now: float) -> FarEntry | None:
        """Removes and returns it."""
        return self.store.take(key, now)

    def touch(self, key: bytes, fresh_until: float | None, expires: float | None, now: float) -> bool:
        """Another end; whether there was an entry."""
        return self.store.touch(key, fresh_until, expires, now)

    def invalidate(self, keys: list[bytes], hard: bool, now: float) -> int:
        """Stale, or gone if `hard`; how many there were."""
        return self.store.invalidate(keys, now, hard=hard)

    def invalidate_tags(self, tags: list[str], hard: bool, now: float) -> None:
        """Whatever carries one of them."""
        self.store.invalidate_tags(tags, now, hard=hard)

    def scan(self, cursor: bytes | None, limit: int, now: float) -> tuple[list[FarEntry], bytes | None]:
        """Some entries without their payloads, and where the next ones begin."""
        return self.store.scan(now, cursor=cursor, limit=limit)

    def clear(self, now: float) -> int:
        """Removes everything; how many there were."""
        return self.store.clear(now)

    def count(self, now: float) -> int:
        """How many there are."""
        return self.store.count(now)

    def purge(self, now: float) -> int:
        """Removes what is over; how many went."""
        count = 0
        while True:
            gone, done = self.store.purge(1000, now)
            count += gone
            if done:
                return count

    def stats(self, now: float) -> dict[str, int]:
        """What the store counts, in all processes."""
        return self.store.stats(now)

    def lease(self, key: bytes, until: float, now: float) -> FarLease:
        """Asks to be the one who loads a key."""
        return self.store.lease(key, until, now, number=next(ASKERS))

    def release(self, key: bytes, token: int, now: float) -> bool:
        """Gives that up."""
        return self.store.release(key, token, now)

    def leased(self, now: float) -> list[bytes]:
        """The keys that are being loaded, here or elsewhere."""
        return self.store.leased(now)

    def generation(self, now: float) -> int:
        """What is made from now on is invalidated by what comes after it."""
        return self.store.generation(now)

    def position(self) -> int | None:
        """Of the last change by anyone."""
        return self.store.position()

    def changes(self, since: int, now: float) -> tuple[int, list[bytes] | None, list[tuple[str, bool]]]:
        """What others changed since."""
        return self.store.changes(since, now)

    def check(self, now: float) -> list[str]:
        """What is not right, in words."""
        return self.store.check(now)

    def compact(self) -> int:
        """How many bytes the disk got back."""
        before, after = self.store.compact()
        return max(before - after, 0)

    def limit(self, max_bytes: int | None, max_entries: int | None, now: float) -> None:
        """Has what is more than this evicted, now and from now on."""
        self.store.limit(max_bytes, max_entries, now)

    def close(self) -> None:
        """Ends the use of the store."""
        self.store.close()
