"""``Vary``: which requests a response answers (RFC 9111, section 4.1; RFC 9110, section 12.5)."""

from __future__ import annotations

import re

from .fields import Headers, joined, members

__all__ = ["best_language", "normalized", "selecting", "vary_names"]

_PREFERENCES = frozenset({b"accept", b"accept-charset", b"accept-encoding", b"accept-language"})
_WEIGHT = re.compile(r"[ \t]*;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*\Z", re.IGNORECASE)
_PARAMETERS = re.compile(r"[ \t]*;[ \t]*")


def vary_names(headers: Headers) -> tuple[bytes, ...] | None:
    """The fields of the request that selected this response, in order; None if ``*`` says that no request matches.

    >>> vary_names([(b"vary", b"Accept-Language, accept"), (b"vary", b"ACCEPT")])
    (b'accept', b'accept-language')
    """
    text = joined(headers, b"vary")
    if text is None:
        return ()
    names = {name.lower().encode("latin-1") for name in members(text)}
    return None if b"*" in names else tuple(sorted(names))


def normalized(name: bytes, value: str) -> str:
    """A field value in the form in which two that mean the same are the same.

    Space around list members means nothing in any field. In the fields that state preferences, case and the order of
    members mean nothing either, and a weight of 1 is no weight.

    >>> normalized(b"foo", " 1,  2"), normalized(b"accept-language", "eN;q=1.0, De;q=0.50")
    ('1,2', 'de;q=0.5,en')
    """
    if name not in _PREFERENCES:
        return ",".join(members(value))
    found = []
    for member in members(value.lower()):
        weight, rest = _weight(member)
        rest = _PARAMETERS.sub(";", rest)
        found.append(rest if weight == 1 else f"{rest};q={weight:g}")
    return ",".join(sorted(found))


def selecting(names: tuple[bytes, ...], request: Headers) -> tuple[str | None, ...]:
    """What the request has in the fields that select, normalized; None where it has none."""
    found = ((name, joined(request, name)) for name in names)
    return tuple(None if value is None else normalized(name, value) for name, value in found)


def best_language(value: str) -> str | None:
    """The one language that an ``Accept-Language`` value prefers to all others, in lower case; None if there is none.

    >>> best_language("fr;q=0.5, de"), best_language("de, en"), best_language("*")
    ('de', None, None)
    """
    ranked = sorted((_weight(member) for member in members(value.lower())), reverse=True)
    if not ranked or ranked[0][0] == 0 or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
        return None
    return None if ranked[0][1] == "*" else ranked[0][1]


def _weight(member: str) -> tuple[float, str]:
    found = _WEIGHT.search(member)
    return (min(1.0, float(found[1])), member[: found.start()]) if found else (1.0, member)
