"""``@cached``: a function that remembers what it returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from ._coroutine import AsyncCachedFunction, BoundAsyncCachedFunction, cached_coroutine
from ._function import BoundCachedFunction, CachedFunction
from ._keeper import CacheInfo, Keeper
from ._options import Options, check_names, options_from
from ._prefixes import prefix_of
from ._sentinels import DEFAULT
from ._signature import Plan, plan_of
from .cache import Cache
from .exceptions import CacheConfigError
from .registry import get_cache

if TYPE_CHECKING:
    from ._omnicache import ManualClock
    from ._types import CopyMode
    from .strategies import Strategy

__all__ = [
    "AsyncCachedFunction",
    "BoundAsyncCachedFunction",
    "BoundCachedFunction",
    "CacheInfo",
    "CachedFunction",
    "Decorator",
    "cached",
]

P = ParamSpec("P")
R = TypeVar("R")


class Decorator(Protocol):
    """What ``cached(...)`` returns: it makes a function cached."""

    # A coroutine function is a function too; the first that fits is taken.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncCachedFunction[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


@overload
def cached(  # type: ignore[overload-overlap]
    function: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncCachedFunction[P, R]: ...
@overload
def cached(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cached(
    maxsize: int | None = ...,
    typed: bool = ...,
    *,
    cache: Cache | str | None = ...,
    key: Callable[..., object] | None = ...,
    version: str | int | None = ...,
    prefix: str | None = ...,
    strategy: Strategy | type[Strategy] | str | Mapping[str, Any] = ...,
    clock: ManualClock | None = ...,
    options: Options | None = ...,
    ttl: Any = ...,
    idle: Any = ...,
    stale: Any = ...,
    stale_on_error: Any = ...,
    retry_after: Any = ...,
    refresh_at: float | Literal["auto"] | None = ...,
    timeout: Any = ...,
    jitter: float | None = ...,
    tags: Iterable[str] | Callable[..., Iterable[str]] = ...,
    priority: float = ...,
    store_if: Callable[[Any], object] | None = ...,
    errors: Mapping[type[Exception], Any] | Iterable[type[Exception]] | None = ...,
    copy: CopyMode = ...,
) -> Decorator: ...
def cached(
    maxsize: Any = DEFAULT,
    typed: bool = True,  # noqa: ARG001 - the place it has in functools.lru_cache
    *,
    cache: Cache | str | None = None,
    key: Callable[..., object] | None = None,
    version: str | int | None = None,
    prefix: str | None = None,
    strategy: Any = DEFAULT,
    clock: Any = DEFAULT,
    options: Options | None = None,
    **freshness: Any,
) -> Any:
    """Makes a function, a coroutine function or a method remember what it returned, in the place of ``lru_cache``.

    Usable as ``@cached``, ``@cached()`` and ``@cached(maxsize=128, ...)``. The key is the function's name and the
    arguments, bound to its signature with defaults applied; on a miss one caller runs the function and the others wait.
    ``None`` is a value like any other; exceptions are not kept. A parameter takes no part in the key if it is annotated
    ``Annotated[Session, NoKey]``, and by a part of it if it is ``Annotated[User, KeyBy("id")]``. A parameter annotated
    :class:`LoadContext` is not passed by callers: it is the load that runs. A method remembers for each instance apart,
    as long as the instance lives. See :class:`CachedFunction` for what the result can do.

    Args:
        maxsize: The most entries of the function's own cache, 1024 if neither it nor a limit in `strategy` is given;
            None for no limit. Used as ``@cached``, this is the function, as with ``lru_cache``.
        typed: For ``lru_cache``'s sake; arguments of different types are always different.
        cache: The cache to use, or the name of one, in place of one of its own. It is not combined with `maxsize`,
            `strategy` and `clock`, which are the cache's affair.
        key: Makes the key from the arguments, in place of the signature.
        version: Part of the key: raise it when the function's meaning changes.
        prefix: What keys start with, in place of ``"module:qualified.name"``.
        strategy: Who is evicted from the function's own cache; LRU if it is not given.
        clock: A ``ManualClock``, for tests.
        options: An :class:`Options`: how long values live, how they are kept fresh.
        freshness: The fields of :class:`Options` one by one, which go before `options`: ``ttl="5m"``,
            ``tags=["user:{user_id}"]``, ``stale_on_error="1h"``.

    Raises:
        InvalidKeyError: A parameter can never be part of a key.
        CacheConfigError: An option cannot be used; or the function is a generator, whose result can be used only once.
        CacheStrategyError: `maxsize` or `strategy` cannot be used.
        TypeError: An option is unknown.

    >>> from omnicache import cached
    >>> @cached(maxsize=None)
    ... def fib(n: int) -> int:
    ...     return n if n < 2 else fib(n - 1) + fib(n - 2)
    >>> fib(50)
    12586269025
    >>> fib.cache_info()
    CacheInfo(hits=48, misses=51, maxsize=None, currsize=51)
    """
    function: Any = DEFAULT
    if not (maxsize is None or maxsize is DEFAULT or isinstance(maxsize, int)):
        function, maxsize = maxsize, DEFAULT
    own = {"max_size": maxsize, "strategy": strategy, "clock": clock}
    given = {name: value for name, value in own.items() if value is not DEFAULT}
    if cache is not None and given:
        named = ", ".join("maxsize" if name == "max_size" else name for name in given)
        raise CacheConfigError(f"@cached: {named}: belongs to the cache, which is given by cache=; set it there")
    if isinstance(cache, str):
        cache = get_cache(cache)
    if not (cache is None or isinstance(cache, Cache)):
        raise CacheConfigError(f"@cached: cache: a Cache or the name of one, not {type(cache).__name__}")
    if not (key is None or callable(key)):
        raise CacheConfigError(f"@cached: key: a function of the arguments, not {type(key).__name__}")
    bounds = {} if _is_bounded(strategy) else {"max_size": 1024}
    check_names("@cached", freshness)
    try:
        wanted = options_from("@cached", freshness, options)
    except (CacheConfigError, TypeError) as error:
        raise CacheConfigError(f"@cached: {error}") from None

    def decorate(function: Any) -> Any:
        _check(function)

        def make(*, method: bool = False) -> Any:
            plan = plan_of(function, key, method=method)
            _check_lent(function, plan, wanted)
            start = prefix_of(cache, function, prefix, version)
            kept = Cache._anonymous(start, **{**bounds, **given}) if cache is None else cache
            keeper = Keeper(kept, start, _name(function), plan, options=wanted, owns=cache is None)
            return _wrapped(function, keeper, plan, lambda: make(method=True))

        return make()

    return decorate if function is DEFAULT else decorate(function)


def _method(self: Cache, function: Any = DEFAULT, typed: bool = True, **options: Any) -> Any:
    """Makes a function remember what it returned in this cache; see :func:`omnicache.cached` for the options.

    >>> from omnicache import Cache
    >>> cache = Cache("remembered", default_ttl="5m")
    >>> @cache.cached(tags=["math"])
    ... def square(number: int) -> int:
    ...     return number * number
    >>> square(3), cache.get(square.key(3))
    (9, 9)
    >>> cache.close()
    """
    return cached(function, typed, cache=self, **options)


# The cache stands below the decorators and cannot import them; its type is declared there.
_method.__name__, _method.__qualname__ = "cached", "Cache.cached"
Cache.cached = _method  # type: ignore[assignment, method-assign] # the overloads stand with the declaration


def _wrapped(function: Any, keeper: Keeper, plan: Plan, again: Callable[[], Any]) -> Any:
    if _is_async(function):
        return cached_coroutine(function, keeper, plan)
    return CachedFunction(function, keeper, plan, again)


def _check_lent(function: Any, plan: Plan, options: Options) -> None:
    """Refuses a refresh in the background with arguments that may be closed by then."""
    wanted = [name for name in ("stale", "refresh_at") if getattr(options, name) not in (DEFAULT, None)]
    if wanted and plan.lent:
        raise CacheConfigError(
            f"@cached: {_name(function)}(): {' and '.join(wanted)}: a refresh in the background outlives the call, and "
            f"the argument {plan.lent[0]!r} is not in the key as it is, so it may belong to the call. If it does not, "
            "say so: NoKey(shared=True); else leave the option out, or get what it stands for inside the function"
        )


def _is_bounded(strategy: Any) -> bool:
    """Whether the strategy comes with a limit of its own."""
    find = strategy.get if isinstance(strategy, Mapping) else partial(getattr, strategy)
    return any(find(limit, None) is not None for limit in ("max_size", "max_bytes"))


def _check(function: Any) -> None:
    """Refuses what cannot be cached."""
    if isinstance(function, (staticmethod, classmethod, property)):
        kind = type(function).__name__
        raise CacheConfigError(f"@cached: write it under @{kind}: first the function is cached, then made a {kind}")
    if isinstance(function, (str, Cache)):
        raise CacheConfigError(f"@cached({function!r}): name the argument: @cached(cache=...)")
    if not callable(function):
        raise CacheConfigError(f"@cached: a function, not {type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise CacheConfigError(
            f"@cached: {_name(function)}() is a generator, whose result can be used only once; return a list or a tuple"
        )


def _is_async(function: Any) -> bool:
    call = function if inspect.isroutine(function) else getattr(function, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or (
        not isinstance(function, type) and inspect.iscoroutinefunction(call)
    )


def _name(function: Any) -> str:
    return cast("str", getattr(function, "__qualname__", type(function).__qualname__))
