"""Caches by name: get or make one, list them, delete one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from . import _registry
from .cache import Cache
from .config import arguments_of, described
from .exceptions import CacheExistsError, CacheNotFoundError

__all__ = ["delete_cache", "get_cache", "list_caches"]


def get_cache(name: str, *, namespace: str | None = None, **options: Any) -> Cache:
    """The cache of that name in this process; it is made if there is none.

    Args:
        name: Letters, digits, ``_`` and ``-``.
        namespace: The same; caches of different namespaces share nothing. None for the one that the configuration
            says, or else ``"default"``.
        options: What :class:`Cache` takes. They are used only when the cache is made: one that exists is returned as
            it is. What a configuration says of the cache (see :func:`omnicache.configure`) goes before them.

    Raises:
        CacheConfigError: A name or an option cannot be used, or the configuration that ``OMNICACHE_CONFIG`` names.

    >>> from omnicache import get_cache
    >>> users = get_cache("registry-users", max_size=1000)
    >>> get_cache("registry-users") is users
    True
    >>> users.close()
    """
    _registry.check_name("cache name", name)
    if namespace is not None:
        _registry.check_name("namespace", namespace)
    said = described(name)
    home = _registry.DEFAULT_NAMESPACE if said is None else said.get("namespace", _registry.DEFAULT_NAMESPACE)
    where = home if namespace is None else namespace
    while True:
        found = _registry.find(where, name)
        if found is not None:
            return cast("Cache", found)
        try:
            return Cache(name, **_over(options, said if where == home else None), namespace=where)
        except CacheExistsError:
            continue  # another thread made it in this moment


def _over(options: dict[str, Any], said: Mapping[str, Any] | None) -> dict[str, Any]:
    """`options` under what the configuration says; a limit that its strategy names is given once."""
    if said is None:
        return options
    limits = said.get("strategy", ())
    kept = {name: value for name, value in options.items() if name not in limits}
    made = {**kept, **arguments_of(said)}
    made.pop("namespace", None)
    return made


def list_caches(namespace: str | None = None) -> list[Cache]:
    """The living caches of this process, of one namespace or of all, in the order of namespace and name.

    >>> from omnicache import Cache, list_caches
    >>> with Cache("b", namespace="listed"), Cache("a", namespace="listed"):
    ...     [cache.name for cache in list_caches("listed")]
    ['a', 'b']
    """
    if namespace is not None:
        _registry.check_name("namespace", namespace)
    return cast("list[Cache]", _registry.live(namespace))


def delete_cache(name: str, *, namespace: str = _registry.DEFAULT_NAMESPACE) -> None:
    """Closes the cache of that name: its entries are dropped and its name is free.

    Raises:
        CacheNotFoundError: There is none.
        CacheConfigError: A name cannot be used.

    >>> from omnicache import Cache, delete_cache
    >>> cache = Cache("short-lived")
    >>> delete_cache("short-lived")
    >>> Cache("short-lived").close()
    """
    _registry.check_name("cache name", name)
    _registry.check_name("namespace", namespace)
    found = _registry.find(namespace, name)
    if found is None:
        raise CacheNotFoundError(
            f"there is no cache {name!r} in the namespace {namespace!r}; list_caches() shows those there are"
        )
    cast("Cache", found).close()
