"""``Cache-Control``: its directives (RFC 9111, section 5.2) and numbers of seconds (section 1.2.2)."""

from __future__ import annotations

import re

from .fields import Headers, is_token, joined, members, unquoted

__all__ = ["LARGEST", "Directives", "delta_seconds", "directives_of", "parse"]

LARGEST = 2**31
"""The number of seconds that stands for all that are larger (RFC 9111, section 1.2.2)."""

_DIGITS = re.compile(r"[0-9]+")
_ENOUGH_DIGITS = 11  # more are "very large" whatever they are; turning a million digits into an int takes seconds
_WITH_FIELDS = frozenset({"no-cache", "private"})


def delta_seconds(text: str) -> int | None:
    """A number of seconds, at most 2**31 (RFC 9111, section 1.2.2); None if the text is none.

    >>> delta_seconds("060"), delta_seconds("99999999999999"), delta_seconds("1.0"), delta_seconds("-1")
    (60, 2147483648, None, None)
    """
    if not _DIGITS.fullmatch(text):
        return None
    digits = text.lstrip("0")
    return LARGEST if len(digits) > _ENOUGH_DIGITS else min(int(digits or "0"), LARGEST)


class Directives(dict[str, "str | None"]):
    """Directives by name in lower case; the value is None where there was no argument."""

    def seconds(self, name: str) -> int | None:
        """The argument in seconds, None if the directive is not there.

        One that is there and cannot be read is 0: what says that it ends, and not when, has ended (RFC 9111, section
        4.2.1).

        >>> parse("max-age=60, s-maxage=soon").seconds("max-age"), parse("s-maxage=soon").seconds("s-maxage")
        (60, 0)
        """
        if name not in self:
            return None
        return delta_seconds(self[name] or "") or 0

    def everything(self, name: str) -> bool:
        """Whether ``no-cache`` or ``private`` is there and speaks of the whole response (sections 5.2.2.4, 5.2.2.7)."""
        return name in self and self[name] is None

    def fields(self, name: str) -> frozenset[bytes]:
        """The fields that ``no-cache="a, b"`` or ``private="a, b"`` names.

        >>> sorted(parse('no-cache="A, b"').fields("no-cache"))
        [b'a', b'b']
        """
        return frozenset(field.lower().encode("latin-1") for field in members(self.get(name) or ""))


def parse(text: str) -> Directives:
    r"""The directives of a field value (RFC 9111, section 5.2).

    Names are compared without case, an argument may be a token or a quoted string, the first of two directives of one
    name counts (section 4.2.1). ``no-cache`` and ``private`` for all outweigh those for some fields. What has no form
    is passed over.

    >>> parse('Max-Age=60, extension="max-age=3600", max-age=1, =, max-age =2')
    {'max-age': '60', 'extension': 'max-age=3600'}
    """
    found = Directives()
    for member in members(text):
        name, equals, argument = member.partition("=")
        if not is_token(name):
            continue
        name = name.lower()
        value = _argument(argument) if equals else None
        if name in _WITH_FIELDS:
            value = value or None
            if name in found and value is not None and found[name] is not None:
                found[name] = f"{found[name]},{value}"
            elif name not in found or value is None:
                found[name] = value
        elif name not in found:
            found[name] = value
    return found


def directives_of(headers: Headers) -> Directives:
    """The directives of the ``Cache-Control`` field, all its lines together."""
    return parse(joined(headers, b"cache-control") or "")


def _argument(text: str) -> str:
    said = unquoted(text)
    return text if said is None else said
