"""Where an operator's caches come from: those that live in this process, and those that a registry file defines."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .. import _registry
from ..cache import Cache
from ..exceptions import (
    CacheBackendError,
    CacheConfigError,
    CacheError,
    CacheExistsError,
    CacheNotFoundError,
    CacheStrategyError,
)
from ..registry import list_caches
from .errors import InvalidInput

if TYPE_CHECKING:
    from .._definitions import Definition, Definitions

__all__ = ["Held", "Sources", "parted"]


@dataclass(frozen=True, slots=True)
class Held:
    """A cache that lives, or is defined, or, if it is defined and was opened, both."""

    namespace: str
    name: str
    live: Cache | None = None
    definition: Definition | None = None

    @property
    def ref(self) -> str:
        """What names it and no other."""
        return f"{self.namespace}:{self.name}"


def parted(ref: str) -> tuple[str | None, str]:
    """The namespace and the name in ``"namespace:name"``, or None and the name.

    Raises:
        InvalidInput: It is no such text.

    >>> parted("users"), parted("tenant-a:users")
    ((None, 'users'), ('tenant-a', 'users'))
    """
    if not isinstance(ref, str):
        raise InvalidInput(f"cache name: must be a str, not {type(ref).__name__}")
    namespace, colon, name = ref.rpartition(":")
    try:
        _registry.check_name("cache name", name)
        return (_registry.check_name("namespace", namespace), name) if colon else (None, name)
    except CacheConfigError as error:
        raise InvalidInput(str(error)) from None


class Sources:
    """Finds caches, opens those that are only defined, and closes what it opened.

    Args:
        definitions: The registry file; None for none.
        live: Whether the living caches of this process count.
        memory: Whether caches in memory that are only defined are opened: in a process that stays they make sense.
    """

    def __init__(self, definitions: Definitions | None, *, live: bool, memory: bool) -> None:
        if not live:
            _registry.attaching.done = True  # a process that manages the caches of others has none to show
        self.definitions: Final = definitions
        self._live: Final = live
        self._memory: Final = memory
        self._opened: dict[tuple[str, str], tuple[Cache, Definition]] = {}
        self._made: list[Cache] = []
        self._lock = threading.RLock()

    def forked(self) -> None:
        """In a child after a fork: a thread that is not here may hold the lock."""
        self._lock = threading.RLock()

    def all(self, namespace: str | None = None) -> list[Held]:
        """Every cache, in the order of namespace and name. None is opened for that."""
        if namespace is not None:
            try:
                _registry.check_name("namespace", namespace)
            except CacheConfigError as error:
                raise InvalidInput(str(error)) from None
        defined = [] if self.definitions is None else self.definitions.list()
        found = {(item.namespace, item.name): Held(item.namespace, item.name, definition=item) for item in defined}
        with self._lock:
            for key, (cache, definition) in list(self._opened.items()):
                if key not in found or found[key].definition != definition:
                    del self._opened[key]  # it was deleted, or deleted and defined anew, by another process
                    cache.close()
                elif not cache.closed:
                    found[key] = Held(*key, cache, definition)
        if self._live:
            for cache in list_caches():
                key = (cache.namespace, cache.name)
                if key not in found or found[key].live is not cache:
                    found[key] = Held(*key, cache)
        return [found[key] for key in sorted(found) if namespace in {None, key[0]}]

    def find(self, ref: str) -> Held:
        """The cache that `ref` names.

        Raises:
            CacheNotFoundError: There is none.
            InvalidInput: Several have that name, and none of them is in the default namespace.
        """
        namespace, name = parted(ref)
        found = [held for held in self.all() if held.name == name and namespace in {None, held.namespace}]
        if len(found) == 1:
            return found[0]
        if not found:
            where = "" if namespace is None else f" in the namespace {namespace!r}"
            raise CacheNotFoundError(f"there is no cache {name!r}{where}")
        for held in found:
            if held.namespace == _registry.DEFAULT_NAMESPACE:
                return held
        raise InvalidInput(f"several caches are called {name!r}: say which, {' or '.join(held.ref for held in found)}")

    def open(self, held: Held) -> Cache:
        """The cache itself, opened if it was only defined.

        Raises:
            CacheBackendError: It is in the memory of another process, or its backend cannot be reached.
            CacheConfigError: Its definition cannot be used.
        """
        if held.live is not None:
            return held.live
        definition = held.definition
        assert definition is not None  # noqa: S101 - it lives or is defined
        if definition.backend == "memory" and not self._memory:
            raise CacheBackendError(
                f"cache {held.name!r} is in memory, which only the process that it belongs to can reach: "
                "give the address of that process with --server"
            )
        key = (held.namespace, held.name)
        with self._lock:
            opened = self._opened.get(key)
            if opened is not None and not opened[0].closed and opened[1] == definition:
                return opened[0]
            self._opened[key] = (self._from(definition), definition)
            return self._opened[key][0]

    def _from(self, definition: Definition) -> Cache:
        options: dict[str, Any] = dict(definition.options)
        if "fallback" not in options and definition.backend != "memory":
            options.setdefault("on_error", "raise")  # an operator is to hear of it
        try:
            return Cache.from_config(definition.name, options)
        except CacheExistsError:
            raise CacheExistsError(
                f"cache {definition.name!r} is defined, and another one of this name lives in this process"
            ) from None

    def make(self, definition: Definition) -> Held:
        """A new living cache, which is kept alive."""
        cache = Cache.from_config(definition.name, dict(definition.options))
        with self._lock:
            self._made.append(cache)
        return Held(cache.namespace, cache.name, cache)

    def define(self, definition: Definition) -> Held:
        """A new definition, which can be opened as far as can be told here.

        Raises:
            CacheExistsError: The name is taken.
            InvalidInput: What it says does not go together.
        """
        assert self.definitions is not None  # noqa: S101 - who calls has looked
        made = self.definitions.create(definition)
        held = Held(made.namespace, made.name, definition=made)
        try:
            self.open(held)
        except (CacheConfigError, CacheStrategyError) as error:
            self.definitions.delete(made.name)
            raise InvalidInput(str(error)) from error
        except CacheBackendError:
            pass  # the server may be down just now
        return held

    def end(self, held: Held) -> None:
        """Removes a cache: its entries first, then the definition or the living cache.

        Raises:
            CacheConfigError: A configuration file describes it; nothing is removed.
        """
        if held.definition is not None:
            held.definition.check_removable()
        reachable = held.definition is None or held.definition.backend != "memory" or self._memory
        if reachable:
            try:
                cache = self.open(held)
            except (CacheConfigError, CacheStrategyError):
                if held.definition is None:
                    raise
            else:
                cache.clear()
                cache.close()
        with self._lock:
            self._opened.pop((held.namespace, held.name), None)
            self._made = [cache for cache in self._made if not cache.closed]
        if held.definition is not None and self.definitions is not None:
            self.definitions.delete(held.name)

    def close(self) -> None:
        """Closes what was opened or made here; what cannot be closed properly is left."""
        with self._lock:
            caches = [cache for cache, _ in self._opened.values()] + self._made
            self._opened, self._made = {}, []
        for cache in caches:
            try:
                cache.close()
            except CacheError:
                continue
