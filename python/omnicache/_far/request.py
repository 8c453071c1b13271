"""One request for the value of one key where it may be in a far store, or be loaded by another process."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from .._events import CacheEvent
from .._loading import Request
from .._omnicache import encode_key
from .._options import AUTO
from .._sentinels import DEFAULT, MISSING
from .._work import ABSENT, Absent
from ..exceptions import CacheClosedError, CacheSerializationError
from .base import remember
from .drive import CALL, SLEEP, Operation, adrive, drive

if TYPE_CHECKING:
    from .._loading import Call
    from .._omnicache import FarEntry, Flight, Leader
    from .cache import FarCache

__all__ = ["FarRequest"]

_LEASE: Final = 300.0
"""Seconds after which another process may load a key whose loader is still running; a dead one's ends by itself."""
_GLANCE: Final = (0.001, 0.02)
"""Seconds between looks at a lease that another process has: the first, and the longest."""
_LOOK: Final = 1.0
"""Seconds after which a lease is looked at, though nobody said that it has ended: its holder may have died."""


class FarRequest(Request):
    """A request that asks far once before it is judged, and stores far what its loader brings."""

    __slots__ = ("_bytes", "_entry", "_far", "_forced", "_leader", "_ran", "_there", "_value")

    _cache: FarCache  # type: ignore[misc]

    def __init__(self, cache: FarCache, key: Any, call: Call, *, background: bool = False) -> None:
        super().__init__(cache, key, call, background=background)
        self._far: Final = cache
        self._bytes: Final = encode_key(key)
        self._entry: FarEntry | None = None
        self._value: Any = MISSING
        self._leader: Leader | Flight | None = None
        self._forced = self._ran = False
        # The version of what lies far, readable or not.
        self._there: int | None = None

    # --- where the value is ---

    def prepare(self) -> None:
        drive(self._far._port, self._find())

    async def aprepare(self) -> None:
        await adrive(self._far._port, self._find())

    def _find(self) -> Operation[None]:
        """Reads the entry, which the rest then judges."""
        yield from self._far._settled()
        now, ticket = self._far._wall(), self._far._near.ticket(self.key)
        self._set_entry((yield ("get", self._bytes, now)))
        if self._budget.mode == "bypass":
            return
        if self._entry is None or self._entry.stale:
            self._far._missed(self.key)
        else:
            self._far._found(self.key, self._value)
            if self._call.found is not None:
                self._call.found()
            self._far._near.keep(self.key, self._value, self._entry, now, ticket, self._due(self._entry))

    def _set_entry(self, entry: FarEntry | None) -> None:
        self._entry, self._value = entry, MISSING
        self._there = None if entry is None else entry.version
        if entry is not None:
            try:
                self._value = self._far._codec.unpack(entry)
            except CacheSerializationError as error:
                self._far._unreadable(self.key, error)
                self._entry = None

    def _sight(self) -> tuple[Any, float | None, float | None, int, bool] | None:
        entry, now = self._entry, self._far._wall()
        if entry is None or (entry.expires is not None and now >= entry.expires):
            return None
        left = None if entry.fresh_until is None else entry.fresh_until - now
        early = self._early(entry, now, fresh=left is None or left > 0)
        return self._value, left, early, entry.version, entry.soft

    def _early(self, entry: FarEntry, now: float, *, fresh: bool) -> float | None:
        """Seconds until a refresh is due, or until a load may be tried again."""
        retry = self._far._retries.get(self._bytes)
        if retry is not None and retry > now:
            return retry - now
        due = self._due(entry) if fresh else None
        return None if due is None else due - now

    def _due(self, entry: FarEntry) -> float | None:
        return self._far._due(self.key, entry, self._options.refresh_at)

    def _claim(self) -> bool:
        return True  # one flight in this process, one lease among all

    def _rearm(self, after: float) -> None:
        remember(self._far._retries, self._bytes, self._far._wall() + after)

    def led_by(self, leader: Leader | Flight) -> None:
        self._leader = leader

    def renewal(self) -> FarRequest:
        self._forced = True
        return self

    def again(self) -> FarRequest:
        request = cast("FarRequest", super().again())
        request._entry, request._value, request._there = self._entry, self._value, self._there
        return request

    def fallback(self, error: BaseException, *, failed: bool = True) -> Any | Absent:
        if self._far._port.coherent:
            # It may have been invalidated while the loader ran, here or elsewhere.
            self._set_entry(self._far._port.call("get", self._bytes, self._far._wall()))
        return super().fallback(error, failed=failed)

    # --- the load ---

    def look(self) -> Any | Absent:
        """What this process has kept meanwhile; what others did is looked at when the lease is held."""
        value = MISSING if self.background or self._forced else self._far._near.look(self.key)
        return ABSENT if value is MISSING else value

    def begin(self) -> Callable[[], Any | Awaitable[Any]]:
        return partial(adrive if self.awaits else drive, self._far._port, self._loaded())

    def _loaded(self) -> Operation[Any]:
        """What another process has loaded meanwhile, or what the loader makes, stored."""
        far = self._far
        lease = None
        if self._budget.mode == "normal" and far._port.leases:
            lease = yield from self._leased()
            if isinstance(lease, tuple):
                return lease[0]
        stored = False
        try:
            self._ran = True
            value = yield (CALL, Request.begin(self))
            if self._options.refresh_at == AUTO:
                remember(far._took, self._bytes, self.now() - self._since)
            if self._budget.mode == "normal" and (lease is not None or self._valid()):
                stored = yield from self._store_far(value, lease)
            return value
        finally:
            if lease is not None:
                held = (os.getpid(), self._bytes)
                if far._held.get(held) is lease:
                    far._held.pop(held, None)
                if not stored and not far.closed:
                    yield ("release", self._bytes, lease, far._wall())

    def _valid(self) -> bool:
        return self._leader is None or self._leader.valid

    def _leased(self) -> Operation[Any]:
        """The right to load the key, or ``(value,)`` that another process, which had it, has stored."""
        far, pause = self._far, _GLANCE[0]
        held, seen = (os.getpid(), self._bytes), self._seen[1]
        while True:
            now = far._wall()
            lease = yield ("lease", self._bytes, now + _LEASE, now)
            if lease is None:
                return None
            ticket = far._near.ticket(self.key)
            try:
                self._set_entry((yield ("get", self._bytes, now)))
            except BaseException:
                if lease.acquired:
                    yield ("release", self._bytes, lease, now)
                raise
            entry = self._entry
            if entry is not None and not entry.stale and entry.version != seen and not self._forced:
                if lease.acquired:
                    yield ("release", self._bytes, lease, now)
                far._near.keep(self.key, self._value, entry, now, ticket, self._due(entry))
                return (self._value,)
            if lease.acquired:
                far._held[held] = lease
                return lease
            given_up = far._held.pop(held, None)
            if given_up is not None:
                # Of a load of this process that nobody waits for any more: there is one flight for each key.
                yield ("release", self._bytes, given_up, now)
                continue
            if self.background and entry is not None:
                return (self._value,)  # somebody is at it
            if far._port.waits:
                yield ("wait", self._bytes, _LOOK)
            else:
                yield (SLEEP, pause * (0.5 + random.random()))  # noqa: S311 - it spreads looks
                pause = min(pause * 2, _GLANCE[1])

    def _store_far(self, value: Any, lease: Any) -> Operation[bool]:
        """Writes what was loaded, unless it was invalidated meanwhile; whether the lease ended with that.

        A lease is what the store knows of that: it ends with whatever is invalidated, here or elsewhere. The flight may
        be invalid only because this process was told of its own writes.
        """
        terms = self._terms(value)
        if terms is None:
            return False
        ttl, options = terms
        # Without a lease, what was written since it was looked at is newer.
        unchanged = {"mode": "add"} if self._there is None else {"version": self._there}
        conditions = unchanged if lease is None else {"lease": lease}
        try:
            stored = yield from self._far._store(self.key, value, ttl, options, **conditions)
        except CacheClosedError:
            return False  # no reason for the caller not to get the value
        if stored and lease is None and not self._valid() and not self._far.closed:
            yield ("delete", self._bytes, self._far._wall())
            self._far._near.drop(self.key)
        return stored

    def _terms(self, value: Any) -> tuple[Any, dict[str, Any]] | None:
        """The ttl and the options to write `value` with; None if it is not to be kept."""
        options, context = self._options, self._context
        if context is not None and not context._kept:
            return None
        if options.store_if is not None and not options.store_if(value):
            return None
        ttl = options.ttl if context is None or context.ttl is DEFAULT else context.ttl
        if callable(ttl):
            ttl = ttl(value)
        tags = self._tags()
        if self._lease is not None and not self._lease.holds(tags):
            return None
        names = ("stale", "stale_on_error", "jitter", "priority", "refresh_at")
        given = {name: kept for name in names if (kept := getattr(options, name)) is not DEFAULT}
        return ttl, {**given, "tags": tags}

    def store(self, value: Any, /) -> bool:
        """It is stored already; who listens is told."""
        far = self._far
        if self._ran and far._events.has("load"):
            far._events.emit(CacheEvent("load", far.name, self.key, value))
        return False

    def discard(self, value: Any, /) -> None:
        """What is stored far went when the key was invalidated."""

    def failed(self, error: BaseException, _valid: Callable[[], bool], /) -> None:
        super().failed(error, lambda: False)  # an exception cannot leave the process, and so is not kept
