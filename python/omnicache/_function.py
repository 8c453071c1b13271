"""A cached function: called as the function is, and answered by native code when the value is there."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from ._fetch import fetch, renew
from ._keeper import no_instance
from ._omnicache import CachedCall, install_call
from ._sentinels import MissingType

if TYPE_CHECKING:
    from typing import Self

    from ._keeper import CacheInfo, Keeper
    from ._loading import Request
    from ._signature import Plan
    from .cache import Cache

__all__ = ["BoundCachedFunction", "CachedFunction"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class CachedFunction(CachedCall, Generic[P, R]):
    """A function that remembers what it returned; made by :func:`omnicache.cached`.

    Arguments are bound to the function's signature and defaults are applied, so that ``f(1)``, ``f(a=1)`` and the
    default spelled out are one entry. Exceptions are not remembered. Each method here that takes the function's
    arguments speaks of the entry of that call.

    >>> from omnicache import MISSING, cached
    >>> @cached
    ... def add(a: int, b: int = 1) -> int:
    ...     return a + b
    >>> add(1), add(a=1), add(1, b=1), add.cache_info().misses
    (2, 2, 2, 1)
    >>> add.invalidate(1), add.peek(1) is MISSING
    (True, True)
    """

    __wrapped__: Callable[P, R]
    __name__: str
    __qualname__: str
    _keeper: Keeper
    _plan: Plan
    _again: Callable[[], CachedFunction[P, R]]

    def __new__(
        cls, function: Callable[P, R], keeper: Keeper, plan: Plan, again: Callable[[], CachedFunction[P, R]]
    ) -> Self:
        """`again` makes the same for a function that turns out to be a method."""
        self = super().__new__(cls, keeper.cache, keeper.prefix, plan.native(), None, keeper.copier)
        self._keeper, self._plan, self._again = keeper, plan, again
        update_wrapper(self, function)
        return self

    if TYPE_CHECKING:  # at run time the call is native

        def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
            """Calls the function, unless its value is there."""
            ...

    # --- as functools.lru_cache ---

    def cache_info(self) -> CacheInfo:
        """Hits, misses, the limit and the number of entries of this function."""
        return self._keeper.info(self._calls())

    def cache_clear(self) -> None:
        """Drops every entry of this function and counts from 0 again."""
        self._keeper.clear()
        self._reset_calls()

    def cache_parameters(self) -> dict[str, Any]:
        """``{"maxsize": ..., "typed": True}``: arguments of different types are always different."""
        return self._keeper.parameters()

    # --- one call's entry ---

    @property
    def cache(self) -> Cache:
        """The cache that holds the entries."""
        return self._keeper.cache

    def key(self, /, *args: P.args, **kwargs: P.kwargs) -> tuple[Any, ...]:
        """The key of a call: ``(prefix, *arguments)``.

        Raises:
            TypeError: The arguments do not fit the signature.
        """
        key = self._key(args, kwargs)
        if key is None:
            self._plan.signature.bind(*args, **kwargs)
            raise TypeError(f"{self._keeper.name}(): the arguments do not fit the signature")
        return key

    def invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Drops the entry; whether there was one. The next call computes anew."""
        return self._keeper.cache.delete(self.key(*args, **kwargs))

    def refresh(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Computes the value now, whether it is there or not, keeps and returns it."""
        request = self._keeper.request(self.__wrapped__, self.key(*args, **kwargs), args, kwargs)
        return cast("R", renew(request))

    def peek(self, /, *args: P.args, **kwargs: P.kwargs) -> R | MissingType:
        """The value if it is there, else ``MISSING``. It calls nothing and counts as nothing."""
        return cast("R | MissingType", self._keeper.peek(self.key(*args, **kwargs)))

    def put(self, value: R, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Keeps `value` as what the call returns; returns it."""
        keeper, key = self._keeper, self.key(*args, **kwargs)
        keeper.cache.set(key, value, **keeper.writing(value, key, args, kwargs))
        return value

    # --- what the native call leaves to Python ---

    # Called by the native call and not by each other, for every frame on the way takes from the depth of a recursion.

    def _request(self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        return self._keeper.request(self.__wrapped__, key, args, kwargs)

    _fetch = staticmethod(fetch)

    def _misfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments do not fit: the function itself says so best, unless it would take one that is not theirs."""
        if self._plan.context is not None:
            self._plan.signature.bind(*args, **kwargs)
        return self.__wrapped__(*args, **kwargs)

    def _unusable(self, key: tuple[Any, ...], error: BaseException) -> None:
        self._keeper.unusable(key, error)

    # --- as a function ---

    def __set_name__(self, owner: type, name: str) -> None:
        """In a class body: a method whose first parameter is not called self is known only now."""
        takes = self._plan.takes
        if self._plan.key is None and takes and not self._plan.has_owner:
            first = next(iter(self._plan.signature.parameters.values()))
            in_place = first.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            if in_place and takes[first.name] == "value" and owner.__dict__.get(name) is self:
                again = self._again()
                setattr(owner, name, again)
                again.__set_name__(owner, name)
        elif self._keeper.owner and self.cache._shared and not hasattr(owner, "__cache_key__"):
            raise no_instance(self._keeper.name, owner.__qualname__)

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Self: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, Q], R], instance: S, owner: type | None = None, /
    ) -> BoundCachedFunction[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        """The function itself in a class; bound to the instance in one."""
        return self if instance is None else BoundCachedFunction(self, instance)

    def __reduce__(self) -> str:
        return self.__qualname__

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object, /) -> Self:
        return self

    def __repr__(self) -> str:
        return f"<cached {self.__wrapped__!r}>"


install_call(CachedFunction)


class BoundCachedFunction(Generic[P, R]):
    """A cached method of one instance: everything that :class:`CachedFunction` has, without naming the instance.

    >>> from omnicache import cached
    >>> class Circle:
    ...     radius = 2
    ...     @cached
    ...     def area(self, pi: float = 3.0) -> float:
    ...         return pi * self.radius**2
    >>> circle = Circle()
    >>> circle.area(), circle.area.invalidate(), circle.area.invalidate()
    (12.0, True, False)
    """

    __slots__ = ("__self__", "__weakref__", "_function")

    __self__: object
    _function: Any

    def __init__(self, function: CachedFunction[..., R], instance: object) -> None:
        self._function = function
        self.__self__ = instance

    @property
    def __func__(self) -> CachedFunction[..., R]:
        """The function in the class."""
        return cast("CachedFunction[..., R]", self._function)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the method."""
        return cast("R", self._function(self.__self__, *args, **kwargs))

    def key(self, /, *args: P.args, **kwargs: P.kwargs) -> tuple[Any, ...]:
        """As :meth:`CachedFunction.key`."""
        return cast("tuple[Any, ...]", self._function.key(self.__self__, *args, **kwargs))

    def invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """As :meth:`CachedFunction.invalidate`."""
        return cast("bool", self._function.invalidate(self.__self__, *args, **kwargs))

    def refresh(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As :meth:`CachedFunction.refresh`."""
        return cast("R", self._function.refresh(self.__self__, *args, **kwargs))

    def peek(self, /, *args: P.args, **kwargs: P.kwargs) -> R | MissingType:
        """As :meth:`CachedFunction.peek`."""
        return cast("R | MissingType", self._function.peek(self.__self__, *args, **kwargs))

    def put(self, value: R, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As :meth:`CachedFunction.put`."""
        return cast("R", self._function.put(value, self.__self__, *args, **kwargs))

    def cache_info(self) -> CacheInfo:
        """As :meth:`CachedFunction.cache_info`, of all instances together."""
        return self.__func__.cache_info()

    def cache_clear(self) -> None:
        """As :meth:`CachedFunction.cache_clear`, for all instances together."""
        self.__func__.cache_clear()

    def cache_parameters(self) -> dict[str, Any]:
        """As :meth:`CachedFunction.cache_parameters`."""
        return self.__func__.cache_parameters()

    @property
    def __signature__(self) -> inspect.Signature:
        signature: inspect.Signature = self._function._plan.signature
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __getattr__(self, name: str) -> Any:
        """What else the function has: its name, its documentation."""
        return getattr(self._function, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundCachedFunction):
            return NotImplemented
        return self._function is other._function and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self._function), id(self.__self__)))

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self._function.__name__)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        return type(self)(self._function, deepcopy(self.__self__, memo))

    def __repr__(self) -> str:
        return f"<cached method {self._function.__qualname__} of {object.__repr__(self.__self__)}>"
