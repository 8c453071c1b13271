"""Checked durations, sizes and counts, for the layers below the compiled module.

``src/units.rs`` has the same grammar for configuration and for the methods of a cache; a property test holds the two
to the same answers. Each function returns the normal form or raises `error`, naming `what` (such as
``"TTLStrategy: default_ttl"``), the value, and what to write instead.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import NoReturn

from .exceptions import CacheConfigError, CacheError

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "MAX_SECONDS", "count", "duration", "size"]

MAX_SECONDS = 100 * 365 * 86_400
"""The longest duration, a hundred years; what shall last longer lasts for ever, which is ``None``."""

MAX_BYTES = 1 << 60
"""The largest size in bytes, one EiB."""

MAX_ENTRIES = (1 << 32) - 2
"""The largest number of entries; an entry's place is a 32-bit number."""

_SECOND = 10**9
_SHOWN = 60
_DURATION_UNITS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3_600 * _SECOND,
    "d": 86_400 * _SECOND,
    "w": 604_800 * _SECOND,
}
_SIZE_UNITS = {"b": 1} | {
    letter + suffix: base**power
    for power, letter in enumerate("kmgtp", start=1)
    for suffix, base in (("b", 1000), ("ib", 1024))
}

# A number has at most 18 digits on either side of the point, so that 128 bits hold every product.
_PART = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))? *([A-Za-z]+) *")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_DURATION_HINT = (
    'write seconds as a number, a timedelta, or text like "90s", "5m" or "1h30m" (units: w d h m s ms us ns)'
)
_SIZE_HINT = 'write bytes as an int, or text like "512KB" or "64MiB" (units: B KB MB GB TB PB, KiB MiB GiB TiB PiB)'


def duration(value: object, what: str, error: type[CacheError] = CacheConfigError) -> float:
    """Seconds as a float from a number of seconds, a ``timedelta``, or text such as ``"1h30m"``.

    >>> duration("1h30m", "ttl")
    5400.0
    """
    if isinstance(value, str):
        nanos = _text_nanos(value, what, error)
    elif isinstance(value, timedelta):
        nanos = ((value.days * 86_400 + value.seconds) * 10**6 + value.microseconds) * 1000
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(error, what, f"{_show(value)} is not a duration; {_DURATION_HINT}")
    elif isinstance(value, int):
        nanos = int(value) * _SECOND
    elif not math.isfinite(value):
        _refuse(error, what, f"{value} is not a duration; use None for ever")
    else:
        # Apart, so that long durations keep what a float knows of them.
        rest, whole = math.modf(abs(value))
        nanos = (int(whole) * _SECOND + _rounded(rest * 1e9)) * (1 if value >= 0 else -1)
        if nanos == 0 and value != 0:
            _refuse(error, what, f"{value} s is shorter than a nanosecond")
    if nanos < 0:
        _refuse(error, what, f"{_show(value)} is negative; a duration is more than 0, use None for ever")
    if nanos == 0:
        _refuse(error, what, f"{_show(value)} is no time at all; use None for ever, or do not cache")
    if nanos > MAX_SECONDS * _SECOND:
        _refuse(error, what, f"{_show(value)} is over 100 years; use None for ever")
    seconds, rest = divmod(nanos, _SECOND)
    return float(seconds) + rest / 1e9


def size(value: object, what: str, error: type[CacheError] = CacheConfigError) -> int:
    """Bytes from an int or from text such as ``"64MiB"``.

    >>> size("64MiB", "max_bytes")
    67108864
    """
    if isinstance(value, str):
        number = _text_bytes(value, what, error)
    elif isinstance(value, bool) or not isinstance(value, int):
        _refuse(error, what, f"{_show(value)} is not a size; {_SIZE_HINT}")
    else:
        number = int(value)
    return _positive(number, MAX_BYTES, value, what, error)


def count(value: object, what: str, error: type[CacheError] = CacheConfigError) -> int:
    """A positive number of entries.

    >>> count(10, "max_size")
    10
    """
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(error, what, f"{_show(value)} is not a number of entries; write a positive int, or None for no limit")
    return _positive(int(value), MAX_ENTRIES, value, what, error)


def _positive(number: int, most: int, value: object, what: str, error: type[CacheError]) -> int:
    if number < 0:
        _refuse(error, what, f"{_show(value)} is negative; a limit is 1 or more, use None for no limit")
    if number == 0:
        _refuse(error, what, f"{_show(value)} leaves room for nothing; a limit is 1 or more, use None for no limit")
    if number > most:
        _refuse(error, what, f"{_show(value)} is over the largest limit, {most}; use None for no limit")
    return number


def _text_nanos(text: str, what: str, error: type[CacheError]) -> int:
    rest = text.strip(" ")
    total, last = 0, None
    at = 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            break
        factor = _DURATION_UNITS.get(part[3])
        if factor is None or (last is not None and factor >= last):
            break
        total += _scaled(part, factor)
        at, last = part.end(), factor
    if not rest or at < len(rest):
        hint = f'for seconds write "{rest}s"' if _NUMBER.fullmatch(rest) else _DURATION_HINT
        _refuse(error, what, f"{_show(text)} is not a duration; {hint}")
    return total


def _text_bytes(text: str, what: str, error: type[CacheError]) -> int:
    rest = text.strip(" ")
    part = _PART.fullmatch(rest)
    factor = None if part is None else _SIZE_UNITS.get(part[3].lower())
    if part is None or factor is None:
        hint = f'for bytes write "{rest}B"' if _NUMBER.fullmatch(rest) else _SIZE_HINT
        _refuse(error, what, f"{_show(text)} is not a size; {hint}")
    return _scaled(part, factor)


def _scaled(part: re.Match[str], factor: int) -> int:
    """The number of `part` times `factor`, cut to a whole number; exact, no float on the way."""
    fraction = part[2] or ""
    return int(part[1]) * factor + int(fraction or "0") * factor // int(10 ** len(fraction))


def _rounded(value: float) -> int:
    """`value`, not negative, to the nearest whole number, halves up."""
    fraction, whole = math.modf(value)
    return int(whole) + (2 * fraction >= 1)


def _show(value: object) -> str:
    """`value` as the message shows it: a short literal, or the name of its type (no code of the user's runs)."""
    if type(value) in (str, int, float, bool, type(None), timedelta):
        try:
            text = repr(value)
        except ValueError:  # an int with more digits than Python will write
            return "a huge int"
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return f"an object of type {type(value).__name__}"


def _refuse(error: type[CacheError], what: str, problem: str) -> NoReturn:
    raise error(f"{what}: {problem}")
