"""A cached coroutine function: a real ``async def`` with the signature of the function it stands for.

Only a real one is a coroutine function to ``inspect`` and to every framework, and one that has the very parameters
binds its arguments faster than anything that packs them first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from ._fetch import afetch, arenew
from ._omnicache import CachedCall, install_call
from ._sentinels import MissingType

if TYPE_CHECKING:
    from typing import Self

    from ._keeper import CacheInfo, Keeper
    from ._signature import Plan
    from .cache import Cache

__all__ = ["AsyncCachedFunction", "BoundAsyncCachedFunction", "cached_coroutine"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")


class BoundAsyncCachedFunction(Protocol[P, R_co]):
    """A cached coroutine method of one instance, as type checkers see it: Python's own bound method.

    The methods of the function itself want the instance: ``Class.method.invalidate(instance, ...)``.
    """

    __name__: str
    __qualname__: str
    __self__: Any

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Calls the method."""
        ...

    def cache_info(self) -> CacheInfo:
        """As :meth:`AsyncCachedFunction.cache_info`, of all instances together."""
        ...

    def cache_clear(self) -> None:
        """As :meth:`AsyncCachedFunction.cache_clear`, for all instances together."""
        ...

    def cache_parameters(self) -> dict[str, Any]:
        """As :meth:`AsyncCachedFunction.cache_parameters`."""
        ...


