"""Far stores as operations use them: on files, and a user's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterable, Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from .._omnicache import FileStore, decode_key, encode_key, pack_record, unpack_record
from ..exceptions import CacheBackendError, CacheSerializationError, CacheTimeoutError
from .apart import apart, in_time, nothing

if TYPE_CHECKING:
    from pathlib import Path

    from .._omnicache import FarEntry
    from ..backends import StoreBackend

__all__ = ["CustomPort", "FilePort", "StorePort", "Stored"]

# What takes a look into mapped memory; everything else may wait for another writer or for the disk.
_QUICK: Final = frozenset({"get", "get_many", "position", "generation"})


class StorePort:
    """The base of the ports: a request is a method, and a task has it run where it does not stop the loop."""

    leases = False
    """Whether it knows who of all processes loads a key."""
    coherent = False
    """Whether it tells which keys others changed."""
    late: Callable[[], object] = staticmethod(nothing)
    """Called when something is done after all that nobody waits for any more."""

    def call(self, name: str, *args: Any) -> Any:
        """Does it in this thread."""
        return getattr(self, name)(*args)

    async def acall(self, name: str, *args: Any) -> Any:
        """Does it in a thread of its own."""
        return await apart(self.call, name, *args, late=self.late)


class FilePort(StorePort):
    """A store on files: reads at once, writes in a thread where a loop waits."""

    leases = True
    coherent = True

    def __init__(self, directory: Path, max_bytes: int | None, durability: Literal["process", "system"]) -> None:
        self.store: Final = FileStore(directory, max_bytes=max_bytes, durability=durability)

    async def acall(self, name: str, *args: Any) -> Any:
        """Reads at once, for they never wait."""
        if name in _QUICK:
            return getattr(self, name)(*args)
        return await apart(getattr(self, name), *args, late=self.late)

    def get(self, key: bytes, now: float) -> FarEntry | None:
        """The entry, stale or not."""
        return self.store.get(key, now)

    def get_many(self, keys: list[bytes], now: float) -> list[FarEntry | None]:
        """The entries, in the order of the keys."""
        return self.store.get_many(keys, now)

    def set(self, key: bytes, payload: bytes, now: float, fields: dict[str, Any]) -> int | None:
        """The version written, 0 for what is too heavy to keep, None if a condition did not hold."""
        return self.store.set(key, payload, now, **fields)

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
            gone, more = self.store.purge(1000, now)
            count += gone
            if not more:
                return count

    def stats(self, now: float) -> dict[str, int]:
        """What the store counts, in all processes."""
        return self.store.stats(now)

    def lease(self, key: bytes, until: float, now: float) -> Any:
        """Asks to be the one who loads a key."""
        return self.store.lease(key, until, now, number=threading.get_ident())

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

    def close(self) -> None:
        """Ends the use of the store."""
        self.store.close()


class Stored(NamedTuple):
    """An entry of a user's store, as :class:`FarEntry` is one of ours."""

    entry: FarEntry
    key: bytes
    fresh_until: float | None
    stale: bool
    soft: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entry, name)


