"""What a loader may learn of its load, and may say of what it loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import FunctionType, MethodType
from typing import Any

from ._sentinels import DEFAULT, MISSING
from ._units import duration
from .exceptions import CacheConfigError

__all__ = ["LoadContext", "takes_context"]


class LoadContext:
    """The load that is running, for a loader that takes one argument.

    ``get_or_set`` hands it to a loader with one required parameter; a function made by ``@cached`` declares a parameter
    of this type, which callers do not pass and which takes no part in the key.

    >>> from omnicache import Cache
    >>> def load(ctx):
    ...     ctx.ttl = "10m"
    ...     ctx.tags.add("users")
    ...     return "Ada"
    >>> with Cache("with-context") as cache:
    ...     cache.get_or_set("user:1", load), cache.entry("user:1").tags, cache.ttl("user:1") > 590
    ('Ada', ('users',), True)
    """

    __slots__ = ("_kept", "_ttl", "key", "stale_value", "tags")

    key: Any
    """The key that is being loaded."""
    stale_value: Any
    """The value that the load will replace, stale or about to be; ``MISSING`` if there is none."""
    tags: set[str]
    """The tags that the value will carry; add to them, or take from them."""

    def __init__(self, key: Any, stale_value: Any, tags: Iterable[str]) -> None:
        """For the load of `key`, which will replace `stale_value`."""
        self.key = key
        self.stale_value = stale_value
        self.tags = set(tags)
        self._ttl: Any = DEFAULT
        self._kept = True

    @property
    def ttl(self) -> Any:
        """How long the value will be fresh, in seconds: ``DEFAULT`` if the loader has not said, None for ever."""
        return self._ttl

    @ttl.setter
    def ttl(self, value: Any) -> None:
        self._ttl = value if value is None or value is DEFAULT else duration(value, "ctx.ttl")

    def skip(self) -> None:
        """What the loader returns goes to those who wait, and is not kept."""
        self._kept = False

    def not_modified(self) -> Any:
        """The old value, to be returned: it is as good as new, and gets a new ttl.

        Raises:
            CacheConfigError: There is no old value.

        >>> from omnicache import MISSING, Cache
        >>> def load(ctx):
        ...     return "made" if ctx.stale_value is MISSING else ctx.not_modified()
        >>> with Cache("revalidated") as cache:
        ...     cache.get_or_set("page", load)
        'made'
        """
        if self.stale_value is MISSING:
            raise CacheConfigError(
                f"ctx.not_modified(): there is no old value of {self.key!r}; ask whether ctx.stale_value is MISSING"
            )
        return self.stale_value


def takes_context(loader: Callable[..., object]) -> bool:
    """Whether a loader must be given an argument: it has a parameter without a default."""
    function: Any = loader
    bound = 0
    if isinstance(function, MethodType):
        function, bound = function.__func__, 1
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        return function.__code__.co_argcount - len(function.__defaults__ or ()) > bound
    try:
        parameters = inspect.signature(loader).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not say
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
