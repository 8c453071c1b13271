"""The rule functions, one table of cases for each section of the RFCs that they follow."""

import pytest

from omnicache.integrations.http.cache_control import LARGEST, delta_seconds, parse
from omnicache.integrations.http.dates import format_date, parse_date
from omnicache.integrations.http.fields import is_token, joined, members, unquoted, values
from omnicache.integrations.http.freshness import (
    age_value,
    corrected_initial_age,
    explicit_lifetime,
    may_be_stale,
    stale_if_error,
    stale_while_revalidate,
)
from omnicache.integrations.http.heuristic import heuristic_lifetime, may_be_guessed
from omnicache.integrations.http.targeted import control_of
from tests.integrations.exchange import START, date


def fields(*pairs: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in pairs]


# --- RFC 9110, section 5.6.1: lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (",, ,", []),
        ("a", ["a"]),
        (" a ,\tb", ["a", "b"]),
        ('a="1,2",b', ['a="1,2"', "b"]),
        (r'a="1\",2",b', [r'a="1\",2"', "b"]),
        ('a="open, b', ['a="open, b']),
        ('"a', ['"a']),
        ('a="x\\', ['a="x\\']),
    ],
)
def test_9110_5_6_1_lists(text: str, found: list[str]):
    assert members(text) == found


@pytest.mark.parametrize(
    ("text", "token"), [("max-age", True), ("", False), ("a b", False), ("a=b", False), ("é", False)]
)
def test_9110_5_6_2_tokens(text: str, token: bool):
    assert is_token(text) is token


@pytest.mark.parametrize(
    ("text", "said"), [('"a"', "a"), ('""', ""), (r'"a\"b"', 'a"b'), ('"a', None), ("a", None), ('"a"b', None)]
)
def test_9110_5_6_4_quoted_strings(text: str, said: str | None):
    assert unquoted(text) == said


def test_9110_5_3_lines_of_one_field_are_one_value():
    headers = fields(("vary", "a"), ("age", "1"), ("vary", "b, c"))
    assert joined(headers, b"vary") == "a, b, c"
    assert values(headers, b"vary") == [b"a", b"b, c"]
    assert joined(headers, b"etag") is None


# --- RFC 9111, sections 1.2.2 and 5.2: seconds and directives ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("3600", 3600),
        ("003600", 3600),
        ("2147483648", LARGEST),
        ("99999999999", LARGEST),
        ("9" * 100_000, LARGEST),
        ("0" * 100_000 + "7", 7),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("", None),
        (" 1", None),
        ("1 ", None),
        ("\u0661", None),
        ("1e3", None),
        ("0x1", None),
    ],
)
def test_9111_1_2_2_delta_seconds(text: str, seconds: int | None):
    assert delta_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max-age=60", {"max-age": "60"}),
        ("MaX-aGe=60, NO-STORE", {"max-age": "60", "no-store": None}),
        ('max-age="60"', {"max-age": "60"}),
        ("max-age='60'", {"max-age": "'60'"}),
        ('extension="max-age=3600", max-age=1', {"extension": "max-age=3600", "max-age": "1"}),
        ("max-age=1, max-age=2", {"max-age": "1"}),
        ("max-age =60", {}),
        ("max-age= 60", {"max-age": " 60"}),
        ("=, ,=x,,", {}),
        ('no-cache="a, b"', {"no-cache": "a, b"}),
        ('no-cache="a", no-cache="b"', {"no-cache": "a,b"}),
        ('no-cache="a", no-cache', {"no-cache": None}),
        ('private, private="a"', {"private": None}),
        ('private=""', {"private": None}),
    ],
)
def test_9111_5_2_directives(text: str, found: dict[str, str | None]):
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("max-age=5", 5), ("max-age", 0), ("max-age=x", 0), ("max-age='5'", 0), ("max-age=-5", 0)],
)
def test_9111_4_2_1_a_lifetime_that_cannot_be_read_has_ended(text: str, seconds: int | None):
    assert parse(text).seconds("max-age") == seconds


def test_9111_5_2_2_4_no_cache_may_speak_of_fields_only():
    directives = parse('no-cache="Set-Cookie, X", private="y"')
    assert directives.fields("no-cache") == {b"set-cookie", b"x"}
    assert not directives.everything("no-cache")
    assert directives.fields("private") == {b"y"}
    assert parse("no-cache").everything("no-cache")


