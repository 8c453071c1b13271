"""How the parameters of an endpoint take part in a key: by annotation, and by what their dependencies may read."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_args, get_origin

from starlette.background import BackgroundTasks
from starlette.requests import HTTPConnection
from starlette.responses import Response

from .._keys import KeyBy, NoKey
from .._omnicache import encode_key
from ..exceptions import CacheError

__all__ = ["kind_of", "plain"]


def kind_of(parameter: inspect.Parameter) -> Any:
    """How a parameter takes part: a mark, ``"value"``, ``"skip"``, ``"made"`` by a dependency, or ``"credentials"``."""
    annotation, default = parameter.annotation, parameter.default
    marks: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        marks = tuple(rest)
    for mark in reversed(marks):
        if mark is NoKey or isinstance(mark, NoKey):
            return "skip"
        if isinstance(mark, KeyBy):
            return mark
    if isinstance(annotation, type) and issubclass(annotation, (Response, BackgroundTasks)):
        return "skip"
    if getattr(annotation, "__name__", "") == "SecurityScopes":
        return "skip"
    depends = next((given for given in (*marks, default) if hasattr(given, "dependency")), None)
    if depends is None:
        return "value"
    return "credentials" if _asks_who(depends.dependency or annotation, set()) else "made"


def _asks_who(dependency: Any, seen: set[int]) -> bool:
    """Whether a dependency, or one of its own, may read who asks."""
    if id(dependency) in seen or not callable(dependency):
        return False
    seen.add(id(dependency))
    if hasattr(dependency, "scheme_name") and hasattr(dependency, "model"):
        return True  # a security scheme
    try:
        parameters = inspect.signature(dependency, eval_str=True).parameters.values()
    except Exception:  # noqa: BLE001 - what cannot be read may read anything
        return True
    return any(_reads_who(parameter, seen) for parameter in parameters)


def _reads_who(parameter: inspect.Parameter, seen: set[int]) -> bool:
    annotation: Any = parameter.annotation
    marks: tuple[Any, ...] = (parameter.default,)
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        marks = (*rest, parameter.default)
    if isinstance(annotation, type) and issubclass(annotation, HTTPConnection):
        return True
    if any(type(mark).__name__ in {"Header", "Cookie"} for mark in marks):
        return True
    return any(_asks_who(mark.dependency or annotation, seen) for mark in marks if hasattr(mark, "dependency"))


def plain(value: Any) -> bool:
    """Whether a value can be part of a key."""
    if value is None or isinstance(value, (str, bytes, int, float, bool)):
        return True
    try:
        encode_key(value)
    except (CacheError, TypeError, ValueError):
        return False
    return True
