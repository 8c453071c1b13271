"""Cache-Control for one kind of cache: ``CDN-Cache-Control`` and its like (RFC 9213)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .cache_control import Directives, directives_of
from .fields import Headers, joined
from .structured import InvalidFieldError, Member, parse_dictionary

__all__ = ["TARGETS", "Control", "control_of"]

TARGETS = (b"omnicache-cache-control", b"cdn-cache-control")
"""The fields that speak to this cache, the strongest first (RFC 9213, section 2.2)."""

_NUMBERS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})


class Control(NamedTuple):
    """The directives in force for this cache, and whether they came from a field meant for it."""

    directives: Directives
    targeted: bool


def control_of(headers: Headers, targets: Iterable[bytes] = TARGETS) -> Control:
    """The directives in force (RFC 9213, section 2.2).

    The first target field that is there, not empty and a valid dictionary counts alone; then ``Cache-Control`` and
    ``Expires`` say nothing. One that is no structured field is as if it were not there.

    >>> control_of([(b"cdn-cache-control", b"max-age=60"), (b"cache-control", b"no-store")])
    Control(directives={'max-age': '60'}, targeted=True)
    >>> control_of([(b"cdn-cache-control", b"max-age=60, &&&"), (b"cache-control", b"no-store")])
    Control(directives={'no-store': None}, targeted=False)
    """
    for target in targets:
        text = joined(headers, target)
        if not text or not text.strip():
            continue
        try:
            found = parse_dictionary(text)
        except InvalidFieldError:
            continue
        return Control(_directives(found), targeted=True)
    return Control(directives_of(headers), targeted=False)


def _directives(found: dict[str, Member]) -> Directives:
    """The members as directives; one of a type that its directive does not have is passed over."""
    directives = Directives()
    for name, member in found.items():
        value = member.value
        if name in _NUMBERS:
            if isinstance(value, int) and not isinstance(value, bool):
                directives[name] = str(value)
        elif value is True:
            directives[name] = None
        elif isinstance(value, str):
            directives[name] = value or None
    return directives
