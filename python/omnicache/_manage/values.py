"""Values as operators see them: what JSON has exactly as it is, everything else described in words."""

from __future__ import annotations

import reprlib
from typing import Any, Final

from .._omnicache import json_dumps, json_loads
from ..exceptions import CacheSerializationError
from .strictjson import MAX_DEPTH

__all__ = ["described", "shown"]

REPR_LIMIT: Final = 4000


class _Short(reprlib.Repr):
    """Says what a value is without saying all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 8
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = 100
        self.maxarray = 100
        self.maxstring = self.maxother = self.maxlong = 1000


_short: Final = _Short()


def shown(value: object) -> tuple[Any, bool]:
    """`value` for JSON, and whether that is the value itself.

    >>> shown({"a": [1, None]})
    ({'a': [1, None]}, True)
    >>> shown({1, 2})
    ({'type': 'set', 'repr': '{1, 2}'}, False)
    """
    try:
        data = json_dumps(value)
    except (CacheSerializationError, ValueError, RecursionError):
        return described(value), False
    if _deep(value):
        return described(value), False
    try:
        # A copy: whoever gets it may change it, and the value may be changed meanwhile.
        return json_loads(data), True
    except ValueError:  # what only Python's own parser judges, such as integers without end
        return value, True


def described(value: object) -> dict[str, str]:
    """What a value is, in words. Its ``__repr__`` may fail."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = _short.repr(value)
    except Exception as error:  # noqa: BLE001 - the value's own code
        text = f"<{name}, whose repr() raises {type(error).__name__}>"
    text = text.encode("utf-8", "backslashreplace").decode()
    return {"type": name, "repr": text if len(text) <= REPR_LIMIT else text[:REPR_LIMIT] + "..."}


def _deep(value: object) -> bool:
    """Whether it is nested deeper than what is taken back."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, list | dict)
            for item in (outer if isinstance(outer, list) else outer.values())
            if isinstance(item, list | dict)
        ]
        if not level:
            return False
    return True
