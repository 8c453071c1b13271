"""The instances that cached methods were called on: each takes part in keys by a token of its own while it lives.

An instance is known by its identity, never by its ``__hash__`` or ``__eq__``: two equal instances do not share results,
and one that changes keeps its own. When it dies its token is taken back and what was cached for it goes.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from . import _omnicache
from ._events import LOCK
from .exceptions import InvalidKeyError

if TYPE_CHECKING:
    from typing import Self

    from .cache import Cache

__all__ = ["adopt", "used_by"]


class _Entries:
    """What one cache holds for one instance."""

    __slots__ = ("_cache", "_new", "_old")

    def __init__(self, cache: Cache) -> None:
        self._cache: Final = weakref.ref(cache)
        # By their bytes: a part of a key may have a hash that says nothing, or none.
        self._old: dict[bytes, Any] = {}
        self._new: dict[bytes, Any] = {}

    def add(self, key: Any) -> None:
        """Remembers a key whose entry is about to be written, and at times forgets those whose entries are gone."""
        identity = _omnicache.encode_key(key)
        # The lock is free when the instance dies: who holds it for one of its keys has the instance.
        with LOCK:
            self._new[identity] = key
            if len(self._new) < max(_ENOUGH, len(self._old)):
                return
            # Those that are new may not be written yet.
            old, new, self._new = self._old, self._new, {}
            self._old = old | new
        gone = self._gone(old)
        with LOCK:
            for identity in gone:
                self._old.pop(identity, None)

    def _gone(self, keys: dict[bytes, Any]) -> list[bytes]:
        """Those of `keys` whose entries are neither there nor being loaded."""
        cache = self._cache()
        if cache is None or cache.closed:
            return list(keys)
        loading = {_omnicache.encode_key(flight.key) for flight in cache._flights.running()}
        return [identity for identity, key in keys.items() if identity not in loading and key not in cache]

    def drop(self, token: str) -> None:
        """Drops the entries."""
        cache = self._cache()
        if cache is None or cache.closed:
            return
        keys = [*self._old.values(), *self._new.values()]
        if keys:
            cache.delete_many(keys)
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


_ENOUGH: Final = 64
"""Keys to remember before the first look at what became of them."""

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