# --- RFC 9110, section 5.6.7: dates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("SUN, 06 NOV 1994 08:49:37 gmt", 784111777),
        ("Wed, 20 Nov 2286 17:46:39 GMT", 9999999999),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799),
        ("Sun, 06 Nov 1994 08:49:37 UTC", None),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 06 Nov 94 08:49:37 GMT", None),
        ("Sun 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06  Nov  1994 08:49:37 GMT", None),
        ("Sun, 06-Nov-1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08.49.37 GMT", None),
        ("Sun, 06 Nov 1994 8:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:38 GMT", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("0", None),
        ("", None),
        ("x" * 10**6, None),
    ],
)
def test_9110_5_6_7_dates(text: str, seconds: float | None):
    assert parse_date(text, START) == seconds


@pytest.mark.parametrize(("year", "found"), [("23", 2023), ("73", 2073), ("74", 1974), ("99", 1999)])
def test_9110_5_6_7_two_digits_of_a_year_are_at_most_50_years_ahead(year: str, found: int):
    seconds = parse_date(f"Sunday, 01-Jan-{year} 00:00:00 GMT", START)
    assert seconds is not None
    assert format_date(seconds)[12:16] == str(found)


def test_dates_are_written_as_they_are_read():
    for seconds in (0, 784111777, 4102444800):
        assert parse_date(format_date(seconds), START) == seconds


# --- RFC 9111, sections 4.2.1 and 5.3: lifetimes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ([], None),
        ([("cache-control", "max-age=60")], 60),
        ([("cache-control", "max-age=60, s-maxage=10")], 10),
        ([("cache-control", "s-maxage=100"), ("cache-control", "max-age=60")], 100),
        ([("cache-control", "max-age=60"), ("expires", date(-5))], 60),
        ([("cache-control", "max-age=0"), ("expires", date(500))], 0),
        ([("expires", date(30)), ("date", date(0))], 30),
        ([("expires", date(30)), ("date", date(-10))], 40),
        ([("expires", date(300)), ("date", date(400))], 0),
        ([("expires", date(30)), ("date", "nonsense")], 30),
        ([("expires", date(30))], 30),
        ([("expires", "0")], 0),
        ([("expires", "-1")], 0),
        ([("expires", date(30)), ("expires", date(31))], 0),
        ([("cache-control", "public")], None),
    ],
)
def test_9111_4_2_1_lifetime(headers: list[tuple[str, str]], lifetime: int | None):
    raw = fields(*headers)
    control = control_of(raw)
    found = explicit_lifetime(control.directives, raw, targeted=control.targeted, response_time=START)
    assert found == lifetime


# --- RFC 9111, sections 4.2.3 and 5.1: age ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([], 0),
        (["30"], 30),
        (["7200, 0"], 7200),
        (["0, 7200"], 0),
        (["0", "7200"], 0),
        (["2147483649"], LARGEST),
        (["abc"], 0),
        (["-7200"], 0),
        (["7200.0"], 0),
        (["7200;foo=bar"], 0),
    ],
)
def test_9111_5_1_age(lines: list[str], seconds: int):
    assert age_value(fields(*(("age", line) for line in lines))) == seconds


@pytest.mark.parametrize(
    ("headers", "request_time", "age"),
    [
        ([], START, 0),
        ([("date", date(0))], START, 0),
        ([("date", date(-20))], START, 20),
        ([("date", date(20))], START, 0),
        ([("age", "30")], START, 30),
        ([("age", "30")], START - 5, 35),
        ([("age", "30"), ("date", date(-100))], START - 5, 100),
        ([("age", "nonsense"), ("date", "nonsense")], START - 5, 5),
    ],
)
def test_9111_4_2_3_age(headers: list[tuple[str, str]], request_time: float, age: float):
    assert corrected_initial_age(fields(*headers), request_time, START) == age


def test_9111_4_2_3_a_date_of_this_second_is_no_age():
    assert corrected_initial_age(fields(("date", date(0))), START + 0.9, START + 0.9) == 0


