"""``Service``: what operators do with caches, done in this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .._definitions import define
from .._far.cache import FarCache
from .._metrics import Reading
from .._omnicache import parse_duration
from .._places import entries_directory
from .._sentinels import DEFAULT
from ..exceptions import CacheBackendError, CacheError, CacheTimeoutError, MissingKeyError
from ..prometheus import text_of as metrics_text
from .arguments import checking, limit_of, pattern_of, put_arguments, put_options, tags_of, unknown
from .confined import check_confined
from .entries import entry_of, page_of, view_of
from .errors import InvalidInput, describe
from .keytext import key_of
from .management import DEFAULT_LIMIT, Management
from .models import BulkItem, BulkResult, CacheView, EntryView, Page, StatisticsView, Why
from .redact import settings_of, without_secrets
from .sources import Held, Sources
from .why import why

if TYPE_CHECKING:
    from .._definitions import Definitions
    from ..cache import Cache

__all__ = ["Service"]

_DOWN: Final = (CacheBackendError, CacheTimeoutError)
_CONFIG: Final = (
    *("name", "strategy", "max_size", "max_bytes", "default_ttl", "namespace", "backend", "backend_config"),
    *("default_idle", "copy", "serializer", "compression", "fallback", "on_error", "on_serialization_error"),
    *("stale", "stale_on_error", "retry_after", "refresh_at", "timeout", "jitter", "priority"),
)


class Service(Management):
    """Does it with the living caches of this process, and with those of a registry file.

    Args:
        definitions: The registry file; None for none. What is only defined is opened when it is asked for, and closed
            by :meth:`close`. New caches are defined there; without it they are made in this process, and live as long
            as the service.
        live: Whether the living caches of this process are seen.
        memory: Whether caches in memory that are only defined are opened here. Another process would not see them.
        confined: Caches that are made have their files below the directory of the registry file, and nothing that runs
            code on what it reads: what who asks over a network may have.
    """

    def __init__(
        self,
        definitions: Definitions | None = None,
        *,
        live: bool = True,
        memory: bool = True,
        confined: bool = False,
    ) -> None:
        self._sources: Final = Sources(definitions, live=live, memory=memory)
        self._confined: Final = confined

    def forked(self) -> None:
        """To be called in a child after a fork, before anything else."""
        self._sources.forked()

    # --- caches ---

    def caches(self, namespace: str | None = None) -> list[CacheView]:
        """As :meth:`Management.caches`. One that cannot be reached is listed without its number of entries."""
        return [self._listed(held) for held in self._sources.all(namespace)]

    def cache(self, name: str) -> CacheView:
        """As :meth:`Management.cache`."""
        return self._listed(self._sources.find(name))

    def _listed(self, held: Held) -> CacheView:
        try:
            return self._view(held, self._sources.open(held))
        except CacheError:
            if held.definition is None:
                raise
            return _of_definition(held)

    def _view(self, held: Held, cache: Cache) -> CacheView:
        try:
            count: int | None = cache.stats().entry_count
        except _DOWN:
            count = None
        definition = held.definition
        defined = None if definition is None else definition.created_at
        return CacheView(
            name=cache.name,
            strategy=cache.strategy.name or "custom",
            max_size=cache.max_size,
            default_ttl=cache.default_ttl,
            namespace=cache.namespace,
            entry_count=count,
            created_at=cache.created_at if definition is None else defined,
            status="degraded" if count is None else cache.status,
            backend=cache.backend.name,
            max_bytes=cache.max_bytes,
            backend_config=settings_of(cache.backend),
            source="live" if definition is None else "defined",
        )

    def create(self, config: Mapping[str, Any]) -> CacheView:
        """As :meth:`Management.create`."""
        if not isinstance(config, Mapping):
            raise InvalidInput(f"cache: an object with a name, not {type(config).__name__}")
        unknown(config, _CONFIG, "cache")
        options = {name: value for name, value in config.items() if value is not None}
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise InvalidInput("cache: name: is needed, as text")
        definitions = self._sources.definitions
        with checking():
            backend, settings = _backend_of(options)
            definition = define(
                name,
                namespace=options.pop("namespace", None),
                backend=backend or ("memory" if definitions is None else "filesystem"),
                backend_config=settings,
                directory=None if definitions is None else definitions.directory,
                **options,
            )
        if self._confined:
            check_confined(definition.config, entries_directory() if definitions is None else definitions.directory)
        if definitions is None:
            return self._listed(self._sources.make(definition))
        held = self._sources.define(definition)
        return self._listed(held)

    def delete(self, name: str) -> None:
        """As :meth:`Management.delete`."""
        self._sources.end(self._sources.find(name))

    # --- one entry ---

    def _open(self, name: str) -> Cache:
        return self._sources.open(self._sources.find(name))

    def entry(self, name: str, key: str, *, count: bool = True) -> EntryView:
        """As :meth:`Management.entry`."""
        cache, wanted = self._open(name), key_of(key)
        entry = entry_of(cache, wanted, count=count)
        if entry is None:
            _reachable(cache)
            raise MissingKeyError(key, cache.name)
        return view_of(entry)

    def put(
        self,
        name: str,
        key: str,
        value: Any,
        ttl: Any = DEFAULT,
        tags: Iterable[str] = (),
        priority: float | None = None,
    ) -> EntryView:
        """As :meth:`Management.put`."""
        return self._put(self._open(name), key_of(key), value, put_options(ttl, tags, priority), key)

    def _put(self, cache: Cache, key: Any, value: Any, options: dict[str, Any], text: str) -> EntryView:
        with checking():
            cache.set(key, value, **options)
        entry = entry_of(cache, key, count=False)
        if entry is None:
            _reachable(cache)
            raise InvalidInput(
                f"entry {text[:60]!r}: it was not kept: it is heavier than the cache {cache.name!r} may be, or its "
                "time is over already"
            )
        return view_of(entry)

    def remove(self, name: str, key: str) -> None:
        """As :meth:`Management.remove`."""
        cache = self._open(name)
        if not cache.delete(key_of(key)):
            _reachable(cache)
            raise MissingKeyError(key, cache.name)

    # --- many entries ---

    def entries(
        self,
        name: str,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page:
        """As :meth:`Management.entries`. A value longer than 64 KiB is described; :meth:`entry` has it whole."""
        wanted, glob = tags_of(tags, optional=True), pattern_of(pattern)
        if cursor is not None and not isinstance(cursor, str):
            raise InvalidInput(f"cursor: text, not {type(cursor).__name__}")
        cache = self._open(name)
        page = page_of(cache, glob, wanted, limit_of(limit), cursor)
        if not page.entries:
            _reachable(cache)
        return page

    def bulk_put(self, name: str, entries: Iterable[Mapping[str, Any]], default_ttl: Any = DEFAULT) -> BulkResult:
        """As :meth:`Management.bulk_put`."""
        if isinstance(entries, str | Mapping) or not isinstance(entries, Iterable):
            raise InvalidInput(f"entries: a list of objects, not {type(entries).__name__}")
        put_options(default_ttl, (), None)
        cache = self._open(name)
        return _summed(self._put_row(cache, at, row, default_ttl) for at, row in enumerate(entries))

    def _put_row(self, cache: Cache, at: int, row: Any, default_ttl: Any) -> BulkItem:
        text = row.get("key") if isinstance(row, Mapping) else None
        text = text if isinstance(text, str) else f"#{at}"
        try:
            key, value, options = put_arguments(row, default_ttl)
            self._put(cache, key, value, options, text)
        except CacheError as error:
            return BulkItem(text, "failure", describe(error))
        return BulkItem(text, "success")

    def bulk_delete(
        self,
        name: str,
        keys: Iterable[str] | None = None,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> BulkResult:
        """As :meth:`Management.bulk_delete`."""
        wanted, glob = tags_of(tags, optional=True), pattern_of(pattern)
        if keys is None and glob is None and wanted is None:
            raise InvalidInput("bulk delete: give keys, a pattern or tags")
        if keys is not None and (isinstance(keys, str | Mapping) or not isinstance(keys, Iterable)):
            raise InvalidInput(f"keys: a list of text, not {type(keys).__name__}")
        cache = self._open(name)
        result = _summed(self._remove_row(cache, key) for key in keys or ())
        if glob is None and wanted is None:
            return result
        with checking():
            gone = cache.delete_many(pattern=glob, tags=wanted)
        if not gone:
            _reachable(cache)
        return BulkResult(result.success_count + gone, result.failure_count, result.results)

    def _remove_row(self, cache: Cache, key: Any) -> BulkItem:
        text = key if isinstance(key, str) else repr(key)[:60]
        try:
            if cache.delete(key_of(key)):
                return BulkItem(text, "success")
            _reachable(cache)
            return BulkItem(text, "failure", "there is no entry under this key")
        except CacheError as error:
            return BulkItem(text, "failure", describe(error))

    def clear(self, name: str, pattern: str | None = None, tags: Iterable[str] | None = None) -> int:
        """As :meth:`Management.clear`."""
        wanted, glob = tags_of(tags, optional=True), pattern_of(pattern)
        cache = self._open(name)
        with checking():
            gone = cache.clear(pattern=glob, tags=wanted)
        if not gone:
            _reachable(cache)
        return gone

    # --- looking ---

    def statistics(self, name: str) -> StatisticsView:
        """As :meth:`Management.statistics`.

        Of a cache that is only defined, reads and removals are those of all processes since its files were made, where
        the backend counts them.
        """
        held = self._sources.find(name)
        return StatisticsView.of(self._told(held, self._sources.open(held)))

    def _told(self, held: Held, cache: Cache) -> dict[str, Any]:
        """The statistics by name, all there are."""
        stats = cache.stats().as_dict()
        if held.definition is not None:
            stats |= _counted_by_all(cache)
            if held.definition.created_at is not None and isinstance(cache, FarCache):
                stats["last_reset"] = held.definition.created_at
        return {"cache_name": cache.name, "namespace": cache.namespace, **stats}

    def why(self, name: str, key: str) -> Why:
        """As :meth:`Management.why`."""
        return why(self._open(name), key_of(key), key)

    def readings(self) -> list[Reading]:
        """What can be measured of every cache; one that cannot be reached has no statistics."""
        return [self._reading(held) for held in self._sources.all()]

    def _reading(self, held: Held) -> Reading:
        try:
            cache = self._sources.open(held)
            stats = self._told(held, cache)
        except CacheError:
            return Reading(held.name, held.namespace)
        return Reading(
            held.name,
            held.namespace,
            strategy=cache.strategy.name or "custom",
            backend=cache.backend.name,
            statistics=stats,
            max_size=cache.max_size,
            max_bytes=cache.max_bytes,
        )

    def metrics(self) -> str:
        """As :meth:`Management.metrics`."""
        return metrics_text(self.readings())

    def close(self) -> None:
        """As :meth:`Management.close`. Living caches that others made stay open."""
        self._sources.close()


def _backend_of(options: dict[str, Any]) -> tuple[str | None, Mapping[str, Any] | None]:
    """The kind or address of the backend, and its settings, taken from `options`."""
    backend, settings = options.pop("backend", None), options.pop("backend_config", None)
    if backend is not None and not isinstance(backend, str):
        raise InvalidInput(f"backend: a kind or an address, as text, not {type(backend).__name__}")
    if settings is None:
        return backend, None
    if not isinstance(settings, Mapping):
        raise InvalidInput(f"backend_config: an object, not {type(settings).__name__}")
    settings = dict(settings)
    kind = settings.pop("type", None)
    if kind is not None and not isinstance(kind, str):
        raise InvalidInput(f"backend_config: type: text, not {type(kind).__name__}")
    if None not in {kind, backend} and kind != backend:
        raise InvalidInput(f"backend: {backend!r:.60} and the type {kind!r:.60} in backend_config are not the same")
    return backend or kind, settings or None


def _of_definition(held: Held) -> CacheView:
    """A cache that cannot be opened now, as far as its definition tells."""
    definition = held.definition
    assert definition is not None  # noqa: S101 - who calls has looked
    config = definition.config
    strategy = config.get("strategy", "lru")
    table = strategy if isinstance(strategy, Mapping) else {"type": strategy}
    ttl = config.get("default_ttl", table.get("default_ttl"))
    return CacheView(
        name=held.name,
        strategy=str(table.get("type", "custom")),
        max_size=config.get("max_size", table.get("max_size")),
        default_ttl=None if ttl is None else parse_duration(ttl),
        namespace=held.namespace,
        entry_count=None,
        created_at=definition.created_at,
        status="shutdown" if definition.backend == "memory" else "degraded",
        backend=definition.backend,
        max_bytes=config.get("max_bytes", table.get("max_bytes")),
        backend_config=_settings(config.get("backend", "memory")),
        source="defined",
    )


def _settings(backend: Any) -> dict[str, Any]:
    shown: dict[str, Any] = without_secrets(backend if isinstance(backend, Mapping) else {"url": backend})
    return shown


def _counted_by_all(cache: Cache) -> dict[str, Any]:
    """What the store itself counted, whichever process read or wrote."""
    if not isinstance(cache, FarCache) or cache._port.degraded:
        return {}
    counted: Mapping[str, int] = cache._port.call("stats", cache._wall())
    if "hits" not in counted:
        return {}
    hits, misses = counted["hits"], counted["misses"]
    return {
        "hit_count": hits,
        "miss_count": misses,
        "hit_rate": hits / (hits + misses) if hits + misses else 0.0,
        "eviction_count": counted.get("evictions", 0),
        "expiration_count": counted.get("expirations", 0),
    }


def _reachable(cache: Cache) -> None:
    """Raises if nothing was found only because the backend is down and nothing stands in for it."""
    if isinstance(cache, FarCache) and cache._port.degraded and cache._port.fallback is None:
        raise CacheBackendError(f"cache {cache.name!r}: its backend cannot be reached")


def _summed(items: Iterable[BulkItem]) -> BulkResult:
    rows = tuple(items)
    failed = sum(row.status == "failure" for row in rows)
    return BulkResult(len(rows) - failed, failed, rows)
