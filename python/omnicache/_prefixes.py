"""What the keys of a cached function start with, so that no two functions of one cache meet."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ._events import LOCK
from .exceptions import CacheConfigError

if TYPE_CHECKING:
    from .cache import Cache

__all__ = ["prefix_of"]


class _Namesakes:
    """The functions of one name that share one cache, each with a number of its own."""

    __slots__ = ("_count", "_living")

    def __init__(self) -> None:
        self._count = 0
        self._living: list[tuple[Callable[[], object], int]] = []

    def number(self, function: Callable[..., Any]) -> int:
        """The number of `function`, the same each time; a number is not given to another when its function is dead."""
        living = []
        for reference, number in self._living:
            known = reference()
            if known is function:
                return number
            if known is not None:
                living.append((reference, number))
        self._count += 1
        with suppress(TypeError):  # a callable without __weakref__, which never comes back as itself
            living.append((weakref.ref(function), self._count))
        self._living = living
        return self._count


_NAMESAKES: Final[weakref.WeakKeyDictionary[Cache, dict[str, _Namesakes]]] = weakref.WeakKeyDictionary()


def prefix_of(cache: Cache | None, function: Callable[..., Any], prefix: object, version: object) -> str:
    """What the keys of `function` start with: "module:qualified.name", and "@version" if there is one.

    Two functions of one name may meet in a cache that they share: closures made by one function, a module that is
    loaded again. The second is numbered, since what the first computed may be wrong for it. Who gives a prefix answers
    for it.

    Raises:
        CacheConfigError: The prefix or the version cannot be used.
    """
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        raise CacheConfigError(f"@cached: version: a str or an int, not {type(version).__name__}")
    end = "" if version is None else f"@{version}"
    if prefix is not None:
        if not isinstance(prefix, str) or not prefix:
            shown = "an empty one" if prefix == "" else type(prefix).__name__
            raise CacheConfigError(f"@cached: prefix: a str that is not empty, not {shown}")
        return prefix + end
    inner: Any = function
    while not hasattr(inner, "__qualname__") and hasattr(inner, "func"):
        inner = inner.func  # a partial
    name = f"{getattr(inner, '__module__', None)}:{getattr(inner, '__qualname__', type(inner).__qualname__)}{end}"
    if cache is None:
        return name
    if cache._shared and "<locals>" not in name:
        return name  # other processes know nothing of a module that was loaded again in this one
    with LOCK:
        number = _NAMESAKES.setdefault(cache, {}).setdefault(name, _Namesakes()).number(function)
    if number > 1 and cache._shared:
        raise CacheConfigError(
            f"@cached: {name}: another function of this name has entries in the cache, which leave the process, where "
            'the two cannot be told apart; give each a name of its own: prefix="..."'
        )
    return name if number == 1 else f"{name}#{number}"
