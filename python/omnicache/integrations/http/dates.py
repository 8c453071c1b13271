"""Dates (RFC 9110, section 5.6.7): three formats to read, one to write."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime

__all__ = ["format_date", "parse_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMS = [
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<short>[0-9]{{2}}) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
]
_LONGEST = 40
_LEAP_SECOND = 60
_WINDOW = 50


def parse_date(text: str, now: float) -> float | None:
    """Seconds since 1970; None if the text has none of the three forms.

    Names are read without case, all else must be exact: a zone other than GMT, a missing comma or a single-digit hour
    make it invalid. A year of two digits that seems more than 50 years ahead of `now` is one of the past.

    >>> parse_date("Sun, 06 Nov 1994 08:49:37 GMT", 0.0)
    784111777.0
    >>> parse_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0), parse_date("Sun Nov  6 08:49:37 1994", 0.0)
    (784111777.0, 784111777.0)
    >>> parse_date("Sun, 06 Nov 1994 08:49:37 UTC", 0.0)
    """
    if len(text) > _LONGEST:
        return None
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _seconds(found.groupdict(), now)
    return None


def _seconds(part: dict[str, str], now: float) -> float | None:
    if "short" in part:
        this_year = datetime.fromtimestamp(now, UTC).year
        year = this_year - this_year % 100 + int(part["short"])
        year -= 100 * (year > this_year + _WINDOW)
    else:
        year = int(part["year"])
    second = int(part["second"])
    try:
        day = datetime(
            year,
            _MONTHS.index(part["month"].lower()) + 1,
            int(part["day"]),
            int(part["hour"]),
            int(part["minute"]),
            min(second, _LEAP_SECOND - 1),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return float(timegm(day.timetuple())) if second <= _LEAP_SECOND else None


def format_date(seconds: float) -> str:
    """The form that is sent.

    >>> format_date(784111777.9)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    day = datetime.fromtimestamp(int(seconds), UTC)
    month = _MONTHS[day.month - 1].capitalize()
    return f"{_DAYS[day.weekday()]}, {day.day:02} {month} {day.year:04} {day:%H:%M:%S} GMT"
