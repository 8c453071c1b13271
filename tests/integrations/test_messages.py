"""The rule functions that look at whole messages: storing, Vary, validation, ranges, invalidation, Cache-Status."""

import pytest

from omnicache.integrations.http.cache_control import parse
from omnicache.integrations.http.invalidation import invalidated
from omnicache.integrations.http.ranges import (
    Part,
    condition_holds,
    content_range,
    parse_content_range,
    requested,
    together,
)
from omnicache.integrations.http.status import cache_status
from omnicache.integrations.http.storing import content_length, fields_to_store, why_not_stored
from omnicache.integrations.http.validation import (
    conditions_for,
    freshened,
    made_etag,
    matches,
    not_modified,
    not_modified_fields,
    same_response,
    strong,
)
from omnicache.integrations.http.vary import best_language, normalized, selecting, vary_names
from tests.integrations.exchange import START, date
from tests.integrations.test_rules import fields

# --- RFC 9111, sections 3, 3.5 and 5.2.2: what is stored --------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "control", "request_control", "authorized", "reason"),
    [
        (200, [], "", "", False, None),
        (200, [], "no-store", "", False, "no-store"),
        (200, [], "", "no-store", False, "no-store"),
        (200, [], "private", "", False, "private"),
        (200, [], 'private="a"', "", False, None),
        (200, [], "no-cache", "", False, None),
        (304, [], "", "", False, "status"),
        (103, [], "", "", False, "status"),
        (999, [], "", "", False, "status"),
        (599, [], "", "", False, None),
        (599, [], "must-understand", "", False, "must-understand"),
        (599, [], "no-store, must-understand", "", False, "must-understand"),
        (200, [], "no-store, must-understand", "", False, None),
        (200, [], "no-store, must-understand", "no-store", False, "no-store"),
        (200, [], "max-age=9", "", True, "authorization"),
        (200, [], "max-age=9, public", "", True, None),
        (200, [], "s-maxage=9", "", True, None),
        (200, [], "max-age=9, must-revalidate", "", True, None),
        (200, [("vary", "*")], "", "", False, "vary-star"),
        (200, [("vary", "a, *")], "", "", False, "vary-star"),
        (206, [], "", "", False, "no-content-range"),
        (206, [("content-range", "bytes 0-1/2")], "", "", False, None),
        (200, [("content-length", "5"), ("content-length", "6")], "", "", False, "content-length"),
        (200, [("content-length", "x")], "", "", False, "content-length"),
        (200, [("content-type", "text/event-stream; charset=utf-8")], "", "", False, "live"),
    ],
)
def test_9111_3_what_is_stored(status, headers, control, request_control, authorized, reason):
    found = why_not_stored(
        status, fields(*headers), parse(control), request=parse(request_control), authorized=authorized
    )
    assert found == reason


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([], None),
        (["5"], 5),
        (["5", "5"], 5),
        (["5, 5"], 5),
        (["5", "6"], -1),
        (["-5"], -1),
        ([""], -1),
        (["9" * 99], -1),
    ],
)
def test_9110_8_6_content_length(lines: list[str], length: int | None):
    assert content_length(fields(*(("content-length", line) for line in lines))) == length


@pytest.mark.parametrize(
    "name",
    ["connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization",
     "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "set-cookie"],
)  # fmt: skip
def test_9111_3_1_fields_that_are_not_stored(name: str):
    assert fields_to_store(fields((name, "x"), ("kept", "1")), parse("")) == fields(("kept", "1"))


def test_9111_3_1_connection_and_directives_name_fields_that_are_not_stored():
    headers = fields(("connection", "A, b"), ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5"), ("e", "6"))
    assert fields_to_store(headers, parse('no-cache="c", private="d"')) == fields(("e", "5"), ("e", "6"))


# --- RFC 9111, section 4.1: Vary --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], ()),
        ([""], ()),
        (["Foo"], (b"foo",)),
        (["foo, Bar", "FOO"], (b"bar", b"foo")),
        (["*"], None),
        (["*, *"], None),
        ([", *"], None),
        (["", "*"], None),
        (["Foo, *"], None),
    ],
)
def test_9111_4_1_names(lines: list[str], names: tuple[bytes, ...] | None):
    assert vary_names(fields(*(("vary", line) for line in lines))) == names


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("foo", "1,2", " 1, 2 ", True),
        ("foo", "1, 2", "2, 1", False),
        ("foo", "a", "A", False),
        ("accept-language", "en, de", "de, en", True),
        ("accept-language", "en, de", "eN ,   De", True),
        ("accept-language", "en;q=1.0, de", "de, en", True),
        ("accept-language", "en;q=0.50", "en; q=0.5", True),
        ("accept-language", "en;q=0.5, de", "en, de", False),
        ("accept-encoding", "gzip, br", "br,GZIP", True),
        ("accept", "text/html;level=1", "text/html ; level=1", True),
        ("accept", "text/html", "text/plain", False),
    ],
)
def test_9111_4_1_values_that_mean_the_same(name: str, one: str, other: str, same: bool):
    assert (normalized(name.encode(), one) == normalized(name.encode(), other)) is same


