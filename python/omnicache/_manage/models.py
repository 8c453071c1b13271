"""What operators see: caches, entries, statistics and results, as plain data that JSON can carry."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from ..exceptions import CacheBackendError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "BulkItem",
    "BulkResult",
    "CacheView",
    "EntryView",
    "ErrorView",
    "Page",
    "StatisticsView",
    "Status",
    "TagView",
    "View",
    "Why",
]

Status: TypeAlias = Literal["active", "degraded", "maintenance", "shutdown"]


class View:
    """The base of all that is here: to and from what JSON can carry. Moments are ISO 8601, in UTC."""

    __slots__ = ()
    _moments: ClassVar[tuple[str, ...]] = ()
    _nested: ClassVar[dict[str, type[View]]] = {}

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type] # a dataclass

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """What :meth:`as_dict` gave, perhaps of a newer version, which may say more.

        Raises:
            CacheBackendError: It is not that.
        """
        if not isinstance(data, dict):
            raise CacheBackendError(f"the server answered with something that is no {cls.__name__}")
        made: dict[str, Any] = {}
        for item in fields(cls):  # type: ignore[arg-type] # a dataclass
            if item.name not in data:
                if item.default is MISSING and item.default_factory is MISSING:
                    raise CacheBackendError(f"the server's answer is no {cls.__name__}: {item.name!r} is missing")
                continue
            value = data[item.name]
            try:
                made[item.name] = cls._read(item.name, value)
            except (TypeError, ValueError):
                raise CacheBackendError(f"the server's answer is no {cls.__name__}: {item.name!r} is wrong") from None
        return cls(**made)

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in cls._moments:
            return None if value is None else datetime.fromisoformat(value)
        if name in cls._nested or name == "tags":
            if not isinstance(value, list):
                raise TypeError
            kind = cls._nested.get(name)
            return tuple(value) if kind is None else tuple(kind.from_dict(item) for item in value)
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, View):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class CacheView(View):
    """A cache.

    Args:
        name: Its name.
        strategy: The short name of its strategy.
        max_size: The largest number of entries, None for no limit.
        default_ttl: Seconds that an entry lives, None for ever.
        namespace: Its namespace.
        entry_count: How many entries there are, None where that cannot be known now.
        created_at: When it was made or defined.
        status: How it is.
        backend: The kind of its backend: ``"memory"``, ``"filesystem"``, ``"redis"``, ``"tiered"``, ``"custom"``.
        max_bytes: The largest sum of sizes, None for no limit.
        backend_config: The settings of the backend, without secrets.
        source: ``"live"`` in the process that answers, or ``"defined"`` in its registry file.
    """

    _moments: ClassVar[tuple[str, ...]] = ("created_at",)

    name: str
    strategy: str
    max_size: int | None
    default_ttl: float | None
    namespace: str
    entry_count: int | None
    created_at: datetime | None
    status: Status
    backend: str
    max_bytes: int | None = None
    backend_config: dict[str, Any] = field(default_factory=dict)
    source: Literal["live", "defined"] = "live"

    @property
    def ref(self) -> str:
        """What names it and no other: ``"namespace:name"``."""
        return f"{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True)
class EntryView(View):
    """An entry.

    Args:
        key: Its key as text, see :mod:`omnicache._manage.keytext`.
        value: Its value if JSON has it exactly, else ``{"type": ..., "repr": ...}``.
        ttl: Seconds it was given to live, None for ever.
        expires_at: When it ends, None for never.
        access_count: How many reads found it; 0 where the store does not count that.
        last_accessed: When it was last read or written.
        created_at: When it was first written.
        size_bytes: Its weight.
        tags: Its tags.
        priority: From 0 to 1.
        value_is_json: Whether `value` is the value itself.
        version: Another number after every write.
    """

    _moments: ClassVar[tuple[str, ...]] = ("expires_at", "last_accessed", "created_at")

    key: str
    value: Any
    ttl: float | None
    expires_at: datetime | None
    access_count: int
    last_accessed: datetime | None
    created_at: datetime | None
    size_bytes: int
    tags: tuple[str, ...]
    priority: float
    value_is_json: bool = True
    version: int = 0


@dataclass(frozen=True, slots=True)
class StatisticsView(View):
    """The statistics of a cache; the names are those of :class:`omnicache.Statistics`."""

    _moments: ClassVar[tuple[str, ...]] = ("last_reset",)

    cache_name: str
    hit_count: int
    miss_count: int
    hit_rate: float
    eviction_count: int
    error_count: int
    total_size_bytes: int
    entry_count: int
    avg_access_time_ms: float
    backend_status: Literal["connected", "degraded", "disconnected"]
    last_reset: datetime | None
    namespace: str = "default"
    set_count: int = 0
    delete_count: int = 0
    expiration_count: int = 0
    load_count: int = 0
    load_error_count: int = 0
    stale_served_count: int = 0
    coalesced_count: int = 0
    disk_size_bytes: int | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """What is told, without what a view does not know."""
        return cls(**{item.name: told[item.name] for item in fields(cls) if item.name in told})


@dataclass(frozen=True, slots=True)
class Page(View):
    """Some entries, and where the next ones begin.

    Args:
        entries: The entries, in the order of their keys.
        next_cursor: What to ask with for the next page; None after the last one.
    """

    _nested: ClassVar[dict[str, type[View]]] = {"entries": EntryView}

    entries: tuple[EntryView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class BulkItem(View):
    """What became of one of many: ``"success"``, or ``"failure"`` and why."""

    key: str
    status: Literal["success", "failure"]
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """All of it; `error` only if there is one."""
        found: dict[str, Any] = {"key": self.key, "status": self.status}
        return found if self.error is None else {**found, "error": self.error}


@dataclass(frozen=True, slots=True)
class BulkResult(View):
    """What became of many. Entries that a pattern or a tag removed are counted, not named."""

    _nested: ClassVar[dict[str, type[View]]] = {"results": BulkItem}

    success_count: int
    failure_count: int
    results: tuple[BulkItem, ...] = ()


@dataclass(frozen=True, slots=True)
class TagView(View):
    """A tag of an entry.

    Args:
        name: The tag.
        generation: Entries that were written before this generation are invalidated; None where that is not told.
        written_in: The generation in which this one was written.
    """

    name: str
    generation: int | None = None
    written_in: int | None = None


@dataclass(frozen=True, slots=True)
class Why(View):
    """Why a key is answered as it is.

    Args:
        key: The key as text.
        found: Whether anything is kept under it, be it old.
        state: ``"fresh"``, ``"stale"`` (may still be served, or stand in), ``"absent"``.
        read_now: What a read would do now, in words.
        tier: Where the answer comes from: ``"memory"``, ``"near"``, ``"far"``, ``"fallback"``; None if there is none.
        backend: The kind of the backend.
        age: Seconds since it was written.
        ttl: Seconds it was given to live, None for ever.
        remaining: Seconds it is still fresh, None for ever; negative once it is stale.
        size_bytes: Its weight.
        access_count: How many reads found it.
        tags: Its tags.
        priority: From 0 to 1.
        loading: Whether a load of it runs in the process that answers.
        expires_at: When it ends, None for never.
    """

    _moments: ClassVar[tuple[str, ...]] = ("expires_at",)
    _nested: ClassVar[dict[str, type[View]]] = {"tags": TagView}

    key: str
    found: bool
    state: Literal["fresh", "stale", "absent"]
    read_now: str
    tier: str | None
    backend: str
    age: float | None = None
    ttl: float | None = None
    remaining: float | None = None
    size_bytes: int | None = None
    access_count: int | None = None
    tags: tuple[TagView, ...] = ()
    priority: float | None = None
    loading: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErrorView(View):
    """An error, as every surface shows it."""

    _moments: ClassVar[tuple[str, ...]] = ("timestamp",)

    error: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
