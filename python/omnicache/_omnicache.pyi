"""The compiled engine.

Use it through :class:`omnicache.Cache` and :func:`omnicache.cached`; what begins with ``_`` is between the package and
its engine. Long because a compiled module is one module, with one stub.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol, Self, TypeVar, final, overload

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
    "Flight",
    "Flights",
    "KeyPart",
    "Leader",
    "ManualClock",
    "Wait",
    "Waiter",
    "__version__",
    "_plain_fold",
    "_plain_hash",
    "_plain_same",
    "add_need",
    "add_wait",
    "decode_key",
    "drop_token",
    "encode_key",
    "find_token",
    "flights_forked",
    "install",
    "install_call",
    "keep_token",
    "key_text",
    "new_flight_id",
    "parse_config",
    "parse_duration",
    "parse_size",
    "try_wait",
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
        """The value under `key` if it is fresh, else `default`."""

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
        """Writes `value` under `key`. A value that alone weighs more than ``max_bytes`` is not kept."""

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
        """Writes `value` only if there is no fresh entry; whether it did. Atomic."""

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
        """Writes `value` only if there is a fresh entry; whether it did. Atomic."""

    def delete(self, key: Any) -> bool:
        """Removes an entry; whether a fresh one was there. A load under way for `key` is not stored."""

    @overload
    def pop(self, key: Any) -> Any: ...
    @overload
    def pop(self, key: Any, default: _T) -> Any | _T:
        """Removes an entry and returns its value; without one `default`, or ``MissingKeyError`` if none is given."""

    def touch(self, key: Any, ttl: Ttl = ...) -> bool:
        """Gives a fresh entry a new ttl, counted from now (the cache's own if none is given); whether there was one."""

    @overload
    def ttl(self, key: Any) -> float | MissingType | None: ...
    @overload
    def ttl(self, key: Any, default: _T) -> float | _T | None:
        """Seconds a fresh entry has left, ``None`` if it lives for ever, `default` (``MISSING``) if there is none."""

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

        An absent one counts as 0 and is written with the options given; one that is there keeps its life, tags and
        priority. ``TypeError`` if the value is no number.
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
        """Takes `delta` off, as :meth:`incr` adds it."""

    def keys(self) -> list[Any]:
        """The keys of all fresh entries. One kept as canonical bytes is shown decoded (:func:`decode_key`)."""

    def items(self) -> list[tuple[Any, Any]]:
        """(key, value) of all fresh entries. They are not counted as reads."""

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """The values of those of `keys` that are fresh."""

    def purge_expired(self) -> int:
        """Removes what is over; how many entries went."""

    @property
    def closed(self) -> bool:
        """Whether the cache is closed."""

    @property
    def default_ttl(self) -> float | None:
        """Seconds that a value lives unless the call says otherwise, ``None`` for ever."""

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
    def _peek(self, key: Any) -> tuple[Any, bool] | None: ...
    def _rearm(self, key: Any, after: Any) -> None: ...
    def _seek(self, key: Any, absent: Any) -> Any: ...
    def _set_budgeted(self, on: bool) -> None: ...
    def _sight(self, key: Any) -> tuple[Any, float | None, float | None, int, bool] | None: ...
    def _reconfigure(self, kind: str, ageing: bool, max_size: int | None, max_bytes: int | None) -> None: ...
    def _reset_counts(self) -> None: ...
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

def install(class_: type[Core], /) -> None:
    """Puts the native ``get``, ``set``, ``cache[k]`` and ``k in cache`` onto a class below ``Core``."""

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

def key_text(data: bytes) -> str:
    """A key's text, which patterns are matched against."""

def parse_duration(value: Duration, /) -> float:
    """Seconds of a duration; ``CacheConfigError`` if it is none, or not more than zero."""

def parse_size(value: int | str, /) -> int:
    """Bytes of a size; ``CacheConfigError`` if it is none, or not more than zero."""

def parse_config(options: dict[str, Any], /) -> dict[str, Any]:
    """A cache's configuration, checked and in normal form; ``CacheConfigError`` names the wrong key."""

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

    Without `absent` it is called as the function is, and a miss calls ``_miss(key, args, kwargs)``. With it, it is
    called with every parameter by position, ``*args`` as a tuple and ``**kwargs`` as a dict, and a miss gives `absent`.
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