def test_9111_4_1_lines_are_joined_and_absence_is_a_value():
    names = (b"bar", b"foo")
    assert selecting(names, fields(("foo", "1"), ("foo", "2"))) == (None, "1,2")
    assert selecting(names, fields(("foo", ""))) != selecting(names, [])


@pytest.mark.parametrize(
    ("text", "language"),
    [("fr;q=0.5, de;q=1.0", "de"), ("DE", "de"), ("de, en", None), ("*", None), ("de;q=0", None), ("", None)],
)
def test_9110_12_5_4_the_language_preferred(text: str, language: str | None):
    assert best_language(text) == language


# --- RFC 9110, sections 8.8.3 and 13: validators ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "etag", "holds"),
    [
        ('"a"', '"a"', True),
        ('W/"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('"b", "a"', '"a"', True),
        ('"b","c", W/"a"', '"a"', True),
        ("*", '"a"', True),
        (" * ", "", True),
        ('"b"', '"a"', False),
        ("a", '"a"', False),
        ('"a,b"', '"a,b"', True),
        ('"a,b"', '"b"', False),
        ('w/"a"', '"a"', False),
        ("", '"a"', False),
        ('""', "", False),
    ],
)
def test_9110_13_1_2_if_none_match(condition: str, etag: str, holds: bool):
    assert matches(condition, etag) is holds


BOTH = [("etag", '"a"'), ("last-modified", date(-9))]


@pytest.mark.parametrize(
    ("request_headers", "stored", "answer"),
    [
        ([("if-none-match", '"a"')], [("etag", '"a"')], True),
        ([("if-none-match", '"b"'), ("if-modified-since", date(0))], BOTH, False),
        ([("if-none-match", '"a"'), ("if-modified-since", date(-99))], BOTH, True),
        ([("if-modified-since", date(-9))], [("last-modified", date(-9))], True),
        ([("if-modified-since", date(-10))], [("last-modified", date(-9))], False),
        ([("if-modified-since", date(-8))], [("date", date(-9))], True),
        ([("if-modified-since", date(-8))], [], False),
        ([("if-modified-since", "nonsense")], [("last-modified", date(-9))], False),
        ([("if-none-match", "*")], [], True),
        ([], [("etag", '"a"')], False),
    ],
)  # fmt: skip
def test_9110_13_2_2_precedence(request_headers, stored, answer):
    assert not_modified(fields(*request_headers), fields(*stored), now=START) is answer


@pytest.mark.parametrize(
    ("etag", "is_strong"), [('"a"', True), ('W/"a"', False), ("a", False), ('"a b"', False), ("", False)]
)
def test_9110_8_8_3_strong_tags(etag: str, is_strong: bool):
    assert strong(etag) is is_strong


def test_9110_15_4_5_a_304_has_no_fields_of_content():
    headers = fields(("content-type", "a"), ("content-length", "1"), ("etag", '"a"'), ("vary", "b"), ("x", "1"))
    assert not_modified_fields(headers) == fields(("etag", '"a"'), ("vary", "b"), ("x", "1"))


def test_9111_4_3_1_questions_to_the_origin():
    stored = fields(("etag", '"a"'), ("last-modified", date(-9)))
    assert conditions_for(stored) == fields(("if-none-match", '"a"'), ("if-modified-since", date(-9)))
    assert conditions_for(stored, own_etag=True) == fields(("if-modified-since", date(-9)))
    assert conditions_for([]) == []


@pytest.mark.parametrize(
    ("stored", "received", "same"),
    [('"a"', '"a"', True), ('"a"', None, True), (None, '"a"', True), ('"a"', '"b"', False), ('W/"a"', '"a"', True)],
)
def test_9111_4_3_4_which_response_a_304_speaks_of(stored: str | None, received: str | None, same: bool):
    one = fields(("etag", stored)) if stored else []
    other = fields(("etag", received)) if received else []
    assert same_response(one, other) is same


def test_9111_3_2_a_304_replaces_fields_but_not_the_length():
    stored = fields(("a", "1"), ("b", "1"), ("b", "2"), ("content-length", "5"), ("age", "9"))
    received = fields(
        ("b", "3"), ("c", "4"), ("content-length", "0"), ("connection", "d"), ("d", "5"), ("set-cookie", "e")
    )
    assert freshened(stored, received) == fields(("a", "1"), ("content-length", "5"), ("b", "3"), ("c", "4"))


@pytest.mark.parametrize("name", ["content-encoding", "content-range", "content-md5", "content-digest", "repr-digest"])
def test_9111_3_2_a_304_does_not_change_what_describes_the_stored_bytes(name: str):
    assert freshened(fields((name, "1")), fields((name, "2"), ("a", "1"))) == fields((name, "1"), ("a", "1"))


