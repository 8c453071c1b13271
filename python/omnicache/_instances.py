"""The instances that cached methods were called on: each takes part in keys by a token of its own while it lives.

An instance is known by its identity, never by its ``__hash__`` or ``__eq__``: two equal instances do not share results,
and one that changes keeps its own. When it dies its token is taken back and what was cached for it goes.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from . import _omnicache
from .exceptions import InvalidKeyError

if TYPE_CHECKING:
    from typing import Self

    from .cache import Cache

__all__ = ["adopt", "used_by"]


class _Entries:
    """What one cache holds for one instance."""

    __slots__ = ("_cache", "_enough", "_keys", "_lock")

    def __init__(self, cache: Cache) -> None:
        self._cache: Final = weakref.ref(cache)
        self._keys: dict[bytes, Any] = {}
        self._enough = 64
        self._lock: Final = Lock()

    def add(self, key: Any) -> None:
        """Remembers a key, and at times forgets those whose entries are gone."""
        # By its bytes: a part of the key may have a hash that says nothing, or none.
        identity = _omnicache.encode_key(key)
        # The lock is free when the instance dies: who holds it has the instance.
        with self._lock:
            self._keys[identity] = key
            if len(self._keys) > self._enough and (cache := self._cache()) is not None:
                kept = [(identity, key) for identity, key in self._keys.items() if key in cache]
                self._keys = dict(kept)
                self._enough = max(64, 2 * len(self._keys))

    def drop(self, token: str) -> None:
        """Drops the entries."""
        cache = self._cache()
        if cache is None or cache.closed:
            return
        if self._keys:
            cache.delete_many(self._keys.values())
        else:
            cache.invalidate(tags=[token], hard=True)


class _Instance(weakref.ref[Any]):
    """A weak reference to an instance, with what is known of it."""

    __slots__ = ("address", "entries", "token")

    address: int
    entries: dict[int, _Entries]
    token: str

    def __new__(cls, instance: object, callback: Callable[[_Instance], None], token: str) -> Self:
        """A reference that calls `callback` with itself when `instance` dies."""
        self = super().__new__(cls, instance, callback)
        self.address, self.entries, self.token = id(instance), {}, token
        return self

    def __init__(self, instance: object, callback: Callable[[_Instance], None], token: str) -> None:  # noqa: ARG002
        super().__init__(instance, callback)  # type: ignore[call-arg]  # which weakref.ref has, and needs


_NUMBERS: Final = itertools.count(1)
_BY_TOKEN: Final[dict[str, _Instance]] = {}


def adopt(instance: object) -> object:
    """What stands for `instance` in a key: its token; or itself if its class has ``__cache_key__``, which wins.

    Raises:
        InvalidKeyError: It cannot be referred to weakly, so nothing would tell when it dies.
    """
    cls = type(instance)
    if hasattr(cls, "__cache_key__"):
        return instance
    known = _omnicache.find_token(instance)
    if known is not None:
        return known
    token = f"<{cls.__qualname__} {next(_NUMBERS)}>"
    try:
        reference = _Instance(instance, _forget, token)
    except TypeError:
        raise InvalidKeyError(
            f"a cached method was called on a {cls.__qualname__}, which no weak reference can watch. Pass the instance "
            'first if it was left out; else add "__weakref__" to the __slots__ of its class, or give the class a '
            "__cache_key__() method that returns what identifies an instance"
        ) from None
    _BY_TOKEN[token] = reference
    kept = _omnicache.keep_token(instance, token)
    if kept != token:  # another thread was quicker
        del _BY_TOKEN[token]
    return kept


def used_by(token: str, cache: Cache, key: Any = None) -> None:
    """Notes that `cache` is about to hold an entry of the instance with this token: under `key`, or tagged with it."""
    instance = _BY_TOKEN.get(token)
    if instance is None:
        return
    entries = instance.entries.get(id(cache))
    if entries is None:
        entries = instance.entries.setdefault(id(cache), _Entries(cache))
    if key is not None:
        entries.add(key)


def _forget(instance: _Instance) -> None:
    """The instance is dead. This may run between any two steps of any thread, but never inside the engine."""
    _BY_TOKEN.pop(instance.token, None)
    _omnicache.drop_token(instance.address)
    for entries in list(instance.entries.values()):
        entries.drop(instance.token)
