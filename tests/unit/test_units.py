"""Durations and sizes: the parser in Python and the one in Rust give the same answers and refuse the same input."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnicache import _omnicache, _units
from omnicache.exceptions import CacheConfigError

REFUSED = "refused"

near_text = st.from_regex(r"[ ]?[0-9]{1,19}(\.[0-9]{0,19})? ?([a-zA-Z]{1,3}|d|h|m|s|ms|us|ns|KiB|MB)?", fullmatch=True)
texts = st.one_of(
    st.text(max_size=12),
    near_text,
    st.lists(near_text, min_size=2, max_size=4).map("".join),
    st.lists(st.integers(0, 99), min_size=8, max_size=8).map(
        lambda numbers: "".join(
            f"{n}{unit}" for n, unit in zip(numbers, ["w", "d", "h", "m", "s", "ms", "us", "ns"], strict=True) if n
        )
    ),
)
values = st.one_of(
    texts, st.integers(), st.floats(), st.floats(0, 1e10), st.booleans(), st.none(), st.timedeltas(), st.binary()
)


def answer(parse: Callable[[Any], object], value: object) -> object:
    try:
        return parse(value)
    except CacheConfigError:
        return REFUSED


@given(values)
@example(10**5000)
@example(-(10**5000))
@example("\ud800")
@example("1\u0663s")
@example(1e-300)
@example(0.0000000005)
@example(2**53 * 1e-9)
@example("999999999999999999.999999999999999999w")
@example(timedelta.max)
@example(timedelta.min)
@example(timedelta(microseconds=1))
def test_both_parsers_agree_on_durations(value: object):
    assert answer(lambda v: _units.duration(v, "ttl"), value) == answer(_omnicache.parse_duration, value)


@given(values)
@example(10**5000)
@example(2**60)
@example(2**60 + 1)
@example("1024PiB")
@example("1024.000000000000000001PiB")
@example("\ud800")
def test_both_parsers_agree_on_sizes(value: object):
    assert answer(lambda v: _units.size(v, "max_bytes"), value) == answer(_omnicache.parse_size, value)


@pytest.mark.parametrize("parse", [_omnicache.parse_duration, lambda value: _units.duration(value, "ttl")])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        (" 1.5 h ", 5400),
        ("250ms", 0.25),
        (0.1, 0.1),
        (timedelta(days=1, microseconds=5), 86400.000005),
    ],
)
def test_durations_people_write(parse: Callable[[object], float], value: object, seconds: float):
    assert parse(value) == seconds


@pytest.mark.parametrize("parse", [_omnicache.parse_duration, lambda value: _units.duration(value, "ttl")])
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (0, "use None for ever, or do not cache"),
        (0.0, "use None for ever, or do not cache"),
        (timedelta(0), "use None for ever, or do not cache"),
        (-1, "negative"),
        (float("nan"), "nan is not a duration"),
        (float("inf"), "use None for ever"),
        (True, "True is not a duration"),
        (None, "None is not a duration"),
        (1e10, "over 100 years"),
        ("90", 'write "90s"'),
        ("soon", "1h30m"),
        (object(), "an object of type object is not a duration"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_hint(parse: Callable[[object], float], value: object, hint: str):
    with pytest.raises(CacheConfigError) as caught:
        parse(value)
    # repr of a float is spelled differently by Rust
    assert hint.lower() in str(caught.value).lower()


@pytest.mark.parametrize("parse", [_omnicache.parse_size, lambda value: _units.size(value, "max_bytes")])
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (0, "1 or more"),
        (-1, "negative"),
        (1.5, "an object of type float is not a size"),
        (float("nan"), "is not a size"),
        (True, "True is not a size"),
        ("64", 'write "64B"'),
        ("64M", "MiB"),
        (2**64, "largest limit"),
    ],
)
def test_what_is_no_size_is_refused_with_a_hint(parse: Callable[[object], int], value: object, hint: str):
    if isinstance(value, float) and parse is not _omnicache.parse_size:
        hint = "is not a size"
    with pytest.raises(CacheConfigError, match=hint):
        parse(value)


@given(st.floats(1e-9, 3e9))
def test_a_duration_once_parsed_stays(seconds: float):
    once = _units.duration(seconds, "ttl")
    assert _units.duration(once, "ttl") == once
    assert abs(once - seconds) <= 1e-9
