"""Every exception that OmniCache raises: one tree under :class:`CacheError`.

Each class also derives from the built-in exception that Python itself would raise in its place, so that code written
for a ``dict`` or for ``functools`` keeps working. A message names the cache, the operation, what was wrong and what
to do about it. Every exception can be pickled and copied.
"""

from __future__ import annotations

__all__ = [
    "CacheBackendError",
    "CacheClosedError",
    "CacheConfigError",
    "CacheError",
    "CacheExistsError",
    "CacheKeyError",
    "CacheNotFoundError",
    "CacheSerializationError",
    "CacheStrategyError",
    "CacheTimeoutError",
    "InvalidKeyError",
    "MissingKeyError",
    "ReentrantLoadError",
    "SchemaMismatch",
]


class CacheError(Exception):
    """The base of everything OmniCache raises; catch it to catch all of them.

    >>> from omnicache import Cache, CacheError
    >>> try:
    ...     Cache("no spaces allowed")
    ... except CacheError as error:
    ...     print(type(error).__name__)
    CacheConfigError
    """


class CacheExistsError(CacheError):
    """A second cache was made under a (namespace, name) that a living cache of this process has.

    ``get_cache(name)`` returns the existing one; a closed or collected cache frees its name.

    >>> from omnicache import Cache, CacheExistsError
    >>> first = Cache("made-twice")
    >>> try:
    ...     Cache("made-twice")
    ... except CacheExistsError:
    ...     print("taken")
    taken
    >>> first.close()
    """


class CacheNotFoundError(CacheError, LookupError):
    """A cache was asked for by a (namespace, name) that no living cache of this process has.

    >>> from omnicache import CacheNotFoundError, delete_cache
    >>> try:
    ...     delete_cache("never-made")
    ... except CacheNotFoundError:
    ...     print("nothing there")
    nothing there
    """


class CacheKeyError(CacheError):
    """The base of the two errors about keys: :class:`InvalidKeyError` and :class:`MissingKeyError`.

    >>> from omnicache import CacheKeyError, InvalidKeyError, MissingKeyError
    >>> issubclass(InvalidKeyError, CacheKeyError), issubclass(MissingKeyError, CacheKeyError)
    (True, True)
    """


class InvalidKeyError(CacheKeyError, TypeError):
    """A key cannot be used: it, or a part of it, has no stable identity (or refers to itself, or is nested too deep).

    The message says which part and what to do, for instance to give the class a ``__cache_key__()`` method.

    >>> from omnicache import Cache, InvalidKeyError
    >>> with Cache("invalid-key") as cache:
    ...     try:
    ...         cache.get(object())
    ...     except InvalidKeyError:
    ...         print("an object() has nothing that identifies it")
    an object() has nothing that identifies it
    """


class MissingKeyError(CacheKeyError, KeyError):
    """``cache[key]`` or ``del cache[key]`` on a key that is not there, as :class:`KeyError` for a ``dict``.

    Args:
        key: The missing key; ``error.key`` and, as with any ``KeyError``, ``error.args[0]``.
        cache: The name of the cache; ``error.cache``, empty where it is not known.

    >>> from omnicache import MissingKeyError
    >>> error = MissingKeyError("ada", "users")
    >>> error.args
    ('ada',)
    >>> print(error)
    'ada' is not in the cache 'users'; cache.get(key, default) returns a default instead
    """

    cache: str

    def __init__(self, key: object, cache: str = "") -> None:
        super().__init__(key)
        self.cache = cache

    @property
    def key(self) -> object:
        """The key that is not there."""
        return self.args[0]

    def __str__(self) -> str:
        place = f"the cache {self.cache!r}" if self.cache else "the cache"
        return f"{_short(self.args[0])} is not in {place}; cache.get(key, default) returns a default instead"


class CacheBackendError(CacheError):
    """Where the entries live failed: a server that cannot be reached, a directory that cannot be written.

    It reaches the caller only where the cache was made with ``on_error="raise"``; otherwise it is counted and logged.

    >>> from omnicache import CacheBackendError, CacheError
    >>> issubclass(CacheBackendError, CacheError)
    True
    """


