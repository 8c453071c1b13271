"""A serializer from what a user may write for one: a name, a type, an object."""

from __future__ import annotations

import inspect
import types
import typing
from difflib import get_close_matches
from typing import Any

from omnicache.exceptions import CacheConfigError

from ._base import OURS, Custom, DumpsLoads, Serializer, checked_code
from ._json import Json
from ._native import Native
from ._pickle import Pickle
from ._raw import Raw
from ._typed import SIZE, Typed

BY_NAME: dict[str, type[Serializer]] = {"native": Native, "json": Json, "pickle": Pickle, "raw": Raw}


def serializer_from(spec: Any) -> Serializer:  # noqa: PLR0911 - one line per form
    """The serializer that `spec` describes.

    Args:
        spec: A serializer or its class; a name (``"native"``, ``"json"``, ``"pickle"``, ``"raw"``); a type or a generic
            of one, which means :class:`Typed`; an object with ``dumps`` and ``loads``; None, which means native.

    Raises:
        CacheConfigError: It describes none; the message names the nearest right name.

    >>> serializer_from("json"), serializer_from(None), serializer_from(list[int])
    (Json(), Native(), Typed(list[int]))
    >>> try:
    ...     serializer_from("jsno")
    ... except CacheConfigError as error:
    ...     print(error)
    serializer: there is no 'jsno'; did you mean 'json'? The names are 'native', 'json', 'pickle', 'raw'
    """
    if spec is None:
        return Native()
    if isinstance(spec, Serializer):
        return _checked(spec)
    if isinstance(spec, str):
        return _by_name(spec)
    if isinstance(spec, type) and issubclass(spec, Serializer):
        return _made(spec)
    if _is_type(spec):
        return Typed(spec)
    if isinstance(spec, types.ModuleType) and spec.__name__ in {"json", "pickle"}:
        return _by_name(spec.__name__)  # `json.dumps` returns text; `pickle` is dangerous, which is said there
    if isinstance(spec, DumpsLoads):
        return Custom(spec)
    raise CacheConfigError(
        f"serializer: an object of type {type(spec).__name__} is none; give one of {_names()}, a type, or an object "
        "with dumps() and loads()"
    )


def _names() -> str:
    return ", ".join(map(repr, BY_NAME))


def _by_name(name: str) -> Serializer:
    plain = name.lower().removesuffix("serializer").strip("-_ ")
    if plain in BY_NAME:
        return BY_NAME[plain]()
    near = get_close_matches(plain[:40], BY_NAME, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if plain == "typed":
        hint = "give the type itself, such as serializer=User. "
    raise CacheConfigError(f"serializer: there is no {name[:40]!r}; {hint}The names are {_names()}")


def _made(cls: type[Serializer]) -> Serializer:
    if inspect.isabstract(cls):
        raise CacheConfigError(f"serializer: {cls.__name__} lacks dumps() or loads()")
    try:
        return _checked(cls())
    except TypeError as error:
        raise CacheConfigError(f"serializer: {cls.__name__} needs arguments ({error}); give an instance") from error


def _checked(serializer: Serializer) -> Serializer:
    """`serializer`, unless it is a user's own that takes a code of ours."""
    if not isinstance(serializer, (*BY_NAME.values(), Typed, Custom)) or serializer.code not in OURS:
        checked_code(serializer.code, serializer.name)
    fingerprint = serializer.fingerprint
    if fingerprint is not None and (type(fingerprint), len(fingerprint)) != (bytes, SIZE):
        raise CacheConfigError(f"serializer {serializer.name}: its fingerprint is not 8 bytes")
    return serializer


def _is_type(spec: Any) -> bool:
    """Whether `spec` is a type, as annotations name one."""
    return (
        isinstance(spec, type)
        or typing.get_origin(spec) is not None
        or isinstance(spec, typing.NewType)
        or hasattr(spec, "__value__")
        or spec is Any
    )
