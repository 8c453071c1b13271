"""Plain data as YAML: blocks for tables and lists, and for everything else JSON, which YAML reads as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["yaml_lines"]

# What no reader of any version of YAML takes for something else than this text.
_PLAIN: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_./-]*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def yaml_lines(data: Any, indent: str = "") -> Iterator[str]:
    """The lines.

    >>> list(yaml_lines({"caches": [{"name": "users", "max_size": None}], "none": []}))
    ['caches:', '  - name: users', '    max_size: null', 'none: []']
    """
    if isinstance(data, dict) and data:
        for key, value in data.items():
            if isinstance(value, dict | list) and value:
                yield f"{indent}{_scalar(str(key))}:"
                yield from yaml_lines(value, indent + "  ")
            else:
                yield f"{indent}{_scalar(str(key))}: {_scalar(value)}"
    elif isinstance(data, list) and data:
        for item in data:
            first, *others = yaml_lines(item, indent + "  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from others
    else:
        yield indent + _scalar(data)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)