class _Loop:
    """An event loop in a thread, for plain calls of a user's coroutine functions; made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, made: Awaitable[Any], timeout: float | None) -> Any:
        """The result of an awaitable, for a thread."""

        async def wait() -> Any:
            return await asyncio.wait_for(made, timeout)

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="omnicache-loop", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()


_LOOP: Final = _Loop()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _Loop.__init__(_LOOP))  # the thread is the parent's


class CustomPort(StorePort):
    """A user's store of bytes, whose methods may be plain or coroutine functions."""

    def __init__(self, backend: StoreBackend, prefix: str) -> None:
        self._backend: Final = backend
        self._prefix: Final = prefix
        self._timeout: Final = backend.timeout

    # --- both colours of the user's methods ---

    def call(self, name: str, *args: Any) -> Any:
        """Runs the request, awaiting what has to be on a loop of our own."""
        operation = getattr(self, name)(*args)
        answer: Any = None
        try:
            while True:
                answer = self._call(operation.send(answer))
        except StopIteration as end:
            return end.value

    async def acall(self, name: str, *args: Any) -> Any:
        """Runs the request on the running loop; plain methods run in a thread."""
        operation = getattr(self, name)(*args)
        answer: Any = None
        try:
            while True:
                answer = await self._acall(operation.send(answer))
        except StopIteration as end:
            return end.value

    def _call(self, step: tuple[Any, ...]) -> Any:
        method, *args = step
        with self._guarded(method):
            if asyncio.iscoroutinefunction(method):
                return _LOOP.run(method(*args), self._timeout)
            made = method(*args) if self._timeout is None else in_time(method, args, self._timeout, self.late)
            if isawaitable(made):
                return _LOOP.run(made, self._timeout)
            if isinstance(made, AsyncIterable):
                return _LOOP.run(_collected(made), self._timeout)
            return list(made) if method == self._backend.scan else made

    async def _acall(self, step: tuple[Any, ...]) -> Any:
        method, *args = step
        with self._guarded(method):
            async with asyncio.timeout(self._timeout):
                made = (
                    method(*args) if asyncio.iscoroutinefunction(method) else await apart(method, *args, late=self.late)
                )
                if isawaitable(made):
                    return await made
                if isinstance(made, AsyncIterable):
                    return await _collected(made)
                return list(made) if method == self._backend.scan else made

    @contextlib.contextmanager
    def _guarded(self, method: Any) -> Any:
        """Whatever a user's store raises is an error of the backend."""
        name = f"{type(self._backend).__name__}.{method.__name__}"
        try:
            yield
        except TimeoutError as error:
            raise CacheTimeoutError(
                f"{name} took longer than {self._timeout} s; raise the backend's timeout, or see why it hangs"
            ) from error
        except CacheBackendError:
            raise
        except Exception as error:
            raise CacheBackendError(f"{name} failed: {type(error).__name__}: {error}") from error

    # --- keys ---

    def _name(self, key: bytes) -> str:
        """A key as text that a person can read where it is text, and that decodes in any case."""
        plain = decode_key(key)
        if type(plain) is str and plain.isprintable():
            return f"{self._prefix}:{plain}"
        return f"{self._prefix}#{key.hex()}"

    def _key(self, name: str) -> bytes | None:
        rest = name.removeprefix(self._prefix)
        if rest.startswith(":"):
            return encode_key(rest[1:])
        if rest.startswith("#"):
            with contextlib.suppress(ValueError):
                return bytes.fromhex(rest[1:])
        return None

    def _tag(self, tag: str) -> str:
        return f"{self._prefix}!{tag}"

    # --- the requests ---

    def get(self, key: bytes, now: float) -> Any:
        """The entry, with its tags compared."""
        data = yield (self._backend.get, self._name(key))
        return (yield from self._opened(key, data, now))

    def _opened(self, key: bytes, data: Any, now: float) -> Any:
        if data is None:
            return None
        try:
            entry, tags = unpack_record(key, data)
        except CacheSerializationError:
            return None
        if entry.expires is not None and now >= entry.expires:
            return None
        fresh_until, soft = entry.fresh_until, entry.soft
        for tag, generation in tags:
            hard, softened, at = _generations((yield (self._backend.get, self._tag(tag))))
            if generation < hard:
                return None
            if generation < softened and (fresh_until is None or at < fresh_until):
                fresh_until, soft = at, True
        stale = fresh_until is not None and now >= fresh_until
        return Stored(entry, key, fresh_until, stale, soft)

    def get_many(self, keys: list[bytes], now: float) -> Any:
        """The entries, in the order of the keys."""
        found = []
        for key in keys:
            found.append((yield from self.get(key, now)))
        return found

    def set(self, key: bytes, payload: bytes, now: float, fields: dict[str, Any]) -> Any:
        """1 if it was written; a condition is looked at before, and holds only as far as nobody is in between."""
        fields = dict(fields)
        mode, _, generation = fields.pop("mode", "always"), fields.pop("token", None), fields.pop("generation", None)
        version = fields.pop("version", None)
        if mode != "always" or version is not None:
            there = yield from self.get(key, now)
            fresh = there is not None and not there.stale
            if fresh != (mode == "replace" or version is not None):
                return None
        tags = []
        for tag in fields.pop("tags", ()):
            hard, softened, _ = _generations((yield (self._backend.get, self._tag(tag))))
            latest = max(hard, softened)
            if generation is not None and generation < latest:
                return None
            tags.append((tag, latest))
        data = pack_record(key, payload, now, tags=tags, **fields)
        expires = fields.get("expires")
        yield (self._backend.set, self._name(key), data, None if expires is None else max(expires - now, 0.001))
        return 1

    def delete(self, key: bytes, now: float) -> Any:
        """Whether there was one."""
        there = yield from self.get(key, now)
        yield (self._backend.delete, self._name(key))
        return there is not None

    def delete_many(self, keys: list[bytes], now: float) -> Any:
        """How many there were."""
        count = 0
        for key in keys:
            count += bool((yield from self.delete(key, now)))
        return count

    def take(self, key: bytes, now: float) -> Any:
        """Removes and returns it."""
        there = yield from self.get(key, now)
        if there is not None:
            yield (self._backend.delete, self._name(key))
        return there

    def touch(
        self, key: bytes, fresh_until: float | None, expires: float | None, now: float, soft: bool = False
    ) -> Any:
        """Another end; whether there was an entry."""
        there = yield from self.get(key, now)
        if there is None:
            return False
        entry, tags = there.entry, []
        for tag in entry.tags:
            hard, softened, _ = _generations((yield (self._backend.get, self._tag(tag))))
            tags.append((tag, max(hard, softened)))
        data = pack_record(
            key,
            entry.payload or b"",
            now,
            serializer=entry.serializer,
            flags=entry.flags | (4 if soft else 0),
            priority=entry.priority,
            created=entry.created,
            fresh_until=fresh_until,
            expires=expires,
            schema=entry.schema,
            tags=tags,
        )
        yield (self._backend.set, self._name(key), data, None if expires is None else max(expires - now, 0.001))
        return True

    def invalidate(self, keys: list[bytes], hard: bool, now: float) -> Any:
        """Stale, or gone if `hard`; how many there were."""
        count = 0
        for key in keys:
            there = yield from self.get(key, now)
            if there is None:
                continue
            count += 1
            kept = there.expires is not None or there.fresh_until is not None
            if hard or not kept or (there.expires is not None and there.expires == there.fresh_until):
                yield (self._backend.delete, self._name(key))
            elif not there.stale:
                yield from self.touch(key, now, there.expires, now, soft=True)
        return count

    def invalidate_tags(self, tags: list[str], hard: bool, now: float) -> Any:
        """One more generation for each."""
        for tag in tags:
            was_hard, was_soft, _ = _generations((yield (self._backend.get, self._tag(tag))))
            latest = max(was_hard, was_soft) + 1
            made = f"{latest if hard else was_hard},{latest},{now!r}".encode()
            yield (self._backend.set, self._tag(tag), made, None)

    def scan(self, cursor: Any, limit: int, now: float) -> Any:
        """All entries at once: a user's scan has no cursor."""
        names = yield (self._backend.scan, f"{self._prefix}")
        found = []
        for name in names:
            key = self._key(name)
            entry = None if key is None else (yield from self.get(key, now))
            if entry is not None:
                found.append(entry)
        return found, None

    def clear(self, now: float) -> Any:
        """Removes what is ours; how many entries there were. The generations of tags stay."""
        names = yield (self._backend.scan, f"{self._prefix}")
        count = 0
        for name in names:
            if self._key(name) is not None:
                yield (self._backend.delete, name)
                count += 1
        return count

    def count(self, now: float) -> Any:
        """How many there are."""
        return len((yield from self.scan(None, 0, now))[0])

    def purge(self, now: float) -> Any:
        """Removes what is over, as far as the store still has it; how many went."""
        names = yield (self._backend.scan, f"{self._prefix}")
        count = 0
        for name in names:
            key = self._key(name)
            if key is not None and (yield from self.get(key, now)) is None:
                yield (self._backend.delete, name)
                count += 1
        return count

    def stats(self, now: float) -> Any:
        """What can be told."""
        entries = (yield from self.scan(None, 0, now))[0]
        return {"entries": len(entries), "bytes": sum(entry.size for entry in entries)}

    def close(self) -> Any:
        """Ends the use of the store."""
        yield (self._backend.close,)


def _generations(data: Any) -> tuple[int, int, float]:
    """The last hard and soft invalidation of a tag, and the moment of the latter."""
    if data is None:
        return 0, 0, 0.0
    try:
        hard, soft, at = bytes(data).decode().split(",")
        return int(hard), int(soft), float(at)
    except ValueError:
        return 0, 0, 0.0


async def _collected(made: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in made]
