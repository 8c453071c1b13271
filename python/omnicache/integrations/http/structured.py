"""Structured fields (RFC 8941): reading dictionaries, with all that their members may be, and writing strings."""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from ...exceptions import CacheError

__all__ = ["BareItem", "InvalidFieldError", "Member", "Token", "parse_dictionary", "write_string"]


class InvalidFieldError(CacheError, ValueError):
    """A field value that is no structured field of the type asked for; the field is to be ignored."""


class Token(str):
    """A token, as opposed to a string."""

    __slots__ = ()


BareItem: TypeAlias = "int | Decimal | str | Token | bytes | bool"


class Member(NamedTuple):
    """A member of a dictionary: an item or an inner list of items, with its parameters."""

    value: BareItem | list[Member]
    parameters: dict[str, BareItem]


_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_NUMBER = re.compile(r"-?(?:(?P<whole>[0-9]{1,12})\.(?P<part>[0-9]{1,3})(?![0-9.])|[0-9]{1,15}(?![0-9.]))")
_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*")
_BYTES = re.compile(r":([A-Za-z0-9+/=]*):")
_BOOLEAN = re.compile(r"\?([01])")
_SPACES = re.compile(r" *")
_OWS = re.compile(r"[ \t]*")


def parse_dictionary(text: str) -> dict[str, Member]:
    """The members of a dictionary (RFC 8941, section 4.2.2); of two with one key the last counts.

    Raises:
        InvalidFieldError: The whole field is invalid, though parts of it may look well.

    >>> {key: member.value for key, member in parse_dictionary('max-age=60, foobar, a=1.5;q="x"').items()}
    {'max-age': 60, 'foobar': True, 'a': Decimal('1.5')}
    """
    reader = _Reader(text.strip(" "))
    found: dict[str, Member] = {}
    while not reader.ended():
        key = reader.take(_KEY)
        member = reader.member() if reader.skip("=") else Member(True, reader.parameters())
        found.pop(key, None)
        found[key] = member
        reader.take(_OWS)
        if reader.ended():
            break
        if not reader.skip(","):
            raise reader.error("a comma")
        reader.take(_OWS)
        if reader.ended():
            raise reader.error("another member after the comma")
    return found


def write_string(text: str) -> str:
    r"""A string (RFC 8941, section 4.1.6); what it cannot hold becomes ``?``.

    >>> write_string('say "a"')
    '"say \\"a\\""'
    """
    printable = re.sub(r"[^\x20-\x7e]", "?", text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Reader:
    """A text and how far it was read."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def ended(self) -> bool:
        return self.at >= len(self.text)

    def error(self, wanted: str) -> InvalidFieldError:
        return InvalidFieldError(f"structured field: expected {wanted} at character {self.at}")

    def skip(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def take(self, form: re.Pattern[str]) -> str:
        found = form.match(self.text, self.at)
        if found is None:
            raise self.error("a key")
        self.at = found.end()
        return found[0]

    def member(self) -> Member:
        if not self.skip("("):
            return Member(self.item(), self.parameters())
        items: list[Member] = []
        while True:
            spaces = self.take(_SPACES)
            if self.skip(")"):
                return Member(items, self.parameters())
            if items and not spaces:
                raise self.error("a space or )")
            items.append(Member(self.item(), self.parameters()))

    def parameters(self) -> dict[str, BareItem]:
        found: dict[str, BareItem] = {}
        while self.skip(";"):
            self.take(_SPACES)
            key = self.take(_KEY)
            found[key] = self.item() if self.skip("=") else True
        return found

    def item(self) -> BareItem:
        for form in (_NUMBER, _STRING, _TOKEN, _BYTES, _BOOLEAN):
            if found := form.match(self.text, self.at):
                break
        else:
            raise self.error("an item")
        self.at = found.end()
        if form is _NUMBER:
            return Decimal(found[0]) if found["part"] else int(found[0])
        if form is _STRING:
            return re.sub(r"\\(.)", r"\1", found[1])
        if form is _TOKEN:
            return Token(found[0])
        if form is _BOOLEAN:
            return found[1] == "1"
        try:
            return base64.b64decode(found[1], validate=True)
        except binascii.Error:
            raise self.error("bytes in base 64") from None
