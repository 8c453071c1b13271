"""JSON from strangers: what is ambiguous, too deep or no JSON at all is refused, with a message, by one exception."""

from __future__ import annotations

import json
from typing import Any, Final

from .errors import InvalidInput

__all__ = ["MAX_DEPTH", "loads"]

MAX_DEPTH: Final = 64
"""How deep arrays and objects may be nested."""


def loads(text: str | bytes | bytearray) -> Any:
    """The value of JSON text. Bytes are UTF-8.

    Raises:
        InvalidInput: It is no JSON: NaN and Infinity are not, nor are numbers that no float holds; an object names a
            key twice; it is nested too deep; a number has thousands of digits; text holds half a surrogate pair.

    >>> loads('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
        ...
    omnicache._manage.errors.InvalidInput: JSON: the key "a" is there twice
    """
    try:
        text = text if isinstance(text, str) else bytes(text).decode("utf-8")
        # The parser itself recurses, so the depth is looked at first.
        _shallow(text)
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"JSON: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:  # an int of too many digits
        raise InvalidInput(f"JSON: {str(error).partition(';')[0]}") from None
    if "\\ud" in text or "\\uD" in text:
        _paired(value)
    return value


def _shallow(text: str) -> None:
    depth = 0
    inside = escaped = False
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInput(f"JSON: nested deeper than {MAX_DEPTH} levels")
        elif char in "]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidInput(f"JSON: the key {json.dumps(key[:60])} is there twice")
            seen.add(key)
    return made


def _constant(word: str) -> Any:
    raise InvalidInput(f"JSON: {word} is no JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise InvalidInput("JSON: a number is too large for a float")
    return value


def _paired(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise InvalidInput("JSON: text holds half a surrogate pair, which is no character")
    elif isinstance(value, list):
        for item in value:
            _paired(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _paired(key)
            _paired(item)
