"""Finds the part of a value that another serializer refuses without saying where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MAX_DEPTH = 60
"""Deeper parts are not looked for: the error then names the deepest container that was."""


def step(key: object) -> str:
    """How a path leads to the value of `key` in a dict."""
    if type(key) is str:
        return f'["{key}"]'
    if type(key) is int and abs(key) < 1 << 64:
        return f"[{key}]"
    return f"[<{type(key).__name__}>]"


def parts(value: object) -> Iterator[tuple[str, object]]:
    """What a value is made of, and how a path leads there."""
    if isinstance(value, dict):
        for key, item in dict.items(value):
            yield ".keys()", key
            yield step(key), item
    elif isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
        yield from ((f".{name}", item) for name, item in zip(names, value, strict=False))
    elif isinstance(value, list | tuple):
        yield from ((f"[{at}]", item) for at, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from (("{...}", item) for item in value)
    elif not isinstance(value, type):
        yield from attributes(value)


def attributes(value: object) -> Iterator[tuple[str, object]]:
    """The attributes that an object stores."""
    stored = getattr(value, "__dict__", None)
    if isinstance(stored, dict):
        yield from ((f".{name}", item) for name, item in list(stored.items()))
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in {"__dict__", "__weakref__"} and hasattr(value, name):
                yield f".{name}", getattr(value, name)


def find(value: object, fails: Callable[[Any], bool]) -> tuple[str, object]:
    """The path to the smallest part of `value` that `fails`, and that part; `value` itself is known to fail."""
    path, seen = "", {id(value)}
    for _ in range(MAX_DEPTH):
        for way, part in parts(value):
            if id(part) not in seen and fails(part):
                path, value = path + way, part
                seen.add(id(part))
                break
        else:
            break
    return path, value
