"""A user's store of bytes under keys, as operations use it: what it does not know is made of its four methods.

A request is a generator that yields calls of the store's methods, so that it is written once for threads and tasks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from concurrent.futures import Future
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from .._lazy import Lazy
from .._omnicache import FarTerms, decode_key, encode_key, pack_record, unpack_record
from ..exceptions import CacheBackendError, CacheSerializationError
from .calling import Caller
from .generations import Generation
from .ports import Conditions, Given, StorePort
from .terms import FOREVER
from .turns import Turns

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from .._omnicache import FarEntry
    from ..backends import StoreBackend
else:
    asyncio = Lazy("asyncio")  # only those who await need it

__all__ = ["CustomPort", "Stored"]

R = TypeVar("R")
Asking = Generator[tuple[Any, ...], Any, R]
"""A request: it yields ``(method, *arguments)``, or one Future that it waits for."""
_SOFT: Final = 4


class Stored(NamedTuple):
    """An entry of a user's store, as :class:`FarEntry` is one of ours."""

    entry: FarEntry
    key: bytes
    version: int
    fresh_until: float | None
    stale: bool
    soft: bool
    generations: list[tuple[str, int]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entry, name)


class CustomPort(StorePort):
    """A user's store, whose methods may be plain or coroutine functions."""

    def __init__(self, backend: StoreBackend, prefix: str) -> None:
        self._backend: Final = backend
        self._prefix: Final = prefix
        self._caller: Final = Caller(type(backend).__name__, backend.timeout)
        self._turns: Final = Turns()

    # --- both colours ---

    def call(self, name: str, *args: Any) -> Any:
        """Runs the request, awaiting what has to be on a loop of our own."""
        asking, answer = getattr(self, name)(*args), None
        with contextlib.closing(asking):
            try:
                while True:
                    what, *rest = asking.send(answer)
                    answer = what.result() if isinstance(what, Future) else self._caller.call(what, rest, self.late)
            except StopIteration as end:
                return end.value

    async def acall(self, name: str, *args: Any) -> Any:
        """Runs the request on the running loop; plain methods run in a thread."""
        asking, answer = getattr(self, name)(*args), None
        with contextlib.closing(asking):
            try:
                while True:
                    what, *rest = asking.send(answer)
                    if isinstance(what, Future):
                        answer = await asyncio.wrap_future(what)
                    else:
                        answer = await self._caller.acall(what, rest, self.late)
            except StopIteration as end:
                return end.value

    def _alone(self, key: bytes, asking: Asking[R]) -> Asking[R]:
        """Runs a part that reads before it writes while nobody else of this process is at the key."""
        turn = self._turns.take(key)
        try:
            if turn is not None:
                yield (turn,)
            return (yield from asking)
        finally:
            # A turn that can be given back was still to come.
            if turn is None or not turn.cancel():
                self._turns.give(key)

    # --- keys ---

    def _name(self, key: bytes) -> str:
        """A key as text that a person can read where it is text, and that decodes in any case."""
        plain = decode_key(key)
        if type(plain) is str and plain.isprintable():
            return f"{self._prefix}:{plain}"
        return f"{self._prefix}#{key.hex()}"

    def _key(self, name: str) -> bytes | None:
        """The key that is written so; None for what is no entry of ours."""
        if not str(name).startswith(self._prefix):
            return None
        kind, rest = name[len(self._prefix) : len(self._prefix) + 1], name[len(self._prefix) + 1 :]
        if kind == ":":
            return encode_key(rest)
        if kind == "#":
            with contextlib.suppress(ValueError):
                return bytes.fromhex(rest)
        return None

    def _tag(self, tag: str) -> str:
        return f"{self._prefix}!{tag}"

    # --- reading ---

    def get(self, key: bytes, now: float) -> Asking[Stored | None]:
        """The entry, stale or not, with its tags compared."""
        data = yield (self._backend.get, self._name(key))
        if data is None:
            return None
        if not isinstance(data, (bytes, bytearray, memoryview)):
            name = type(self._backend).__name__
            raise CacheBackendError(f"{name}.get returned {type(data).__name__}; return the bytes, or None")
        data = bytes(data)
        try:
            entry, tags = unpack_record(key, data)
        except CacheSerializationError:
            return None
        if entry.expires is not None and now >= entry.expires:
            return None
        fresh_until, soft = entry.fresh_until, entry.soft
        for tag, generation in tags:
            found = Generation.read((yield (self._backend.get, self._tag(tag))))
            if found is None or generation < found.hard:
                return None
            if generation < found.latest:
                if entry.expires is None or entry.expires == entry.fresh_until:
                    return None  # there is no time in which it could be served stale
                soft = True
                fresh_until = found.at if fresh_until is None else min(found.at, fresh_until)
        stale = soft or (fresh_until is not None and now >= fresh_until)
        version = int.from_bytes(blake2b(data, digest_size=7).digest()) + 1
        return Stored(entry, key, version, fresh_until, stale, soft, tags)

    def get_many(self, keys: list[bytes], now: float) -> Asking[list[Stored | None]]:
        """The entries, in the order of the keys."""
        found = []
        for key in keys:
            found.append((yield from self.get(key, now)))  # noqa: PERF401 - a comprehension cannot yield from
        return found

    def _names(self) -> Asking[Iterable[bytes]]:
        """The keys of the entries there are, and of some that are over."""
        names = yield (self._backend.scan, self._prefix)
        if not isinstance(names, list):
            name = type(self._backend).__name__
            raise CacheBackendError(f"{name}.scan returned {type(names).__name__}; return the keys")
        return dict.fromkeys(key for name in names if (key := self._key(name)) is not None)

    def scan(self, _cursor: Any, _limit: int, now: float) -> Asking[tuple[list[Stored], None]]:
        """All entries at once: a user's scan has no cursor."""
        found = []
        for key in (yield from self._names()):
            entry = yield from self.get(key, now)
            if entry is not None:
                found.append(entry)
        return found, None

    def count(self, now: float) -> Asking[int]:
        """How many entries there are."""
        return len((yield from self.scan(None, 0, now))[0])

    def stats(self, now: float) -> Asking[dict[str, int]]:
        """What can be told."""
        entries = (yield from self.scan(None, 0, now))[0]
        fresh = [entry for entry in entries if not entry.stale]
        return {"entries": len(fresh), "bytes": sum(entry.size for entry in entries)}

    # --- writing ---

    def set(
        self, key: bytes, payload: bytes, now: float, terms: FarTerms, conditions: Conditions
    ) -> Asking[int | None]:
        """1 if it was written, None if a condition did not hold."""
        return self._alone(key, self._written(key, payload, now, terms, **conditions))

    def set_many(self, entries: list[Given], now: float) -> Asking[list[int | None]]:
        """As `set` of many, one after the other."""
        versions = []
        for key, payload, terms in entries:
            versions.append((yield from self.set(key, payload, now, terms, {})))
        return versions

    def _written(
        self, key: bytes, payload: bytes, now: float, terms: FarTerms, mode: str = "always", version: int | None = None
    ) -> Asking[int | None]:
        if mode != "always" or version is not None:
            there = yield from self.get(key, now)
            if version is not None:
                if there is None or there.version != version:
                    return None
            elif (there is not None and not there.stale) != (mode == "replace"):
                return None
        tags = []
        for tag in terms.tags:
            tags.append((tag, (yield from self._generation(tag, now)).latest))  # noqa: PERF401 - as above
        yield from self._put(key, pack_record(key, payload, now, terms, tags), terms.expires, now)
        return 1

    def _generation(self, tag: str, now: float) -> Asking[Generation]:
        """That of a tag, whose record is made if there is none."""
        found = Generation.read((yield (self._backend.get, self._tag(tag))))
        if found is None:
            found = Generation.first(now)
            yield (self._backend.set, self._tag(tag), found.record(), None)
        return found

    def _put(self, key: bytes, data: bytes, expires: float | None, now: float) -> Asking[None]:
        ttl = None if expires is None or expires >= FOREVER else max(expires - now, 0.001)
        yield (self._backend.set, self._name(key), data, ttl)

    def touch(self, key: bytes, fresh_until: float | None, expires: float | None, now: float) -> Asking[bool]:
        """Another end; whether there was an entry."""
        return self._alone(key, self._touched(key, fresh_until, expires, now))

    def _touched(self, key: bytes, fresh_until: float | None, expires: float | None, now: float) -> Asking[bool]:
        there = yield from self.get(key, now)
        if there is None:
            return False
        yield from self._again(there, fresh_until, expires, now)
        return True

    def _again(
        self, there: Stored, fresh_until: float | None, expires: float | None, now: float, *, soft: bool = False
    ) -> Asking[None]:
        """Writes an entry with another end, and all else as it was."""
        entry = there.entry
        terms = FarTerms(
            serializer=entry.serializer,
            flags=entry.flags & ~_SOFT | (_SOFT if soft else 0),
            priority=entry.priority,
            created=entry.created,
            fresh_until=fresh_until,
            expires=expires,
            schema=entry.schema,
        )
        data = pack_record(there.key, entry.payload or b"", now, terms, there.generations)
        yield from self._put(there.key, data, expires, now)

    # --- removing ---

    def delete(self, key: bytes, now: float) -> Asking[bool]:
        """Whether there was one."""
        return (yield from self.take(key, now)) is not None

    def delete_many(self, keys: list[bytes], now: float) -> Asking[int]:
        """How many there were."""
        count = 0
        for key in keys:
            count += yield from self.delete(key, now)
        return count

    def take(self, key: bytes, now: float) -> Asking[Stored | None]:
        """Removes and returns it."""
        return self._alone(key, self._taken(key, now))

    def _taken(self, key: bytes, now: float) -> Asking[Stored | None]:
        there = yield from self.get(key, now)
        yield (self._backend.delete, self._name(key))
        return there

    def invalidate(self, keys: list[bytes], hard: bool, now: float) -> Asking[int]:
        """Stale, or gone if `hard`; how many there were."""
        count = 0
        for key in keys:
            count += yield from self._alone(key, self._ended(key, hard, now))
        return count

    def _ended(self, key: bytes, hard: bool, now: float) -> Asking[bool]:
        there = yield from self.get(key, now)
        if there is None:
            return False
        if hard or there.expires is None or there.expires == there.entry.fresh_until:
            yield (self._backend.delete, self._name(key))
        elif not there.soft:
            fresh_until = now if there.fresh_until is None else min(there.fresh_until, now)
            yield from self._again(there, fresh_until, there.expires, now, soft=True)
        return True

    def invalidate_tags(self, tags: list[str], hard: bool, now: float) -> Asking[None]:
        """One more generation for each."""
        for tag in tags:
            was = Generation.read((yield (self._backend.get, self._tag(tag)))) or Generation.first(now)
            yield (self._backend.set, self._tag(tag), was.after(now, hard=hard).record(), None)

    def clear(self, now: float) -> Asking[int]:
        """Removes what is ours; how many entries there were. The generations of tags stay."""
        return (yield from self.delete_many(list((yield from self._names())), now))

    def purge(self, now: float) -> Asking[int]:
        """Removes what is over, as far as the store still has it; how many went."""
        count = 0
        for key in (yield from self._names()):
            if (yield from self.get(key, now)) is None:
                count += yield from self._alone(key, self._purged(key, now))
        return count

    def _purged(self, key: bytes, now: float) -> Asking[bool]:
        there = yield from self.get(key, now)
        if there is None:
            yield (self._backend.delete, self._name(key))
        return there is None

    def close(self) -> Asking[None]:
        """Ends the use of the store."""
        yield (self._backend.close,)
