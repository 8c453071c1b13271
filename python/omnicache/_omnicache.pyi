"""The compiled engine.

Use it through :class:`omnicache.Cache` and :func:`omnicache.cached`; what begins with ``_`` is between the package and
its engine. Long because a compiled module is one module, with one stub.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, Protocol, Self, TypeAlias, TypeVar, final, overload

from typing_extensions import disjoint_base

from ._sentinels import DefaultType, MissingType
from ._types import Duration, Ttl

__all__ = [
    "AGAIN",
    "DONE",
    "FAILED",
    "CachedCall",
    "CachedError",
    "Core",
    "FarEntry",
    "FarLease",
    "FarTerms",
    "FileStore",
    "Flight",
    "Flights",
    "KeyPart",
    "Leader",
    "ManualClock",
    "NativeCodec",
    "RedisStore",
    "Wait",
    "Waiter",
    "__version__",
    "_plain_fold",
    "_plain_hash",
    "_plain_same",
    "add_need",
    "add_wait",
    "compress",
    "decode_key",
    "decompress",
    "drop_token",
    "encode_key",
    "find_token",
    "flights_forked",
    "install",
    "install_call",
    "install_far",
    "json_dumps",
    "json_loads",
    "keep_token",
    "key_text",
    "match_keys",
    "new_flight_id",
    "pack_record",
    "parse_config",
    "parse_duration",
    "parse_file",
    "parse_sections",
    "parse_size",
    "try_wait",
    "unpack_record",
    "waits_len",
]

__version__: str

_T = TypeVar("_T")
_Number = TypeVar("_Number", int, float)

@final
class CachedError:
    """An exception that is kept in the place of a value, where ``errors=`` says so.

    A read without a loader finds nothing there; a load raises the exception again. Listings show it.

    >>> from omnicache import Cache, CachedError
    >>> def load():
    ...     raise LookupError("no such user")
    >>> with Cache("failing") as cache:
    ...     try:
    ...         cache.get_or_set("user:1", load, errors={LookupError: "10s"})
    ...     except LookupError:
    ...         cache.get("user:1"), cache.entries()[0].value
    (None, CachedError(LookupError('no such user')))
    """

    def __new__(cls, error: Exception, /) -> Self: ...
    @property
    def error(self) -> Exception:
        """The exception, without its traceback."""

@disjoint_base
class Core:
    """The native base of ``Cache``: an in-process store of Python objects.

    Keys are compared by type and value. Plain ones (exactly ``str int bytes bool float None``, and tuples of these) are
    kept as they are, all others by their canonical bytes (:func:`encode_key`). Every method raises ``InvalidKeyError``
    for a key that cannot be used, naming the part of it, and ``CacheClosedError`` once the cache is closed.

    The keyword arguments of all writes:

    - ``ttl``, ``idle``, ``stale``: durations, as seconds, a ``timedelta``, or text such as ``"5m"``. ``None`` is for
      ever (for ``stale``: not at all); left out, the cache's own. ``idle`` ends an entry that was not read for so long,
      ``stale`` keeps it past its ttl for a refresh or a failing loader.
    - ``jitter``: the part of the ttl, from 0 to 1, that chance may take off.
    - ``stale_on_error``: as ``stale``; the entry is kept for the longer of the two.
    - ``refresh_at``: the part of the ttl, from 0 to 1, after which a load refreshes the value in the background.
    - ``tags``: labels for ``clear(tags=)`` and ``invalidate(tags=)``.
    - ``priority``: from 0 to 1, weighs eviction; 1 goes only when nothing else is left.

    A bad one raises ``CacheConfigError``, an unknown one ``TypeError``.
    """

    def __new__(cls, *_args: Any, **options: Any) -> Self: ...
    def __bool__(self) -> bool: ...
    def __contains__(self, key: object, /) -> bool:
        """Whether there is a fresh entry; counts as no read."""

    def __delitem__(self, key: Any, /) -> None:
        """Removes an entry; ``MissingKeyError`` (a ``KeyError``) if there is none."""

    def __getitem__(self, key: Any, /) -> Any:
        """The fresh value under `key`; ``MissingKeyError`` (a ``KeyError``) if there is none."""

    def __iter__(self) -> Iterator[Any]:
        """The keys of the fresh entries as they are now."""

    def __len__(self) -> int:
        """How many entries there are; what is over is removed first."""

    def __setitem__(self, key: Any, value: Any, /) -> None:
        """As ``set(key, value)``."""

    @overload
    def get(self, key: Any, default: None = None) -> Any: ...
    @overload
    def get(self, key: Any, default: _T) -> Any | _T:
        """The value under `key` if it is fresh, else `default`.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("read") as cache:
        ...     cache["a"] = None
        ...     cache.get("a", 0), cache.get("b", 0)
        (None, 0)
        """

    def set(
        self,
        key: Any,
        value: Any,
        ttl: Ttl = ...,
        *,
        tags: Iterable[str] = ...,
        priority: float = ...,
        idle: Ttl = ...,
        stale: Ttl = ...,
        stale_on_error: Ttl = ...,
        refresh_at: float | DefaultType | None = ...,
        jitter: float | DefaultType | None = ...,
    ) -> None:
        """Writes `value` under `key`. A value that alone weighs more than ``max_bytes`` is not kept.

        Args:
            key: The key.
            value: The value, any object.
            ttl: Seconds, a timedelta, or text such as "5m"; None for ever; left out, the cache's own.
            tags: Labels for ``clear(tags=)`` and ``invalidate(tags=)``.
            priority: From 0 to 1, weighs eviction; 1 goes only when nothing else is left.
            idle: It ends when it was not read for so long; None for never.
            stale: How long it is kept past its ttl, for a refresh or a failing loader; None for not at all.
            stale_on_error: The same; it is kept for the longer of the two.
            refresh_at: The part of the ttl, from 0 to 1, after which a load refreshes it in the background.
            jitter: The part of the ttl, from 0 to 1, that chance may take off.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("written") as cache:
        ...     cache.set("a", 1, ttl="5m", tags=["numbers"])
        ...     cache["a"], cache.entry("a").tags
        (1, ('numbers',))
        """

    def add(
        self,
        key: Any,
        value: Any,
        ttl: Ttl = ...,
        *,
        tags: Iterable[str] = ...,
        priority: float = ...,
        idle: Ttl = ...,
        stale: Ttl = ...,
        stale_on_error: Ttl = ...,
        refresh_at: float | DefaultType | None = ...,
        jitter: float | DefaultType | None = ...,
    ) -> bool:
        """Writes `value` only if there is no fresh entry; whether it did. Atomic.

        Args:
            key: The key.
            value: The value, any object.
            ttl: Seconds, a timedelta, or text such as "5m"; None for ever; left out, the cache's own.
            options: `tags`, `priority`, `idle`, `stale` and `jitter`, as for :meth:`set`.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("added-to") as cache:
        ...     cache.add("a", 1), cache.add("a", 2), cache["a"]
        (True, False, 1)
        """

    def replace(
        self,
        key: Any,
        value: Any,
        ttl: Ttl = ...,
        *,
        tags: Iterable[str] = ...,
        priority: float = ...,
        idle: Ttl = ...,
        stale: Ttl = ...,
        stale_on_error: Ttl = ...,
        refresh_at: float | DefaultType | None = ...,
        jitter: float | DefaultType | None = ...,
    ) -> bool:
        """Writes `value` only if there is a fresh entry; whether it did. Atomic.

        Args:
            key: The key.
            value: The value, any object.
            ttl: Seconds, a timedelta, or text such as "5m"; None for ever; left out, the cache's own.
            options: `tags`, `priority`, `idle`, `stale` and `jitter`, as for :meth:`set`.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("replaced") as cache:
        ...     cache["a"] = 1
        ...     cache.replace("a", 2), cache.replace("b", 2), cache["a"]
        (True, False, 2)
        """

    def delete(self, key: Any) -> bool:
        """Removes an entry; whether a fresh one was there. A load under way for `key` is not stored.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("deleted-from") as cache:
        ...     cache["a"] = 1
        ...     cache.delete("a"), cache.delete("a")
        (True, False)
        """

    @overload
    def pop(self, key: Any) -> Any: ...
    @overload
    def pop(self, key: Any, default: _T) -> Any | _T:
        """Removes an entry and returns its value; without one `default`, if it is given.

        Raises:
            MissingKeyError: There is no fresh entry, and no default; it is a KeyError.
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("popped") as cache:
        ...     cache["a"] = 1
        ...     cache.pop("a"), cache.pop("a", 0)
        (1, 0)
        """

    def touch(self, key: Any, ttl: Ttl = ...) -> bool:
        """Gives a fresh entry a new ttl, counted from now (the cache's own if none is given); whether there was one.

        Args:
            key: The key.
            ttl: Seconds, a timedelta, or text such as "5m"; None for ever.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: The ttl cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache, ManualClock
        >>> with Cache("touched", clock=ManualClock()) as cache:
        ...     cache.set("a", 1, ttl="1m")
        ...     cache.touch("a", "1h"), cache.ttl("a"), cache.touch("b", "1h")
        (True, 3600.0, False)
        """

    @overload
    def ttl(self, key: Any) -> float | MissingType | None: ...
    @overload
    def ttl(self, key: Any, default: _T) -> float | _T | None:
        """Seconds a fresh entry has left, None if it lives for ever, `default` (MISSING) if there is none.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache, ManualClock
        >>> with Cache("timed", clock=ManualClock()) as cache:
        ...     cache.set("a", 1, ttl="1m")
        ...     cache["b"] = 2
        ...     cache.ttl("a"), cache.ttl("b"), cache.ttl("c", "gone")
        (60.0, None, 'gone')
        """

    def incr(
        self,
        key: Any,
        delta: _Number = 1,
        ttl: Ttl = ...,
        *,
        tags: Iterable[str] = ...,
        priority: float = ...,
        idle: Ttl = ...,
        stale: Ttl = ...,
        stale_on_error: Ttl = ...,
        refresh_at: float | DefaultType | None = ...,
        jitter: float | DefaultType | None = ...,
    ) -> _Number:
        """Adds `delta` to the number under `key`, atomically, and returns the sum.

        An absent one counts as 0 and is written with the ttl and options given, which are those of :meth:`set`; one
        that is there keeps its life, tags and priority.

        Raises:
            TypeError: The value, or `delta`, is no int or float.
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("counters") as cache:
        ...     cache.incr("visits"), cache.incr("visits", 10), cache["visits"]
        (1, 11, 11)
        """

    def decr(
        self,
        key: Any,
        delta: _Number = 1,
        ttl: Ttl = ...,
        *,
        tags: Iterable[str] = ...,
        priority: float = ...,
        idle: Ttl = ...,
        stale: Ttl = ...,
        stale_on_error: Ttl = ...,
        refresh_at: float | DefaultType | None = ...,
        jitter: float | DefaultType | None = ...,
    ) -> _Number:
        """Takes `delta` off, as :meth:`incr` adds it.

        Raises:
            TypeError: The value, or `delta`, is no int or float.
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheConfigError: An option cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("countdown") as cache:
        ...     cache["left"] = 3
        ...     cache.decr("left"), cache.decr("left", 2)
        (2, 0)
        """

    def keys(self) -> list[Any]:
        """The keys of all fresh entries, as a list. One that is no plain builtin is shown as its canonical bytes say.

        Raises:
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("keyed") as cache:
        ...     cache["a"] = cache[("b", 1)] = 0
        ...     sorted(cache.keys(), key=str)
        [('b', 1), 'a']
        """

    def items(self) -> list[tuple[Any, Any]]:
        """(key, value) of all fresh entries, as a list. They are not counted as reads.

        Raises:
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("itemised") as cache:
        ...     cache["a"] = 1
        ...     cache.items()
        [('a', 1)]
        """

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """The values of those of `keys` that are fresh, as a dict.

        Raises:
            InvalidKeyError: A key, or a part of it, cannot be used.
            TypeError: `keys` is no iterable, or is one str or bytes.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("got-many") as cache:
        ...     cache.update(a=1, b=2)
        ...     cache.get_many(["a", "b", "c"])
        {'a': 1, 'b': 2}
        """

    def purge_expired(self) -> int:
        """Removes what is over; how many entries went. They go anyway while the cache is used.

        Raises:
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache, ManualClock
        >>> clock = ManualClock()
        >>> with Cache("purged", clock=clock) as cache:
        ...     cache.set("a", 1, ttl=5)
        ...     clock.advance(5)
        ...     cache.purge_expired(), cache.purge_expired()
        (1, 0)
        """

    @property
    def closed(self) -> bool:
        """Whether the cache is closed."""

    @property
    def default_ttl(self) -> float | None:
        """Seconds that a value lives unless the call says otherwise, `None` for ever."""

    @property
    def _created(self) -> float: ...
    @property
    def _flights(self) -> Flights: ...
    def _clear(self) -> int: ...
    def _close(self) -> None: ...
    def _coldest(self, limit: int) -> list[tuple[Any, ...]]: ...
    def _counts(self) -> dict[str, Any]: ...
    def _delete_many(
        self, keys: Iterable[Any] | None = None, pattern: str | None = None, tags: Iterable[str] | None = None
    ) -> int: ...
    def _enforce(self) -> None: ...
    def _evict(self, keys: Iterable[Any]) -> int: ...
    def _excess(self) -> int: ...
    def _invalidate(
        self,
        keys: Iterable[Any] | None = None,
        pattern: str | None = None,
        tags: Iterable[str] | None = None,
        hard: bool = False,
    ) -> None: ...
    @property
    def _by_hand(self) -> bool: ...
    def _claim(self, key: Any) -> bool: ...
    def _keep(self, key: Any, value: Any, version: int | None, ttl: Any, **options: Any) -> bool: ...
    def _now(self) -> float: ...
    def _wall(self) -> float: ...
    def _peek(self, key: Any) -> tuple[Any, bool] | None: ...
    def _rearm(self, key: Any, after: Any) -> None: ...
    def _seek(self, key: Any, absent: Any) -> Any: ...
    def _set_budgeted(self, on: bool) -> None: ...
    def _sight(self, key: Any) -> tuple[Any, float | None, float | None, int, bool] | None: ...
    def _reconfigure(self, kind: str, ageing: bool, max_size: int | None, max_bytes: int | None) -> None: ...
    def _reset_counts(self) -> None: ...
    def _generations(self, key: Any) -> list[tuple[str, int, int]]: ...
    def _row(self, key: Any) -> tuple[Any, ...] | None: ...
    def _rows(
        self, pattern: str | None = None, tags: Iterable[str] | None = None, limit: int | None = None
    ) -> list[tuple[Any, ...]]: ...
    def _set_defaults(
        self,
        *,
        ttl: Any = ...,
        idle: Any = ...,
        stale: Any = ...,
        stale_on_error: Any = ...,
        jitter: Any = ...,
        refresh_at: Any = ...,
    ) -> None: ...
    def _set_hooks(self, reads: bool, writes: bool) -> None: ...
    def _validate(self) -> None: ...

    # where what is here are copies of what lies far
    def _set_far(self, store: FileStore | RedisStore | None, /) -> None: ...
    def _followed(self) -> int: ...
    def _set_followed(self, position: int) -> None: ...
    def _ticket(self, key: Any) -> int: ...
    def _copy_read(self, key: Any, value: Any, ticket: int, ttl: Any, **options: Any) -> bool: ...
    def _copy_written(self, key: Any, value: Any, ticket: int, ttl: Any, **options: Any) -> bool: ...
    def _outdate(self, key: Any) -> None: ...
    def _outdate_all(self) -> None: ...
    def _count_far(self, *, hits: int = 0, sets: int = 0, deletes: int = 0) -> None: ...
    def _far_counts(self) -> tuple[int, int, int]: ...
    def _reset_far_counts(self) -> None: ...

def install(class_: type[Core], /) -> None:
    """Puts the native ``get``, ``set``, ``cache[k]`` and ``k in cache`` onto a class below ``Core``."""

def install_far(class_: type[Core], /) -> None:
    """Puts the native ``get`` and ``cache[k]`` onto a class below ``Core`` that has ``_read`` and ``_beyond``."""

@final
class FarEntry:
    """An entry of a far store. Times are seconds since 1970, ``None`` is never."""

    @property
    def key(self) -> bytes | None:
        """The key, where a scan found the entry."""

    @property
    def payload(self) -> bytes | None:
        """The value, unless a scan found the entry."""

    @property
    def size(self) -> int:
        """Bytes of the value."""

    @property
    def version(self) -> int:
        """Another one after every write of the value, for compare and swap."""

    @property
    def stale(self) -> bool:
        """Whether it is past ``fresh_until``, or one of its tags was softly invalidated."""

    @property
    def soft(self) -> bool:
        """Whether it was made stale on request, before its time."""

    @property
    def serializer(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def schema(self) -> bytes | None: ...
    @property
    def priority(self) -> float: ...
    @property
    def created(self) -> float: ...
    @property
    def fresh_until(self) -> float | None:
        """Fresh before this moment; that at which a tag was softly invalidated, if that came first."""

    @property
    def expires(self) -> float | None: ...
    @property
    def tags(self) -> tuple[str, ...]: ...

@final
class FarTerms:
    """Until when an entry holds, how its value was made, and its tags. Times are seconds since 1970, ``None`` is never.

    Args:
        serializer: 0 to 255; kept, as are `flags` (1: compressed, 2: signed) and `schema` (8 bytes).
        priority: 0 to 1.
        created: When it was made; when it is written, if that is not given.
        fresh_until: From when on it is stale.
        expires: From when on it is gone.
    """

    def __new__(
        cls,
        *,
        serializer: int = 0,
        flags: int = 0,
        priority: float = 0.5,
        created: float | None = None,
        fresh_until: float | None = None,
        expires: float | None = None,
        schema: bytes | None = None,
        tags: Sequence[str] = ...,
    ) -> FarTerms: ...
    def at(self, created: float, fresh_until: float | None, expires: float | None, flags: int, /) -> FarTerms:
        """The same for another entry."""

    @property
    def expires(self) -> float | None: ...
    @property
    def tags(self) -> tuple[str, ...]: ...

@final
class FarLease:
    """The answer to who asked for a lease: it is the asker's, or somebody else has it."""

    @property
    def acquired(self) -> bool: ...
    @property
    def token(self) -> int | None:
        """The number of the lease, larger than that of any earlier one, if it was acquired."""

    @property
    def generation(self) -> int | None:
        """The generation of the tags when it was acquired, for the ``set`` of what is loaded."""

    @property
    def pid(self) -> int | None:
        """The process that has it, if it was not."""

    @property
    def until(self) -> float | None:
        """When it ends at the latest, if it was not acquired; ``None`` is never."""

@final
class FileStore:
    """A store of bytes in one directory, shared by all processes of a machine: an LMDB environment.

    A read is a lookup in mapped memory and never waits; writes take turns. Every operation is atomic across processes.
    A child after a fork can go on using the object: it opens the directory for itself. An entry that is over is not
    there, whether it was removed yet or not.

    Keys and values are bytes: keys of 0 bytes to 1 MiB, values of 0 bytes to nearly 2 GiB. Times are seconds since
    1970, and `now` is always given by the caller. Whatever fails raises ``CacheBackendError``, which names the
    directory, the operation, and what to do; an argument that makes no sense raises ``ValueError``.

    Args:
        directory: Made, for its owner alone, if it is not there. One on a network file system is refused.
        durability: ``"process"``: what was written survives the end of any process, but after the machine has stopped
            without a close the store starts empty. ``"system"``: every write that returned is on the disk.
        max_bytes: Entries that were not used for longest are evicted (those with a priority under 0.5 first, those with
            1.0 last) until they weigh no more: keys, headers and values.
        max_entries: As `max_bytes`, for their number.
        map_bytes: How large the memory map of a new file is. It grows where that is not enough.
        timeout: Seconds that a write waits for others that write, of which one may be stopped or hang; then it raises
            ``CacheTimeoutError``, and nothing is written.

    >>> import tempfile
    >>> from omnicache._omnicache import FarTerms, FileStore
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     store = FileStore(directory)
    ...     version = store.set(b"key", b"value", 1000.0, FarTerms(expires=1060.0))
    ...     print(store.get(b"key", now=1059.0).payload)
    ...     print(store.get(b"key", now=1060.0))
    ...     store.close()
    b'value'
    None
    """

    def __new__(
        cls,
        directory: str | PathLike[str],
        *,
        durability: Literal["process", "system"] = "process",
        max_bytes: int | None = None,
        max_entries: int | None = None,
        map_bytes: int | None = None,
        timeout: float = 5.0,
    ) -> FileStore: ...
    @property
    def directory(self) -> Path:
        """The directory, with all links followed."""

    @property
    def durability(self) -> str: ...
    @property
    def max_bytes(self) -> int | None: ...
    @property
    def max_entries(self) -> int | None: ...
    def limit(self, max_bytes: int | None, max_entries: int | None, now: float) -> None:
        """Has this object evict, now and with each of its writes, until no more than this is there."""

    @property
    def set_aside(self) -> tuple[Path, str] | None:
        """The file that could not be used when the store was opened, where it lies now, and why."""

    def take_set_aside(self) -> tuple[Path, str] | None:
        """As ``set_aside`` of what happened since; told once."""

    def get(self, key: bytes, now: float, *, use_it: bool = True) -> FarEntry | None:
        """The entry of `key`, stale or not, or None; `use_it` counts that, and counts as a use for the eviction.

        A record that cannot be read counts as ``damaged`` and is no entry.
        """

    def get_many(self, keys: Sequence[bytes], now: float) -> list[FarEntry | None]:
        """As ``get`` of many keys, all as they are at one moment."""

    def set(
        self,
        key: bytes,
        payload: bytes,
        now: float,
        terms: FarTerms | None = None,
        *,
        mode: Literal["always", "add", "replace"] = "always",
        version: int | None = None,
        token: int | None = None,
        generation: int | None = None,
    ) -> int | None:
        """Writes an entry.

        Args:
            mode: ``"add"`` writes only where there is no entry, ``"replace"`` only where there is one.
            version: Writes only over the entry with this version: compare and swap.
            token: Writes only as long as the lease with this token holds, which then ends.
            generation: That of the tags when the value began to be made: what was invalidated since, this entry is.

        Returns:
            The version; None if a condition did not hold; 0 if the entry alone weighs more than ``max_bytes``: it is
            not kept, and what was under its key is gone.
        """

    def set_many(self, entries: Sequence[tuple[bytes, bytes, FarTerms]], now: float) -> list[int | None]:
        """As ``set`` of many, each a key, a value and its terms: all are written, or none."""

    def delete(self, key: bytes, now: float) -> bool:
        """Removes an entry; whether there was one. A lease of the key ends."""

    def delete_many(self, keys: Sequence[bytes], now: float) -> int:
        """As ``delete`` of many keys; how many there were."""

    def take(self, key: bytes, now: float) -> FarEntry | None:
        """Removes an entry and returns it; None if there was none."""

    def touch(self, key: bytes, fresh_until: float | None, expires: float | None, now: float) -> bool:
        """Gives an entry another end; whether there was one."""

    def invalidate(self, keys: Sequence[bytes], now: float, *, hard: bool = False) -> int:
        """Makes entries stale, or gone if `hard` or not kept past their time; how many there were. Leases end."""

    def invalidate_tags(self, tags: Sequence[str], now: float, *, hard: bool = False) -> None:
        """As ``invalidate`` of whatever carries one of `tags`, however much that is."""

    def scan(
        self,
        now: float,
        *,
        prefix: bytes | None = None,
        glob: str | None = None,
        cursor: bytes | None = None,
        limit: int = 100,
    ) -> tuple[list[FarEntry], bytes | None]:
        """Up to `limit` entries without their values, in the order of keys, and the cursor of the next call.

        A page may be empty though more follow; at the end the cursor is None. `glob` is matched against the key as
        UTF-8. Each call is a short read of its own: entries that are written in between are seen or not.
        """

    def clear(self, now: float) -> int:
        """Removes everything; how many entries there were, such that are over among them. All leases end."""

    def count(self, now: float) -> int:
        """How many entries there are. What is over is removed first, which can take a while."""

    def purge(self, limit: int, now: float) -> tuple[int, bool]:
        """Removes up to `limit` entries that are over; how many, and whether there are none left."""

    def stats(self, now: float) -> dict[str, int]:
        """What was counted since the file was made, in all processes.

        ``entries bytes disk_bytes map_bytes hits misses evictions expirations damaged writes readers``. A stale entry
        is a miss. What other processes have read counts with their next write.
        """

    def check(self, now: float) -> list[str]:
        """Reads and compares everything: what is not right, in words. Nothing of a whole store."""

    def compact(self) -> tuple[int, int]:
        """Moves the entries to a file without free pages, while nobody writes; its bytes before and after."""

    def lease(self, key: bytes, until: float | None, now: float, *, number: int = 0) -> FarLease:
        """Asks for the right to load `key` until `until` at the latest, for this process and `number`.

        Who holds it already keeps it for longer. That of a process that is dead is taken over at once. Who does not get
        it looks at ``position()`` from time to time, and asks again when that has changed.
        """

    def leased(self, now: float) -> list[bytes]:
        """The keys that somebody, in this process or another, has a lease of."""

    def release(self, key: bytes, token: int, now: float) -> bool:
        """Ends a lease; whether it held."""

    def generation(self, now: float) -> int:
        """The generation of the tags, for the ``set`` of what begins to be made now."""

    def position(self) -> int | None:
        """The position of the last change by anyone, in some nanoseconds; None where it cannot be told at once."""

    def changes(self, since: int, now: float) -> tuple[int, list[bytes] | None, list[tuple[str, bool]]]:
        """What other objects, in this process or in others, changed after the position `since`.

        Returns:
            The position to ask from next time; the keys, or None where anything may have changed; the tags that were
            invalidated, each with whether that was hard. Evictions and the ends of entries are no changes.
        """

    def close(self) -> None:
        """Writes what was counted, and waits for the disk if nobody else uses the directory. May be called twice."""

_Later: TypeAlias = bool | Callable[[], object]

@final
class RedisStore:
    """The entries of one cache on a Redis server, or on several, shared by all processes that reach them.

    It does what :class:`FileStore` does, under the same names. Nothing is connected before the first request; requests
    of all threads and tasks share one connection to each server. A child after a fork has connections of its own.

    With ``later=True`` a method returns at once what a task of the running loop may await. Leaving it leaves all others
    alone: the server may still do what it was asked for. A function in the place of True hears of that.

    Args:
        address: A URL, as :class:`omnicache.RedisBackend` knows it.
        namespace: Of the cache.
        name: Of the cache.
    """

    def __new__(cls, address: str, namespace: str, name: str, /) -> RedisStore: ...
    @property
    def address(self) -> str:
        """The address, without a password."""

    @property
    def coherent(self) -> bool:
        """Whether the server tells of every change now."""

    def track(self) -> None:
        """Has the server tell of changes by others, and again after every loss."""

    def position(self) -> int | None:
        """Moves with every change that is told of; None while changes are not told of."""

    def changes(self, since: int) -> tuple[int, list[bytes] | None, list[tuple[str, bool]]]:
        """The present position, and what others changed since one: keys, or None for anything, and tags."""

    def close(self) -> None:
        """Ends the use of the store."""

    def tracking(self, seconds: float, *, later: _Later = ...) -> Any:
        """Waits until the server tells of changes; whether it does."""

    def get(self, key: bytes, now: float, *, later: _Later = ...) -> Any: ...
    def get_many(self, keys: Sequence[bytes], now: float, *, later: _Later = ...) -> Any: ...
    def set(
        self,
        key: bytes,
        payload: bytes,
        now: float,
        terms: FarTerms | None = None,
        *,
        mode: Literal["always", "add", "replace"] = "always",
        version: int | None = None,
        token: int | None = None,
        generation: int | None = None,
        later: _Later = ...,
    ) -> Any: ...
    def set_many(self, entries: Sequence[tuple[bytes, bytes, FarTerms]], now: float, *, later: _Later = ...) -> Any: ...
    def delete(self, key: bytes, now: float, *, later: _Later = ...) -> Any: ...
    def delete_many(self, keys: Sequence[bytes], now: float, *, later: _Later = ...) -> Any: ...
    def take(self, key: bytes, now: float, *, later: _Later = ...) -> Any: ...
    def touch(
        self, key: bytes, fresh_until: float | None, expires: float | None, now: float, *, later: _Later = ...
    ) -> Any: ...
    def invalidate(self, keys: Sequence[bytes], now: float, *, hard: bool = False, later: _Later = ...) -> Any: ...
    def invalidate_tags(self, tags: Sequence[str], now: float, *, hard: bool = False, later: _Later = ...) -> Any: ...
    def scan(self, now: float, *, cursor: bytes | None = None, limit: int = 100, later: _Later = ...) -> Any: ...
    def clear(self, *, later: _Later = ...) -> Any: ...
    def count(self, now: float, *, later: _Later = ...) -> Any: ...
    def purge(self, now: float, *, later: _Later = ...) -> Any: ...
    def stats(self, now: float, *, later: _Later = ...) -> Any: ...
    def lease(self, key: bytes, until: float | None, now: float, *, number: int = 0, later: _Later = ...) -> Any: ...
    def release(self, key: bytes, token: int, *, later: _Later = ...) -> Any: ...
    def wait(self, key: bytes, seconds: float, *, later: _Later = ...) -> Any:
        """Waits until the lease of a key may have ended; whether it may."""

    def leased(self, *, later: _Later = ...) -> Any: ...
    def generation(self, *, later: _Later = ...) -> Any: ...

@final
class ManualClock:
    """A clock that stands still until it is moved, for tests of anything that expires.

    >>> from omnicache import Cache, ManualClock
    >>> clock = ManualClock()
    >>> with Cache("by-hand", clock=clock, default_ttl=60) as cache:
    ...     cache["a"] = 1
    ...     clock.advance("61s")
    ...     "a" in cache
    False
    """

    def __new__(cls) -> ManualClock: ...
    def advance(self, duration: Duration) -> None:
        """Moves the clock forward: seconds, a ``timedelta``, or text such as ``"5m"``."""

    @property
    def now(self) -> float:
        """Seconds on the clock."""

@final
class KeyPart:
    """A part of a decoded key that stands for a value which only its own code can make: an enum member, a dataclass.

    It equals another that stands for the same value, and can be used in a key as that value.
    """

    @property
    def kind(self) -> str:
        """``"enum"``, ``"object"``, ``"custom"``, ``"class"``, ``"function"`` or ``"value"``."""

    @property
    def type(self) -> str | None:
        """``"module:Qualified.name"``."""

    @property
    def value(self) -> Any:
        """What is known of the value."""

    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def encode_key(obj: Any) -> bytes:
    """The canonical bytes of a key: the same in every process and Python version."""

def decode_key(data: bytes) -> Any:
    """The key that these canonical bytes stand for; ``ValueError`` if they are none."""

def match_keys(pattern: str, keys: list[bytes]) -> list[bytes]:
    """Those of these canonical keys whose text matches the glob."""

def pack_record(key: bytes, payload: bytes, now: float, terms: FarTerms, tags: Sequence[tuple[str, int]]) -> bytes:
    """The envelope of a value, for a store that keeps one run of bytes under a key.

    `tags` are those of the entry with their generations; those of `terms` do not matter.
    """

def unpack_record(key: bytes, data: bytes) -> tuple[FarEntry, list[tuple[str, int]]]:
    """The entry in an envelope, and the generations of its tags; ``CacheSerializationError`` if it is none."""

def key_text(data: bytes) -> str:
    """A key's text, which patterns are matched against."""

@disjoint_base
class NativeCodec:
    """The engine of ``omnicache.serializers.Native``.

    >>> from omnicache._omnicache import NativeCodec
    >>> codec = NativeCodec()
    >>> codec.loads(codec.dumps({"a": (1, None)}))
    {'a': (1, None)}
    """

    def __new__(cls, enums: list[type[Enum]] = ..., max_bytes: int = ...) -> Self: ...
    @property
    def max_bytes(self) -> int:
        """The most bytes that a value may take."""

    @property
    def enums(self) -> list[type[Enum]]:
        """The enum classes that it was given."""

    def dumps(self, value: Any, /) -> bytes:
        """The bytes of a value; ``CacheSerializationError`` names the part that cannot be written, and what to do."""

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:
        """The value of these bytes; ``CacheSerializationError`` if they are damaged. `fingerprint` is not needed."""

def compress(data: bytes | bytearray | memoryview, level: int = 3) -> bytes | None:
    """`data` compressed with zstd, or None if that is not shorter; other threads run meanwhile if there is much of it.

    >>> from omnicache._omnicache import compress
    >>> len(compress(b"spam" * 1000)) < 100, compress(b"spam")
    (True, None)
    """

def decompress(data: bytes | bytearray | memoryview, max_bytes: int) -> bytes:
    """What was compressed; ``CacheSerializationError`` if it is damaged or was more than `max_bytes`.

    >>> from omnicache._omnicache import compress, decompress
    >>> decompress(compress(b"spam" * 1000), 4000) == b"spam" * 1000
    True
    """

def json_dumps(value: Any, lossy: bool = False) -> bytes:
    """The JSON of a value; ``CacheSerializationError`` names the part that would not come back as it is.

    >>> from omnicache._omnicache import json_dumps
    >>> json_dumps([1, 2.5, None])
    b'[1,2.5,null]'
    """

def json_loads(data: bytes | bytearray | memoryview) -> Any:
    """The value of simple JSON; ``ValueError`` for anything that ``json.loads`` should judge.

    >>> from omnicache._omnicache import json_loads
    >>> json_loads(b'{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    """

def parse_duration(value: Duration, /) -> float:
    """Seconds of a duration; ``CacheConfigError`` if it is none, or not more than zero."""

def parse_size(value: int | str, /) -> int:
    """Bytes of a size; ``CacheConfigError`` if it is none, or not more than zero."""

def parse_config(options: dict[str, Any], /) -> dict[str, Any]:
    """A cache's configuration, checked and in normal form; ``CacheConfigError`` names the wrong key."""

def parse_file(
    text: str, /, *, name: str, within: Sequence[str] = ..., variables: Sequence[tuple[str, str]] = ...
) -> dict[str, Any] | None:
    """What a TOML file says, and over it variables of the environment, checked and in normal form.

    `name` is what an error calls the file; `within` are the keys of the table that is meant, None if it is not there.
    ``CacheConfigError`` names the line and the keys, or the variable.
    """

def parse_sections(table: dict[str, Any], /) -> dict[str, Any]:
    """The same from a dict of plain data."""

def _plain_fold(first: Any, *rest: Any) -> int | None: ...
def _plain_hash(obj: Any) -> int | None: ...
def _plain_same(a: Any, b: Any) -> bool: ...

AGAIN: Final = 0
DONE: Final = 1
FAILED: Final = 2

class _Unwanted(Protocol):
    def unwanted(self) -> None: ...

@final
class Flights:
    """The loads of one cache that are under way, at most one per key."""

    def __new__(cls) -> Flights: ...
    def join(self, key: Any, thread: int, pilot: _Unwanted | None = None, /) -> Leader | Waiter:
        """Boards the flight of `key`, or starts it."""
    def invalidate(self, key: Any, /) -> bool:
        """Keeps the value that is being loaded for `key` out of the store; True if there is such a load."""
    def invalidate_all(self) -> int:
        """Keeps the values of all running loads out of the store; how many there are."""
    def running(self) -> list[Flight]:
        """The flights that are running, each with its `key` and `invalidate()`."""
    @property
    def coalesced(self) -> int:
        """How many callers were served by a load that another caller had started."""
    def reset_coalesced(self) -> None:
        """Sets `coalesced` to zero."""
    def __len__(self) -> int: ...

@final
class Flight:
    """One load under way, seen without a seat on it."""

    @property
    def id(self) -> int:
        """The number that no other flight of this process has."""
    @property
    def key(self) -> Any:
        """The key that is being loaded; None once nobody is on board."""
    @property
    def pilot(self) -> Any:
        """The object given by the leader; None if a thread leads or the flight has ended."""
    @property
    def thread(self) -> int | None:
        """The thread in which the loader runs; None if the flight has ended."""
    @property
    def running(self) -> bool:
        """Whether the load is under way."""
    @property
    def valid(self) -> bool:
        """Whether the value may be stored."""
    @property
    def wanting(self) -> int:
        """How many callers want the value."""
    def invalidate(self) -> None:
        """Keeps the value of this load out of the store."""
    def retire(self) -> bool:
        """Ends the flight without its leader, so that one of the waiters takes over; False if it has ended."""
    def attach(self, bell: Callable[[], object], /) -> bool:
        """Has `bell` called once when the flight ends, from any thread; False if it has ended."""

@final
class Leader:
    """The right and the duty to run the loader; dropped, it gives the flight up."""

    @property
    def id(self) -> int:
        """The flight's number."""
    @property
    def retired(self) -> bool:
        """Whether the flight was taken from the leader: its value comes late."""
    @property
    def valid(self) -> bool:
        """Whether the value may be stored; False once the leader has ended the flight."""
    def flight(self) -> Flight:
        """The flight."""
    def waiter(self) -> Waiter:
        """A seat for the caller that started the flight."""
    def finish(self, value: Any, /) -> bool:
        """Hands `value` to all waiters. False if it must not be in the store: take it out again."""
    def fail(self, error: Any, /) -> None:
        """Hands `error`, in whatever form the waiters expect it, to all waiters."""
    def abandon(self) -> None:
        """Gives the flight up; a waiter takes over. Nothing happens if it has ended."""

@final
class Waiter:
    """A seat on a flight; dropped, its caller has left. An empty seat keeps nothing of the flight alive."""

    @property
    def id(self) -> int:
        """The flight's number."""
    def flight(self) -> Flight:
        """The flight."""
    def wait(self, seconds: float, /) -> bool:
        """Blocks this thread for at most `seconds`, without the GIL; True if the flight has ended."""
    def take(self) -> tuple[int, Any]:
        """What the flight brought, once, and gives up the seat.

        It is `(DONE, value)`, `(FAILED, error)` or `(AGAIN, None)`.
        """
    def leave(self) -> None:
        """Gives up the seat. The last who leaves a flight under way has its pilot told so."""

@final
class Wait:
    """A wait under way, until `end()` or until it is dropped."""

    def end(self) -> None:
        """The wait is over."""

def try_wait(to: int, inside: int, label: Any, thread: int, /) -> Wait | list[Any] | None:
    """Begins a wait for the flight `to`, unless it would never end."""

def add_wait(to: int, inside: int, label: Any, /) -> Wait:
    """Records that the flight `inside` waits for `to`, a flight that it has just started itself."""

def add_need(inside: int, label: Any, thread: int, /) -> Wait:
    """Records that the flight `inside`, which `label` names in errors, needs the running thread `thread`."""

def waits_len() -> int:
    """How many flights and threads wait for something."""

def new_flight_id() -> int:
    """A number that no flight of this process has: for a load without a flight."""

def flights_forked() -> None:
    """Makes every flight that runs now a thing of the parent process: to be called in a child after a fork."""

@disjoint_base
class CachedCall:
    """The native part of a cached function: binds the arguments of a call and looks up their key.

    Without `absent` it is called as the function is, and a miss calls ``_fetch(_request(key, args, kwargs))``. With it,
    it is called with every parameter by position, ``*args`` as a tuple and ``**kwargs`` as a dict, and a miss gives
    `absent`.
    """

    def __new__(
        cls, cache: Core, prefix: str, plan: tuple[object, ...], absent: object = None, copier: Any = None
    ) -> Self: ...
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any: ...
    def _calls(self) -> tuple[int, int]:
        """Hits and misses."""

    def _function(self) -> Callable[..., Any]:
        """The lookup as a builtin function."""

    def _key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """The key of a call, None if the arguments do not fit the signature."""

    def _reset_calls(self) -> None:
        """Counts from 0 again."""

def install_call(class_: type[CachedCall], /) -> None:
    """Tells the interpreter how instances of `class_` are called, and that they are methods."""

def find_token(instance: object) -> str | None:
    """The token of an instance that cached methods were called on."""

def keep_token(instance: object, token: str) -> str:
    """Gives an instance this token, unless it has one; the one it has."""

def drop_token(address: int) -> None:
    """Takes back the token of the instance that was at this address."""