# --- RFC 9111, section 4.2.2: heuristics ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ([], 0),
        ([("last-modified", date(-1000))], 100),
        ([("last-modified", date(-1000)), ("date", date(-500))], 50),
        ([("last-modified", date(-(10**8)))], 86400),
        ([("last-modified", date(1000))], 0),
        ([("last-modified", "nonsense")], 0),
    ],
)
def test_9111_4_2_2_heuristic(headers: list[tuple[str, str]], lifetime: float):
    assert heuristic_lifetime(fields(*headers), START) == lifetime


@pytest.mark.parametrize(
    ("status", "text", "may"),
    [(200, "", True), (404, "", True), (501, "", True), (201, "", False), (403, "", False), (503, "", False),
     (599, "", False), (599, "public", True)],
)  # fmt: skip
def test_9110_15_1_statuses_whose_freshness_may_be_guessed(status: int, text: str, may: bool):
    assert may_be_guessed(status, parse(text)) is may


# --- RFC 5861, sections 3 and 4; RFC 9111, section 4.2.4 --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "revalidate", "error"),
    [
        ("max-age=1", 0, 7),
        ("stale-while-revalidate=30", 30, 7),
        ("stale-if-error=60", 0, 60),
        ("stale-while-revalidate=x, stale-if-error=x", 0, 0),
        ("stale-while-revalidate=30, stale-if-error=60, must-revalidate", 0, 0),
        ("stale-while-revalidate=30, stale-if-error=60, proxy-revalidate", 0, 0),
        ("stale-while-revalidate=30, stale-if-error=60, s-maxage=5", 0, 0),
        ("stale-while-revalidate=30, stale-if-error=60, no-cache", 0, 0),
        ('stale-while-revalidate=30, stale-if-error=60, no-cache="x"', 30, 60),
    ],
)
def test_5861_windows(text: str, revalidate: float, error: float):
    directives = parse(text)
    assert stale_while_revalidate(directives) == revalidate
    assert stale_if_error(directives, 7) == error


@pytest.mark.parametrize("text", ["must-revalidate", "proxy-revalidate", "s-maxage=9", "no-cache"])
def test_9111_4_2_4_what_forbids_stale(text: str):
    assert not may_be_stale(parse(text))
    assert may_be_stale(parse("max-age=3"))


# --- RFC 9213: targeted fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "directives", "targeted"),
    [
        ([("cache-control", "max-age=1")], {"max-age": "1"}, False),
        ([("cdn-cache-control", "max-age=9"), ("cache-control", "no-store")], {"max-age": "9"}, True),
        ([("cdn-cache-control", "no-store"), ("cache-control", "max-age=1")], {"no-store": None}, True),
        ([("cdn-cache-control", "foobar, max-age=9")], {"foobar": None, "max-age": "9"}, True),
        ([("cdn-cache-control", "max-age=9"), ("cdn-cache-control", "a")], {"max-age": "9", "a": None}, True),
        ([("omnicache-cache-control", "max-age=5"), ("cdn-cache-control", "max-age=9")], {"max-age": "5"}, True),
        ([("cdn-cache-control", ""), ("cache-control", "max-age=1")], {"max-age": "1"}, False),
        ([("cdn-cache-control", "max-age=9, &&&"), ("cache-control", "no-store")], {"no-store": None}, False),
        ([("cdn-cache-control", "MaX-aGe=9"), ("cache-control", "no-store")], {"no-store": None}, False),
        ([("cdn-cache-control", 'max-age="9"'), ("cache-control", "max-age=1")], {}, True),
        ([("cdn-cache-control", "max-age=?1")], {}, True),
        ([("cdn-cache-control", "max-age=9.5")], {}, True),
        ([("cdn-cache-control", "no-store=?0, max-age=9")], {"max-age": "9"}, True),
        ([("cdn-cache-control", 'no-cache="a"')], {"no-cache": "a"}, True),
    ],
)  # fmt: skip
def test_9213_2_2_which_field_counts(headers: list[tuple[str, str]], directives: dict[str, str | None], targeted: bool):
    assert control_of(fields(*headers)) == (directives, targeted)


def test_9213_expires_says_nothing_beside_a_targeted_field():
    raw = fields(("cdn-cache-control", "foo"), ("expires", date(100)))
    control = control_of(raw)
    assert explicit_lifetime(control.directives, raw, targeted=control.targeted, response_time=START) is None
