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
from .exceptions import InvalidKeyError

if TYPE_CHECKING:
    from ._omnicache import Core

__all__ = ["adopt", "used_by"]


class _Instance(weakref.ref[Any]):
    """A weak reference to an instance, with what is known of it."""

    __slots__ = ("address", "caches", "token")

    address: int
    caches: dict[int, weakref.ref[Core]]
    token: str

    def __new__(cls, instance: object, callback: Callable[[_Instance], None], token: str) -> _Instance:
        """A reference that calls `callback` with itself when `instance` dies."""
        self = super().__new__(cls, instance, callback)
        self.address, self.caches, self.token = id(instance), {}, token
        return self

    def __init__(self, instance: object, callback: Callable[[_Instance], None], token: str) -> None:
        super().__init__(instance, callback)


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
            f"a cached method was called on a {cls.__qualname__}, which cannot be referred to weakly. Pass the instance "
            'first if it was left out; else add "__weakref__" to the __slots__ of its class, or give the class a '
            "__cache_key__() method that returns what identifies an instance"
        ) from None
    _BY_TOKEN[token] = reference
    kept = _omnicache.keep_token(instance, token)
    if kept != token:  # another thread was quicker
        del _BY_TOKEN[token]
    return kept


def used_by(token: object, cache: Core) -> None:
    """Notes that `cache` is about to hold entries of the instance with this token."""
    if isinstance(token, str):
        instance = _BY_TOKEN.get(token)
        if instance is not None and id(cache) not in instance.caches:
            instance.caches[id(cache)] = weakref.ref(cache)


def _forget(instance: _Instance) -> None:
    """The instance is dead. This may run between any two steps of any thread, but never inside the engine."""
    _BY_TOKEN.pop(instance.token, None)
    _omnicache.drop_token(instance.address)
    for reference in instance.caches.values():
        cache = reference()
        if cache is not None:
            cache._invalidate(None, None, [instance.token], True)
