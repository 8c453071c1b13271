"""Keys as text: the form in which the command line, REST and the dashboard show and take any key.

A key that is text stands for itself. ``json:`` before JSON stands for what JSON says: a number, ``true``, ``false``,
``null``, or, in brackets, a tuple of these and of text. ``key:`` before hexadecimal digits stands for any other key, by
its canonical bytes. A key that is text and begins with one of the two prefixes is written as JSON.

>>> text_of("user:1"), text_of(1), text_of(("user", 1, None)), text_of("json:1")
('user:1', 'json:1', 'json:["user",1,null]', 'json:"json:1"')
>>> key_of('json:["user",1,null]')
('user', 1, None)
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from .._omnicache import decode_key, encode_key
from ..exceptions import CacheKeyError
from .errors import InvalidInput
from .strictjson import MAX_DEPTH, loads

__all__ = ["MAX_KEY", "key_of", "path_text", "text_of"]

JSON: Final = "json:"
CANONICAL: Final = "key:"
MAX_KEY: Final = 100_000
"""The most characters that a key may have as text."""
_LARGE: Final = 10**1000
# What the path of a URL cannot end with and mean itself: dots are resolved, and `bulk` is a call.
_UNFIT: Final = frozenset({"", ".", "..", "bulk"})


def text_of(key: object) -> str:
    """The text that stands for `key` and for no other key."""
    if type(key) is str and not key.startswith((JSON, CANONICAL)) and _whole(key):
        return key
    if _has_json(key):
        return JSON + json.dumps(key, separators=(",", ":"), ensure_ascii=False)
    return CANONICAL + encode_key(key).hex()


def key_of(text: str) -> Any:
    """The key that `text` stands for.

    Raises:
        InvalidInput: It begins with a prefix, and what follows is no such key.

    >>> key_of("user:1"), key_of("json:1.0"), key_of("key:" + encode_key(b"bytes").hex())
    ('user:1', 1.0, b'bytes')
    """
    if not isinstance(text, str):
        raise InvalidInput(f"key: text, not {type(text).__name__}")
    if len(text) > MAX_KEY:
        raise InvalidInput(f"key: {len(text)} characters are more than the {MAX_KEY} that a key may have")
    if text.startswith(JSON):
        return _from_json(text)
    if text.startswith(CANONICAL):
        try:
            return decode_key(bytes.fromhex(text[len(CANONICAL) :]))
        except (ValueError, CacheKeyError) as error:
            raise InvalidInput(
                f"key: {_short(text)}: {error}; after {CANONICAL!r} come the digits that a listing shows; to name the "
                f"text itself write {JSON}{json.dumps(_short(text))}"
            ) from None
    return text


def path_text(text: str) -> str:
    """`text`, or another text for the same key, that can be the last part of a URL's path.

    Raises:
        InvalidInput: It stands for no key.

    >>> path_text("bulk"), path_text("a/b")
    ('json:"bulk"', 'a/b')
    """
    if text not in _UNFIT and not any(char < " " for char in text):
        return text
    key = key_of(text)
    return JSON + json.dumps(key) if type(key) is str and _whole(key) else text_of(key)


def _whole(text: str) -> bool:
    """Whether a text can be written as UTF-8, as URLs and JSON need it."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _has_json(key: object, depth: int = 1) -> bool:
    """Whether JSON says exactly this key."""
    kind = type(key)
    if kind is tuple:
        return depth <= MAX_DEPTH and all(_has_json(item, depth + 1) for item in key)  # type: ignore[attr-defined] # a tuple
    if kind is str:
        return _whole(key)  # type: ignore[arg-type] # a str
    if kind is int:
        return -_LARGE < key < _LARGE  # type: ignore[operator] # an int
    if kind is float:
        return math.isfinite(key)  # type: ignore[arg-type] # a float
    return kind is bool or key is None


def _from_json(text: str) -> Any:
    try:
        return _tuples(loads(text[len(JSON) :]))
    except InvalidInput as error:
        raise InvalidInput(
            f"key: {_short(text)}: {error}; after {JSON!r} comes JSON; to name the text itself write "
            f"{JSON}{json.dumps(_short(text))}"
        ) from None


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    if isinstance(value, dict):
        raise InvalidInput("an object in braces is no key here")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."  # noqa: PLR2004 - for a message