def test_tags_of_bytes_are_strong_and_differ():
    assert strong(made_etag(b"a").decode())
    assert made_etag(b"a") != made_etag(b"b")


# --- RFC 9110, section 14; RFC 9111, section 3.4: ranges --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes=0-1", Part(0, 1, 10)),
        ("bytes=1-", Part(1, 9, 10)),
        ("bytes=-1", Part(9, 9, 10)),
        ("bytes=-99", Part(0, 9, 10)),
        ("bytes=5-99", Part(5, 9, 10)),
        ("Bytes = 5-5", Part(5, 5, 10)),
        ("bytes=10-", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        ("bytes=2-1", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("bytes=x-1", None),
        ("pages=0-1", None),
        ("bytes=" + "9" * 30 + "-", None),
        ("", None),
    ],
)
def test_9110_14_1_2_range(text: str, found: object):
    assert requested(text, 10) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes 0-4/10", Part(0, 4, 10)),
        ("bytes 4-3/10", None),
        ("bytes 4-10/10", None),
        ("bytes 4-9/*", None),
        ("bytes */10", None),
        ("bytes 4-9", None),
        ("", None),
    ],
)
def test_9110_14_4_content_range(text: str, part: Part | None):
    assert parse_content_range(text) == part
    if part is not None:
        assert content_range(part).decode() == text


@pytest.mark.parametrize(
    ("condition", "holds"),
    [('"a"', True), ('"b"', False), ('W/"a"', False), (date(-9), True), (date(-8), False), ("nonsense", False)],
)
def test_9110_13_1_5_if_range(condition: str, holds: bool):
    stored = fields(("etag", '"a"'), ("last-modified", date(-9)))
    assert condition_holds(fields(("if-range", condition)), stored, now=START) is holds
    assert condition_holds([], stored, now=START)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((0, b"ab"), (2, b"cd"), (0, b"abcd")),
        ((2, b"cd"), (0, b"ab"), (0, b"abcd")),
        ((0, b"abc"), (2, b"cd"), (0, b"abcd")),
        ((0, b"abcd"), (1, b"b"), (0, b"abcd")),
        ((0, b"ab"), (3, b"d"), None),
    ],
)
def test_9111_3_4_parts_that_touch_are_one(one, other, both):
    def part(first: int, body: bytes) -> tuple[Part, bytes]:
        return Part(first, first + len(body) - 1, 9), body

    assert together(part(*one), part(*other)) == (None if both is None else part(*both))
    assert together(part(*one), (Part(0, 1, 8), b"ab")) is None


# --- RFC 9111, section 4.4: invalidation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "headers", "found"),
    [
        ("POST", 200, [], ["http://a/x"]),
        ("M-SEARCH", 200, [], ["http://a/x"]),
        ("PUT", 303, [], ["http://a/x"]),
        ("DELETE", 404, [], []),
        ("POST", 500, [], []),
        ("GET", 200, [("location", "/y")], []),
        ("OPTIONS", 200, [], []),
        ("POST", 201, [("location", "/y")], ["http://a/x", "http://a/y"]),
        ("POST", 201, [("content-location", "y?q#f")], ["http://a/x", "http://a/y?q"]),
        ("POST", 201, [("location", "http://A:80/y")], ["http://a/x"]),
        ("POST", 201, [("location", "http://A/y")], ["http://a/x", "http://a/y"]),
        ("POST", 201, [("location", "https://a/y")], ["http://a/x"]),
        ("POST", 201, [("location", "//b/y")], ["http://a/x"]),
        ("POST", 201, [("location", "http://a:99999/y")], ["http://a/x"]),
        ("POST", 201, [("location", "http://[/y")], ["http://a/x"]),
    ],
)
def test_9111_4_4_what_is_invalidated(method: str, status: int, headers: list[tuple[str, str]], found: list[str]):
    assert invalidated(method, "http://a/x", status, fields(*headers)) == found


# --- RFC 9211: Cache-Status -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hit": True, "ttl": 30}, "OmniCache; hit; ttl=30"),
        ({"hit": True, "ttl": -5}, "OmniCache; hit; ttl=-5"),
        ({"fwd": "uri-miss", "stored": True}, "OmniCache; fwd=uri-miss; stored"),
        ({"fwd": "stale", "fwd_status": 304, "collapsed": True}, "OmniCache; fwd=stale; fwd-status=304; collapsed"),
        ({"fwd": "uri-miss", "detail": "no-store"}, "OmniCache; fwd=uri-miss; detail=no-store"),
        ({"detail": 'a "b"'}, 'OmniCache; detail="a \\"b\\""'),
    ],
)
def test_9211_2_members(options: dict[str, object], text: str):
    assert cache_status(**options).decode() == text