class CacheTimeoutError(CacheError, TimeoutError):
    """A loader or a backend took longer than the hard limit that was set for it.

    >>> from omnicache import CacheTimeoutError
    >>> issubclass(CacheTimeoutError, TimeoutError)
    True
    """


class ReentrantLoadError(CacheError, RuntimeError):
    """A loader asked, directly or through others, for the very key that it is loading, which could never end.

    The message names the chain of keys.

    >>> from omnicache import Cache, ReentrantLoadError
    >>> with Cache("reentrant") as cache:
    ...     def load():
    ...         return cache.get_or_set("a", load)
    ...     try:
    ...         cache.get_or_set("a", load)
    ...     except ReentrantLoadError:
    ...         print("'a' needs 'a'")
    'a' needs 'a'
    """


class CacheStrategyError(CacheError, ValueError):
    """A strategy is unknown, was given a limit that makes no sense, or (one written by the user) misbehaved.

    >>> from omnicache import CacheStrategyError, LRUStrategy
    >>> try:
    ...     LRUStrategy(max_size=0)
    ... except CacheStrategyError:
    ...     print("a cache of no entries is no cache")
    a cache of no entries is no cache
    """


class CacheSerializationError(CacheError):
    """A value cannot be written as bytes, or bytes cannot be read back as a value.

    Args:
        problem: What is wrong and what to do; a sentence without its subject if `path` is given.
        path: Where in the value, such as ``["orders"][3].cursor``; ``""`` is the value itself, None is not known.

    >>> from omnicache.serializers import Native
    >>> try:
    ...     Native().dumps({"orders": [1, object()]})
    ... except CacheSerializationError as error:
    ...     print(error.path)
    ["orders"][1]
    """

    def __init__(self, problem: str = "", path: str | None = None) -> None:
        super().__init__(*((problem,) if path is None else (problem, path)))

    @property
    def problem(self) -> str:
        """What is wrong, without where."""
        return str(self.args[0])

    @property
    def path(self) -> str | None:
        """Where in the value; None if it is not known."""
        return str(self.args[1]) if len(self.args) > 1 else None

    def __str__(self) -> str:
        return self.problem if self.path is None else f"value{self.path} {self.problem}"


class SchemaMismatch(CacheSerializationError):  # noqa: N818 - it is an everyday miss, not a failure
    """Bytes were written for another shape of the type: a field was added, removed, renamed or given another type.

    A cache counts a miss and loads anew, unless its serializer was given ``migrate=``.

    >>> from omnicache.exceptions import SchemaMismatch
    >>> from omnicache.serializers import Typed
    >>> numbers, texts = Typed(list[int]), Typed(list[str])
    >>> try:
    ...     texts.loads(numbers.dumps([1]), numbers.fingerprint)
    ... except SchemaMismatch:
    ...     print("another shape")
    another shape
    """


class CacheConfigError(CacheError, ValueError):
    """An option of a cache is unknown, of the wrong type, or out of range; raised when the cache is made.

    >>> from omnicache import Cache, CacheConfigError
    >>> try:
    ...     Cache.from_config("users", {"max_sise": 10})
    ... except CacheConfigError as error:
    ...     print("max_size" in str(error))
    True
    """


class CacheClosedError(CacheError):
    """A cache was used after ``close()``.

    >>> from omnicache import Cache, CacheClosedError
    >>> cache = Cache("closed")
    >>> cache.close()
    >>> try:
    ...     cache.set("k", 1)
    ... except CacheClosedError:
    ...     print("closed")
    closed
    """


def _short(key: object, limit: int = 200) -> str:
    """``repr(key)``, cut to `limit` characters; a ``__repr__`` that raises costs the detail, not the message."""
    try:
        text = repr(key)
    except Exception:  # noqa: BLE001 - the key's own code; the error about the key matters more
        text = f"<{type(key).__name__}>"
    return text if len(text) <= limit else text[:limit] + "..."
