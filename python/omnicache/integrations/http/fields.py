"""Header fields: finding them, and splitting lists (RFC 9110, sections 5.3 and 5.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

__all__ = ["Headers", "is_token", "joined", "lowered", "members", "unquoted", "values", "without"]

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Header fields in order; names are in lower case and may repeat."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_MEMBER = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def lowered(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The fields with names in lower case, which applications sometimes forget."""
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]


def values(headers: Headers, name: bytes) -> list[bytes]:
    """The values of every line of a field.

    >>> values([(b"vary", b"a"), (b"age", b"1"), (b"vary", b"b")], b"vary")
    [b'a', b'b']
    """
    return [value for found, value in headers if found == name]


def joined(headers: Headers, name: bytes) -> str | None:
    """All lines of a field as one value, as RFC 9110, section 5.3 combines them; None if there is none.

    >>> joined([(b"vary", b"a"), (b"vary", b"b")], b"vary")
    'a, b'
    """
    found = values(headers, name)
    return b", ".join(found).decode("latin-1") if found else None


def members(text: str) -> list[str]:
    """The members of a comma-separated list (RFC 9110, section 5.6.1): trimmed, empty ones dropped.

    Commas in quoted strings do not separate.

    >>> members('a, ,b="1,2" ,c')
    ['a', 'b="1,2"', 'c']
    """
    return [member for found in _MEMBER.findall(text) if (member := found.strip(" \t"))]


def is_token(text: str) -> bool:
    """Whether the text is a token (RFC 9110, section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def unquoted(text: str) -> str | None:
    r"""What a quoted string says (RFC 9110, section 5.6.4); None if the text is none.

    >>> unquoted('"a \\"b\\""'), unquoted("a")
    ('a "b"', None)
    """
    found = _QUOTED.fullmatch(text)
    return None if found is None else re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)


def without(headers: Headers, names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """The fields but for those named."""
    dropped = frozenset(names)
    return [(name, value) for name, value in headers if name not in dropped]
