"""The caches of this process, by (namespace, name): each name is taken once, and free again when its cache is gone.

Caches are held weakly. The lock may be taken again by the thread that has it: a collection that starts inside these
functions may finalise another cache, which then releases its name. After a fork the child has the parent's entries
and a lock of its own.
"""

from __future__ import annotations

import os
import re
import threading
import weakref

from ._attach import Attaching
from .exceptions import CacheConfigError, CacheExistsError

__all__ = ["DEFAULT_NAMESPACE", "Registry", "attaching", "check_name", "claim", "find", "live", "release"]

DEFAULT_NAMESPACE = "default"
"""Where a cache lives that was given no namespace."""

_SHOWN = 60
_NAME = re.compile(r"[a-zA-Z0-9_-]+")


def check_name(kind: str, value: object) -> str:
    """`value` if it can be the name of a cache or a namespace (`kind` says which, for the message).

    Raises:
        CacheConfigError: It is no str, or has other characters than letters, digits, ``_`` and ``-``.

    >>> check_name("cache name", "users-2")
    'users-2'
    """
    if not isinstance(value, str):
        raise CacheConfigError(f"{kind}: must be a str, not {type(value).__name__}")
    if _NAME.fullmatch(value) is None:
        shown = ascii(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
        raise CacheConfigError(f"{kind}: {shown} cannot be used; use letters, digits, _ and - only")
    return value


class Registry:
    """Weak references to caches by (namespace, name)."""

    def __init__(self) -> None:
        self._caches: dict[tuple[str, str], weakref.ref[object]] = {}
        self._lock = threading.RLock()

    def claim(self, namespace: str, name: str, cache: object) -> None:
        """Gives the name to `cache`; the last step of making one, for from here on others can find it.

        Raises:
            CacheExistsError: Another living cache has it.
        """
        key = (namespace, name)
        mine = weakref.ref(cache, lambda gone: self._forget(key, gone))
        with self._lock:
            held = self._caches.get(key)
            owner = None if held is None else held()
            if owner is None:
                self._caches[key] = mine
        if owner is not None and owner is not cache:
            raise CacheExistsError(
                f"a cache {name!r} exists already in the namespace {namespace!r}; "
                f"get_cache({name!r}, namespace={namespace!r}) returns it, its close() frees the name"
            )
        attaching.start()

    def release(self, namespace: str, name: str, cache: object) -> bool:
        """Frees the name if `cache` has it; whether it had."""
        with self._lock:
            held = self._caches.get((namespace, name))
            if held is None or held() is not cache:
                return False
            del self._caches[namespace, name]
        return True

    def find(self, namespace: str, name: str) -> object | None:
        """The living cache of that name, or None."""
        held = self._caches.get((namespace, name))
        return None if held is None else held()

    def live(self, namespace: str | None = None) -> list[object]:
        """The living caches, of one namespace or of all, in the order of namespace and name."""
        with self._lock:
            held = self._caches.copy()  # a collection may change the original while it is walked
        found = []
        for key in sorted(held):
            cache = held[key]()
            if cache is not None and namespace in {None, key[0]}:
                found.append(cache)
        return found

    def _forget(self, key: tuple[str, str], gone: weakref.ref[object]) -> None:
        with self._lock:
            if self._caches.get(key) is gone:
                del self._caches[key]

    def before_fork(self) -> None:
        """Waits until no other thread is in the middle of a change, so that the child inherits a whole table."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Goes on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Makes a lock that no lost thread can hold."""
        self._lock = threading.RLock()


attaching = Attaching()
_registry = Registry()
claim = _registry.claim
release = _registry.release
find = _registry.find
live = _registry.live

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_registry.before_fork,
        after_in_parent=_registry.after_fork_in_parent,
        after_in_child=_registry.after_fork_in_child,
    )
