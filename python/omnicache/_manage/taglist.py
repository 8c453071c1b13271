"""Several tags in one text: divided by commas, where a backslash keeps the character that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["join", "split"]


def join(tags: Iterable[str]) -> str:
    r"""The text for `tags`.

    >>> join(["a", "b,c"])
    'a,b\\,c'
    """
    return ",".join(tag.replace("\\", "\\\\").replace(",", "\\,") for tag in tags)


def split(text: str) -> list[str]:
    r"""The tags in `text`; empty ones are left out.

    >>> split("a,b\\,c,,d")
    ['a', 'b,c', 'd']
    """
    found, tag, escaped = [], "", False
    for char in text:
        if escaped:
            tag, escaped = tag + char, False
        elif char == "\\":
            escaped = True
        elif char == ",":
            found.append(tag)
            tag = ""
        else:
            tag += char
    found.append(tag + ("\\" if escaped else ""))
    return [item for item in found if item]
