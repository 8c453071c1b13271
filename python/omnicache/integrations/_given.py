"""What ``cached`` was given, checked and made ready: a serializer, and labels as a function of the arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from ..exceptions import CacheConfigError

__all__ = ["coder_from", "tags_from"]


def coder_from(serializer: Any) -> Any:
    """An object with ``dumps`` and ``loads``, None for none."""
    if serializer is None:
        return None
    if serializer == "json":
        return json
    if callable(getattr(serializer, "dumps", None)) and callable(getattr(serializer, "loads", None)):
        return serializer
    raise CacheConfigError(f'cached: serializer: "json", or an object with dumps and loads, not {serializer!r}')


def tags_from(tags: Any) -> Callable[[Mapping[str, Any]], tuple[str, ...]] | None:
    """A function of the arguments that returns the labels; None if there are none."""
    if callable(tags):
        made = cast("Callable[..., Iterable[str]]", tags)
        return lambda arguments: tuple(made(**arguments))
    if isinstance(tags, str):
        raise CacheConfigError(f"cached: tags: labels in a list, not one str; write [{tags!r}]")
    templates = tuple(tags)
    if not templates:
        return None
    return lambda arguments: tuple(template.format(**arguments) for template in templates)
