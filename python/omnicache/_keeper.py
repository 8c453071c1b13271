"""What a cached function knows of its cache: where its entries are, how they are written, how to find and drop them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from . import _instances, _omnicache
from ._sentinels import MISSING
from .exceptions import InvalidKeyError

if TYPE_CHECKING:
    from ._signature import Plan
    from .cache import Cache

__all__ = ["CacheInfo", "Keeper"]


class CacheInfo(NamedTuple):
    """The counts of a cached function, as ``functools.lru_cache`` reports them.

    >>> from omnicache import cached
    >>> @cached(maxsize=100)
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(1), double(1)
    (2, 2)
    >>> double.cache_info()
    CacheInfo(hits=1, misses=1, maxsize=100, currsize=1)
    """

    hits: int
    """Calls that were answered from the cache."""
    misses: int
    """Calls that were not."""
    maxsize: int | None
    """The largest number of entries of the cache, None for no limit."""
    currsize: int
    """Entries of this function now."""


class Keeper:
    """A cache, as one function uses it."""

    __slots__ = ("cache", "name", "options", "owner", "owns", "parts", "prefix", "tags", "ttl")

    def __init__(
        self, cache: Cache, prefix: str, name: str, plan: Plan, *, ttl: Any, options: Mapping[str, Any], owns: bool
    ) -> None:
        self.cache: Final = cache
        self.prefix: Final = prefix
        self.name: Final = name
        self.parts: Final = plan.parts
        self.owner: Final = plan.has_owner
        self.owns: Final = owns
        self.ttl: Final[Any] = ttl
        # In a cache of its own an entry needs no tag to be found.
        self.tags: Final[tuple[str, ...]] = (*options.get("tags", ()), *(() if owns else (prefix,)))
        kept = {name: value for name, value in options.items() if name != "tags"}
        self.options: Final = {**kept, "tags": self.tags} if self.tags else kept

    def options_for(self, key: tuple[Any, ...]) -> Mapping[str, Any]:
        """The options to write the entry of `key` with."""
        if not self.owner or not isinstance(key[1], str):
            return self.options
        # A tag costs each read a look at it; in a cache of its own a method goes without.
        _instances.used_by(key[1], self.cache, key if self.owns else None)
        return self.options if self.owns else {**self.options, "tags": (*self.tags, key[1])}

    def peek(self, key: tuple[Any, ...]) -> Any:
        """The fresh value under `key` or MISSING; counts as no call."""
        found = self.cache._peek(key)
        return found[0] if found is not None and found[1] else MISSING

    def info(self, calls: tuple[int, int]) -> CacheInfo:
        """The counts, given hits and misses."""
        cache = self.cache
        size = len(cache) if self.owns else len(cache._rows(None, [self.prefix], None))
        return CacheInfo(*calls, cache.max_size, size)

    def clear(self) -> None:
        """Drops every entry of the function."""
        if self.owns:
            self.cache.clear()
        else:
            self.cache.invalidate(tags=[self.prefix], hard=True)

    def parameters(self) -> dict[str, Any]:
        """As ``functools.lru_cache`` reports them."""
        return {"maxsize": self.cache.max_size, "typed": True}

    def unusable(self, key: tuple[Any, ...], error: BaseException) -> NoReturn:
        """Raises `error`, which names the argument if it is about one."""
        if isinstance(error, InvalidKeyError):
            for name, part in zip(self.parts, key[1:], strict=True):
                try:
                    _omnicache.encode_key(part)
                except InvalidKeyError as cause:
                    raise InvalidKeyError(
                        f"{self.name}(): the argument {name!r} cannot be part of the key: {cause}"
                    ) from cause
        raise error