class AsyncCachedFunction(Protocol[P, R]):
    """A coroutine function that remembers what it returned, as type checkers see it: a function with these attributes.

    >>> import asyncio
    >>> from omnicache import cached
    >>> @cached(ttl="5m")
    ... async def load(user_id: int) -> str:
    ...     return f"user {user_id}"
    >>> async def main() -> None:
    ...     print(await load(1), await load(user_id=1), load.cache_info().misses)
    ...     print(await load.invalidate(1))
    >>> asyncio.run(main())
    user 1 user 1 1
    True
    """

    __name__: str
    __qualname__: str
    __wrapped__: Callable[P, Coroutine[Any, Any, R]]
    cache: Cache

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Calls the function."""
        ...

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> AsyncCachedFunction[P, R]: ...
    @overload
    def __get__(
        self: AsyncCachedFunction[Concatenate[S, Q], R], instance: S, owner: type | None = None, /
    ) -> BoundAsyncCachedFunction[Q, R]: ...

    def cache_info(self) -> CacheInfo:
        """Hits, misses, the limit and the number of entries of this function."""
        ...

    def cache_clear(self) -> None:
        """Drops every entry of this function and counts from 0 again."""
        ...

    def cache_parameters(self) -> dict[str, Any]:
        """``{"maxsize": ..., "typed": True}``: arguments of different types are always different."""
        ...

    def key(self, /, *args: P.args, **kwargs: P.kwargs) -> tuple[Any, ...]:
        """The key of a call: ``(prefix, *arguments)``.

        Raises:
            TypeError: The arguments do not fit the signature.
        """
        ...

    async def invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Drops the entry; whether there was one. The next call computes anew."""
        ...

    async def refresh(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Computes the value now, whether it is there or not, keeps and returns it."""
        ...

    async def peek(self, /, *args: P.args, **kwargs: P.kwargs) -> R | MissingType:
        """The value if it is there, else ``MISSING``. It calls nothing and counts as nothing."""
        ...

    async def put(self, value: R, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Keeps `value` as what the call returns; returns it."""
        ...


class _LookUp(CachedCall):
    """The native lookup that a cached coroutine function calls with all of its parameters."""

    _keeper: Keeper

    def __new__(cls, keeper: Keeper, plan: Plan, absent: object) -> Self:
        self = super().__new__(cls, keeper.cache, keeper.prefix, plan.native(), absent, keeper.copier)
        self._keeper = keeper
        return self

    def _unusable(self, key: tuple[Any, ...], error: BaseException) -> None:
        self._keeper.unusable(key, error)


install_call(_LookUp)


def cached_coroutine(function: Callable[..., Any], keeper: Keeper, plan: Plan) -> Any:
    """The ``async def`` that stands for `function`, with the attributes of :class:`AsyncCachedFunction`."""
    absent = object()
    look_up = _LookUp(keeper, plan, absent)
    cache = keeper.cache

    def key(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        found = look_up._key(args, kwargs)
        if found is None:
            plan.signature.bind(*args, **kwargs)
            raise TypeError(f"{keeper.name}(): the arguments do not fit the signature")
        return found

    async def load(*args: Any, **kwargs: Any) -> Any:
        return await afetch(keeper.request(function, key(*args, **kwargs), args, kwargs))

    async def invalidate(*args: Any, **kwargs: Any) -> bool:
        return await cache.adelete(key(*args, **kwargs))

    async def put(value: Any, /, *args: Any, **kwargs: Any) -> Any:
        made = key(*args, **kwargs)
        await cache.aset(made, value, **keeper.writing(value, made, args, kwargs))
        return value

    async def refresh(*args: Any, **kwargs: Any) -> Any:
        return await arenew(keeper.request(function, key(*args, **kwargs), args, kwargs))

    async def peek(*args: Any, **kwargs: Any) -> Any:
        return await keeper.apeek(key(*args, **kwargs))

    def cache_clear() -> None:
        keeper.clear()
        look_up._reset_calls()

    made: Any = _compiled(function, plan, {"look_up": look_up._function(), "load": load, "absent": absent})
    update_wrapper(made, function)
    made.cache = cache
    made._keeper = keeper
    made.cache_info = lambda: keeper.info(look_up._calls())
    made.cache_clear = cache_clear
    made.cache_parameters = keeper.parameters
    made.key = key
    made.invalidate, made.refresh, made.peek, made.put = invalidate, refresh, peek, put
    return made


def _compiled(function: Callable[..., Any], plan: Plan, uses: dict[str, object]) -> FunctionType:
    """A coroutine function with the signature of `plan` that looks up, and loads what is not there."""
    parameters = list(plan.signature.parameters.values())
    taken = {parameter.name for parameter in parameters}
    names: dict[str, str] = {}
    for use in (*uses, "key", "value"):
        name = f"_{use}"
        while name in taken:
            name += "_"
        names[use] = name

    call = ", ".join(_argument(parameter) for parameter in parameters)
    bound = ", ".join(parameter.name for parameter in parameters)
    sought = f"{names['key']}({call})" if plan.key is not None else bound
    source = (
        f"async def cached({_declared(parameters)}):\n"
        f"    {names['value']} = {names['look_up']}({sought})\n"
        f"    if {names['value']} is {names['absent']}:\n"
        f"        return await {names['load']}({call})\n"
        f"    return {names['value']}\n"
    )
    scope: dict[str, Any] = {names[use]: thing for use, thing in uses.items()}
    scope[names["key"]] = plan.key
    # The source holds nothing but the names of parameters, which were checked to be identifiers.
    exec(compile(source, f"<cached {function!r}>", "exec"), scope)  # noqa: S102
    made: FunctionType = scope.pop("cached")
    given = [parameter for parameter in parameters if parameter.default is not inspect.Parameter.empty]
    named = {p.name: p.default for p in given if p.kind is inspect.Parameter.KEYWORD_ONLY}
    made.__defaults__ = tuple(p.default for p in given if p.kind is not inspect.Parameter.KEYWORD_ONLY) or None
    made.__kwdefaults__ = named or None
    made.__code__ = _named(made.__code__, getattr(function, "__name__", ""), getattr(function, "__qualname__", ""))
    return made


def _named(code: CodeType, name: str, qualname: str) -> CodeType:
    """The code under the function's name, for tracebacks."""
    return code.replace(co_name=name or code.co_name, co_qualname=qualname or code.co_qualname)


def _declared(parameters: list[inspect.Parameter]) -> str:
    """The parameters as a function declares them; the defaults are put in later."""
    declared: list[str] = []
    kinds = [parameter.kind for parameter in parameters]
    for at, parameter in enumerate(parameters):
        default = "" if parameter.default is inspect.Parameter.empty else "=None"
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not (
            inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.KEYWORD_ONLY in kinds[:at]
        ):
            declared.append("*")
        declared.append(_starred(parameter) + default)
        nameless = inspect.Parameter.POSITIONAL_ONLY
        if parameter.kind is nameless and nameless not in kinds[at + 1 :]:
            declared.append("/")
    return ", ".join(declared)


def _argument(parameter: inspect.Parameter) -> str:
    """How the parameter is passed on."""
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return f"{parameter.name}={parameter.name}"
    return _starred(parameter)


def _starred(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    return parameter.name
