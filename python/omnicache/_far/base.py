"""What every part of a far cache builds on: its stores, its codec, and what it counts and tells."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .._events import CacheEvent
from .._logged import logged
from .._options import AUTO
from .._sentinels import DEFAULT, MISSING
from .._watch import Label
from ..backends import FileSystemBackend, RedisBackend, StoreBackend, TieredBackend, backend_from
from ..cache import Cache
from ..exceptions import CacheConfigError, CacheSerializationError
from ..serializers import Compression
from ..strategies import CustomStrategy
from .arguments import encoded
from .behind import Behind
from .codec import Codec
from .custom import CustomPort
from .drive import WAIT, Operation
from .files import FilePort
from .guard import Guard, Lease
from .near import Near
from .redis import RedisPort
from .terms import Written, refresh_due

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._logged import LogEvent
    from .._omnicache import FarEntry
    from .._options import Options
    from ..backends import Backend
    from ..strategies import Strategy
    from .drive import Port

__all__ = ["FarBase", "refuse", "remember"]

_MOST_NOTES: Final = 10_000
_log: Final = logging.getLogger("omnicache")


class FarBase(Cache):
    """A cache with a far store, and what is near if it is tiered."""

    __slots__ = (
        "_baseline",
        "_behind",
        "_codec",
        "_held",
        "_most",
        "_near",
        "_plain",
        "_port",
        "_retries",
        "_skips",
        "_took",
    )

    _shared: ClassVar[bool] = True
    _baseline: dict[str, int]
    _behind: Behind | None
    _codec: Codec
    _near: Near
    _port: Guard
    _held: dict[tuple[int, bytes], Lease]
    _most: dict[str, int]
    _plain: tuple[Options, Any, Written]
    _retries: dict[bytes, float]
    _took: dict[bytes, float]
    _skips: bool

    # --- making it ---

    def _connect(  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] # called in one place
        self,
        *,
        serializer: Any,
        compression: Any,
        fallback: Any,
        on_error: str = "degrade",
        on_serialization_error: str = "raise",
    ) -> None:
        if on_error not in {"degrade", "raise"}:
            raise CacheConfigError(f'on_error: "degrade" or "raise", not {on_error!r}')
        if on_serialization_error not in {"skip", "raise"}:
            raise CacheConfigError(f'on_serialization_error: "skip" or "raise", not {on_serialization_error!r}')
        self._codec = Codec(serializer, _compression(compression))
        self._skips = on_serialization_error == "skip"
        # The leases of loads under way, by process and key; when a load may be tried again; how long the last one took.
        self._held, self._retries, self._took = {}, {}, {}
        backend = self._backend
        tiered = backend if isinstance(backend, TieredBackend) else None
        far = backend if tiered is None else tiered.far
        self._check_limits(self._strategy)
        self._port = Guard(
            self._open_port(far),
            label=Label(self._namespace, self._name, far.name),
            fallback=None if fallback is None else self._open_port(backend_from(fallback)),
            raises=on_error == "raise",
            now=self._now,
            wall=self._wall,
            told=self._hear,
            back=self._back,
        )
        self._near = Near(self, self._port, tiered)
        for port in self._ports():
            # What was cancelled is done later than anything here could expect.
            port.late = self._near.clear
        self._most = {}
        # The options of the last write that said nothing but a ttl, that ttl, and the terms that they make.
        self._plain = self._options, DEFAULT, Written.of(self._options, None, self._codec.serializer)
        self._behind = (
            Behind(self._port, tiered.queue_size) if tiered is not None and tiered.write == "behind" else None
        )
        self._baseline = self._counted_far()

    def _set_freshness(self, given: Options, *, ttl: Any, idle: Any) -> None:
        if idle is not DEFAULT and idle is not None:
            given = replace(given, idle=idle)
        refuse(given)
        super()._set_freshness(given, ttl=ttl, idle=idle)

    def _check_limits(self, strategy: Strategy) -> None:
        """Raises for limits that nothing would hold."""
        far = self._backend
        if isinstance(far, TieredBackend):
            return  # they are the near store's
        if isinstance(strategy, CustomStrategy) or self._sizer is not None:
            what = "sizer" if self._sizer is not None else "strategy: one of your own"
            raise CacheConfigError(
                f"cache {self._name!r}: {what} is for entries in memory; use a built-in one, or a TieredBackend"
            )
        if isinstance(far, (RedisBackend, StoreBackend)) and (
            strategy.max_size is not None or strategy.max_bytes is not None
        ):
            raise CacheConfigError(
                f"cache {self._name!r}: max_size and max_bytes: {type(far).__name__} limits itself; a cache of its "
                "entries cannot. Leave them out, or use a TieredBackend, whose near store they limit"
            )

    def _open_port(self, backend: Backend) -> Port:
        if isinstance(backend, FileSystemBackend):
            max_bytes, max_entries = self._limits_of(backend)
            port = FilePort(
                backend.directory / self._namespace / self._name,
                max_bytes=max_bytes,
                max_entries=max_entries,
                durability=backend.durability,
                timeout=backend.timeout,
            )
            if port.store.set_aside is not None:
                path, reason = port.store.set_aside
                text = "cache %r: its file could not be used and lies in %s: %s"
                _log.warning(text, self._name, path, reason, extra=self._logged("file_set_aside"))
            return port
        if isinstance(backend, RedisBackend):
            return RedisPort(backend, self._namespace, self._name)
        if isinstance(backend, StoreBackend):
            return CustomPort(backend, f"{self._namespace}:{self._name}")
        raise CacheConfigError(f"fallback: a backend outside the objects of this process, not {type(backend).__name__}")

    def _limits_of(self, backend: FileSystemBackend) -> tuple[int | None, int | None]:
        """What the files may hold: what their backend says, and the cache, unless that limits what is near."""
        if isinstance(self._backend, TieredBackend):
            return backend.max_bytes, None
        both = [limit for limit in (backend.max_bytes, self.max_bytes) if limit is not None]
        return min(both, default=None), self.max_size

    def _use(self, strategy: Strategy) -> None:
        if not hasattr(self, "_port"):
            super()._use(strategy)  # it is being made
            return
        self._check_limits(strategy)
        super()._use(strategy)
        if isinstance(self._backend, FileSystemBackend):
            self._port.primary.call("limit", *self._limits_of(self._backend), self._wall())

    def configure(self, **changes: Any) -> None:
        """As :meth:`Cache.configure`."""
        self._open("configure")
        limits = {name: changes[name] for name in ("max_size", "max_bytes") if name in changes}
        if limits:
            self._check_limits(self._strategy.with_limits(**limits))
        super().configure(**changes)

    def _hear(self, error: Exception, opened: bool) -> None:
        """A store failed; that a load which outlives the cache finds it closed is no failure."""
        if self.closed:
            return
        what = "the backend, which is left alone for a while," if opened else "the backend"
        self._events.failed(self._name, None, error, what, "backend_failed")

    def _back(self) -> None:
        """The store answers again; what was kept here meanwhile others have not seen."""
        _log.warning("cache %r: the backend is back", self._name, extra=self._logged("backend_back"))
        self._near.clear()

    def _logged(self, event: LogEvent) -> dict[str, Any]:
        return logged(event, cache=self._name, namespace=self._namespace)

    def _ports(self) -> list[Port]:
        return [port for port in (self._port.primary, self._port.fallback) if port is not None]

    # --- what happened ---

    def _found(self, key: Any, value: Any) -> None:
        """A read was answered far."""
        self._count_far(hits=1)
        if self._events.has("hit"):
            self._events.emit(CacheEvent("hit", self._name, key, value))

    def _missed(self, key: Any) -> None:
        """A read was not answered."""
        if self._events.has("miss"):
            self._events.emit(CacheEvent("miss", self._name, key))

    def _tell_set(self, key: Any, value: Any) -> None:
        self._count_far(sets=1)
        if self._events.has("set"):
            self._events.emit(CacheEvent("set", self._name, key, value))

    def _tell_removed(self, key: Any, entry: FarEntry) -> None:
        """An entry was removed on request."""
        value = self._value_of(key, entry)
        if value is not MISSING:
            self._events.emit(CacheEvent("delete", self._name, key, value))

    def _due(self, key: Any, entry: FarEntry, part: Any) -> float | None:
        """From when on a hit may start a refresh; with ``"auto"`` known where the value was loaded."""
        took = self._took.get(encoded(key)) if part == AUTO else None
        return refresh_due(part, entry.created, entry.fresh_until, took)

    def _value_of(self, key: Any, entry: FarEntry) -> Any:
        """The value of an entry; MISSING, counted and logged, if it cannot be read."""
        try:
            return self._codec.unpack(entry)
        except CacheSerializationError as error:
            self._unreadable(key, error)
            return MISSING

    def _unreadable(self, key: Any, error: CacheSerializationError) -> None:
        """What cannot be read is a miss that is counted and logged."""
        self._events.failed(self._name, key, error, "reading an entry", "entry_unreadable")

    def _counted_far(self) -> dict[str, int]:
        """What the store counts, where it goes on counting from before."""
        if not getattr(self._port.primary, "counts", False):
            return {}
        counted: dict[str, int] = self._port.call("stats", self._wall())
        return {name: counted.get(name, 0) for name in ("evictions", "expirations")}

    # --- what the near store tells ---

    def _on_miss(self, key: Any) -> None:
        """There is no copy near: no event, for the entry may be far."""

    def _on_set(self, key: Any, value: Any, replaced: bool, over: bool) -> None:
        """A copy is kept near: no event, for the write is one, or there was none."""
        if self._adviser is not None:
            super()._on_set(key, value, replaced, over)

    def _on_gone(self, gone: Iterable[tuple[str, Any, Any]]) -> None:
        """A copy left the near store, which is nothing to those who listen unless it had to."""
        super()._on_gone(one for one in gone if one[0] == "evicted" or self._adviser is not None)

    # --- writes that are done soon ---

    def _settled(self) -> Operation[None]:
        """Has what is to be written behind written first, so that what is read or removed now is not older."""
        if self._behind is not None and not self._behind.settled:
            yield (WAIT, self._behind.flush)


def remember(notes: dict[bytes, float], key: bytes, number: float) -> None:
    """Notes a number for a key; of too many, the oldest is forgotten."""
    notes.pop(key, None)
    while len(notes) >= _MOST_NOTES:
        with suppress(RuntimeError):  # another thread notes something in this moment
            notes.pop(next(iter(notes), key), None)
    notes[key] = number


def refuse(options: Options) -> None:
    """Raises for what only entries in memory can have."""
    if options.idle is not DEFAULT and options.idle is not None:
        raise CacheConfigError(
            "idle: only entries in the memory of the process can end for want of use; give a ttl instead"
        )
    if options.errors is not DEFAULT and options.errors:
        raise CacheConfigError(
            "errors: an exception cannot leave the process, and so is not kept; leave it out, or use a cache in memory"
        )


def _compression(given: Any) -> Compression | None:
    if given is DEFAULT or given is True:
        return Compression()
    if given is None or given is False:
        return None
    if not isinstance(given, Compression):
        raise CacheConfigError(f"compression: a Compression, True, or None, not {type(given).__name__}")
    return given
