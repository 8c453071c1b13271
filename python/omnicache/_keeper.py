"""What a cached function knows of its cache: where its entries are, how they are written, how to find and drop them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from . import _instances, _omnicache
from ._events import LOCK
from ._loading import Call, Request
from ._omnicache import CachedError
from ._options import checked_copier
from ._sentinels import DEFAULT, MISSING
from ._tags import TagSource
from .exceptions import CacheConfigError, InvalidKeyError

if TYPE_CHECKING:
    from ._options import Options
    from ._signature import Plan
    from .cache import Cache

__all__ = ["CacheInfo", "Keeper", "no_instance"]


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

    __slots__ = (
        "_found",
        "_options",
        "_plan",
        "_runs",
        "_tags",
        "_tags_given",
        "cache",
        "name",
        "owner",
        "owns",
        "prefix",
    )

    def __init__(self, cache: Cache, prefix: str, name: str, plan: Plan, *, options: Options, owns: bool) -> None:
        self.cache: Final = cache
        self.prefix: Final = prefix
        self.name: Final = name
        self.owner: Final = plan.has_owner
        self.owns: Final = owns
        self._plan: Final = plan
        self._runs = self._found = 0
        self._tags: Final = TagSource(name, options.tags, plan.signature)
        # In a cache of its own an entry needs no tag to be found.
        fixed = (*self._tags.fixed, *(() if owns else (prefix,)))
        self._tags_given: Final = options.tags is not DEFAULT
        self._options: Final = replace(options, tags=fixed)

    def request(
        self, function: Callable[..., Any], key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Request:
        """What a call asks for that `function` has to answer."""
        plan = self._plan
        call = Call(
            plan.loader(function, args, kwargs),
            self.options_for(key, args, kwargs),
            context=plan.context is not None,
            again=not plan.lent,
            ran=self._count_run,
            found=self._count_found,
        )
        return self.cache._request(key, call)

    def options_for(self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Options:
        """The options to write the entry of `key` with."""
        options = self._options
        if self.owner and self.cache._shared and isinstance(key[1], str):
            raise no_instance(self.name, type(args[0]).__qualname__ if args else "its class")
        more = [] if self._tags_given else list(self.cache._options.tags)
        if self.owner and isinstance(key[1], str):
            # A tag costs each read a look at it; in a cache of its own a method goes without.
            _instances.used_by(key[1], self.cache, key if self.owns else None)
            more += [] if self.owns else [key[1]]
        more += self._tags.made(args, kwargs)
        return replace(options, tags=(*options.tags, *more)) if more else options

    def writing(
        self, value: Any, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """The arguments of ``set`` for a value that was not loaded."""
        return self.options_for(key, args, kwargs).over(self.cache._options).writing(value)

    def _count_run(self) -> None:
        with LOCK:
            self._runs += 1

    def _count_found(self) -> None:
        with LOCK:
            self._found += 1

    @property
    def copier(self) -> Callable[[Any], Any] | None:
        """What a hit is handed out through; None for as it is."""
        return None if self._options.copy is DEFAULT else checked_copier(self._options.copy)

    @property
    def runs(self) -> int:
        """How often the function was run to fill the cache."""
        return self._runs

    def peek(self, key: tuple[Any, ...]) -> Any:
        """The fresh value under `key` or MISSING; counts as no call."""
        return _fresh(self.cache._peek(key))

    async def apeek(self, key: tuple[Any, ...]) -> Any:
        """As :meth:`peek`."""
        return _fresh(await self.cache._apeek(key))

    def info(self, calls: tuple[int, int]) -> CacheInfo:
        """The counts, given hits and misses."""
        cache = self.cache
        size = len(cache) if self.owns else len(cache._rows(None, [self.prefix], None))
        hits, misses = calls
        return CacheInfo(hits + self._found, misses - self._found, cache.max_size, size)

    def clear(self) -> None:
        """Drops every entry of the function."""
        if self.owns:
            self.cache.clear()
        else:
            self.cache.invalidate(tags=[self.prefix], hard=True)
        self._found = 0

    def parameters(self) -> dict[str, Any]:
        """As ``functools.lru_cache`` reports them."""
        return {"maxsize": self.cache.max_size, "typed": True}

    def unusable(self, key: tuple[Any, ...], error: BaseException) -> NoReturn:
        """Raises `error`, which names the argument if it is about one."""
        if isinstance(error, InvalidKeyError):
            for name, part in zip(self._plan.parts, key[1:], strict=True):
                try:
                    _omnicache.encode_key(part)
                except InvalidKeyError as cause:
                    raise InvalidKeyError(
                        f"{self.name}(): the argument {name!r} cannot be part of the key: {cause}"
                    ) from cause
        raise error


def _fresh(found: tuple[Any, bool] | None) -> Any:
    return found[0] if found is not None and found[1] and not isinstance(found[0], CachedError) else MISSING


def no_instance(function: str, owner: str) -> CacheConfigError:
    """The error for a method in a cache of which other processes have a part: an instance means nothing to them."""
    return CacheConfigError(
        f"@cached: {function}(): the entries of this cache leave the process, where no instance of {owner} is known. "
        f"Give {owner} a __cache_key__() method that returns what identifies an instance, or cache a function of that"
    )
