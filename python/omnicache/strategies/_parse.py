"""A strategy from what a user may write for one: a name, a dict, a class."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from copy import copy
from difflib import get_close_matches

from omnicache import _units
from omnicache.exceptions import CacheStrategyError

from ._base import Strategy
from ._built_in import BUILT_IN
from ._custom import CustomStrategy


def strategy_from(value: object, *, max_size: int | None = None, max_bytes: int | str | None = None) -> Strategy:
    """The strategy that `value` describes.

    Args:
        value: A strategy, a strategy class, a name (``"lru"``, ``"lfu"``, ``"ttl"``, ``"size"``, ``"tinylfu"``), or a
            dict with the name under ``"type"`` and the arguments beside it.
        max_size: A limit given beside the strategy; it is an error if `value` has a different one.
        max_bytes: The same, in bytes or as text.

    Raises:
        CacheStrategyError: It describes none; the message names the nearest right name.

    >>> from omnicache.strategies import strategy_from
    >>> strategy_from("lru", max_size=10) == strategy_from({"type": "lru", "max_size": 10})
    True
    """
    given: dict[str, object] = {
        field: limit for field, limit in (("max_size", max_size), ("max_bytes", max_bytes)) if limit is not None
    }
    if isinstance(value, Strategy):
        return _limited(_checked(value), given)
    if isinstance(value, str):
        return _built(_by_name(value), {}, given)
    if isinstance(value, Mapping):
        arguments = dict(value)
        kind = arguments.pop("type", None)
        if not isinstance(kind, str):
            raise CacheStrategyError(
                f'strategy: a dict needs "type", one of {_names()}, for instance {{"type": "lru"}}'
            )
        return _built(_by_name(kind), arguments, given)
    if isinstance(value, type) and issubclass(value, Strategy):
        return _checked(_built(value, {}, given))
    raise CacheStrategyError(
        f"strategy: an object of type {type(value).__name__} is none; "
        f"give a strategy, its class, a dict, or one of {_names()}"
    )


def _names() -> str:
    return ", ".join(map(repr, BUILT_IN))


def _by_name(name: str) -> type[Strategy]:
    plain = name.lower().replace("-", "").replace("_", "").removesuffix("strategy")
    if plain in BUILT_IN:
        return BUILT_IN[plain]
    raise CacheStrategyError(f"strategy: there is no {name[:40]!r}{_nearest(plain, BUILT_IN)} The names are {_names()}")


def _nearest(wrong: str, names: Iterable[str]) -> str:
    """The end of a sentence that says there is no `wrong`."""
    near = get_close_matches(wrong[:40], list(names), 1)
    return f"; did you mean {near[0]!r}?" if near else "."


def _built(cls: type[Strategy], arguments: dict[object, object], given: dict[str, object]) -> Strategy:
    accepted = inspect.signature(cls).parameters
    for field in arguments:
        if field not in accepted:
            raise CacheStrategyError(
                f"{cls.__name__}: there is no option {str(field)[:40]!r}{_nearest(str(field), accepted)} "
                f"The options are {', '.join(map(repr, accepted))}"
            )
    # A limit that the class cannot be built without comes from either side; the others are compared afterwards.
    needed = {
        field: limit
        for field, limit in given.items()
        if field in accepted and accepted[field].default is inspect.Parameter.empty and field not in arguments
    }
    chosen: dict[str, object] = {str(field): argument for field, argument in arguments.items()} | needed
    try:
        strategy = cls(**chosen)
    except TypeError as error:
        raise CacheStrategyError(f"{cls.__name__} cannot be made from these options: {error}") from error
    return _limited(strategy, given)


def _checked(strategy: Strategy) -> Strategy:
    """Refuses what the engine cannot run, and the limits of a subclass that set them by itself."""
    if not isinstance(strategy, (CustomStrategy, *BUILT_IN.values())):
        raise CacheStrategyError(f"{type(strategy).__name__}: derive a strategy of your own from CustomStrategy")
    if isinstance(strategy, CustomStrategy):
        strategy._limits(strategy.max_size, strategy.max_bytes)
    return strategy


def _limited(strategy: Strategy, given: dict[str, object]) -> Strategy:
    """`strategy` with the limits that were given beside it."""
    changes: dict[str, object] = {}
    for field, limit in given.items():
        parse = _units.count if field == "max_size" else _units.size
        wanted, has = parse(limit, field, CacheStrategyError), getattr(strategy, field)
        if has == wanted:
            continue
        if has is not None:
            raise CacheStrategyError(f"{field}: given twice, {has} in {type(strategy).__name__} and {wanted} beside it")
        if isinstance(strategy, CustomStrategy):
            # A copy could share the adviser's notes with the original, and this one may be in use elsewhere.
            raise CacheStrategyError(
                f"{field}: set it in {type(strategy).__name__} itself, which is a strategy of your own"
            )
        changes[field] = wanted
    if not changes:
        return strategy
    changed = copy(strategy)
    for field, limit in changes.items():
        changed._put(field, limit)
    return changed
