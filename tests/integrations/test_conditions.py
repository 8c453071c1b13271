"""Conditional requests and the client's directives, and single parts of what is stored."""

import pytest

from tests.integrations.exchange import Asked, Origin, behind, date


async def test_responses_get_a_tag_of_their_bytes():
    site = behind(etag_header=True)
    await site.get()
    hit = await site.get()
    tag = hit.get("etag")
    assert tag is not None
    assert tag.startswith('"')
    assert await behind(etag_header=True).get() is not None
    site.origin.says = lambda asked: (200, [("cache-control", "max-age=60")], b"other")
    other = await site.get("/other")
    assert (await site.get("/other")).get("etag") != tag
    assert other.status == 200


async def test_a_body_that_comes_at_once_has_its_tag_at_once():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=9")]})
        await send({"type": "http.response.body", "body": b"whole"})

    site = behind(app, etag_header=True)
    first, second = await site.get(), await site.get()
    assert first.get("etag") == second.get("etag") is not None


@pytest.mark.parametrize("condition", ['"a"', 'W/"a"', '"b", "a"', "*"])
async def test_a_client_that_has_it_gets_a_304(condition: str):
    site = behind()
    site.origin.always(
        ("cache-control", "max-age=60"), ("etag", '"a"'), ("content-type", "text/plain"), ("content-length", "4"),
        ("vary", "accept"),
    )  # fmt: skip
    await site.get()
    answer = await site.get("/", ("if-none-match", condition))
    assert (answer.status, answer.body) == (304, b"")
    assert answer.get("etag") == '"a"'
    assert answer.get("cache-control") == "max-age=60"
    assert answer.get("vary") == "accept"
    assert answer.get("content-type") is answer.get("content-length") is None
    assert site.origin.runs == 1


async def test_a_condition_of_the_client_does_not_keep_the_response_from_being_stored():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"a"'))
    first = await site.get("/", ("if-none-match", '"a"'))
    assert (first.status, first.body) == (304, b"")
    assert site.origin.asked[0].get("if-none-match") is None
    assert (await site.get()).hit
    assert (await site.get("/", ("if-none-match", '"b"'))).status == 200


async def test_if_modified_since():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("last-modified", date(-100)))
    await site.get()
    assert (await site.get("/", ("if-modified-since", date(-100)))).status == 304
    assert (await site.get("/", ("if-modified-since", date(-101)))).status == 200
    both = await site.get("/", ("if-modified-since", date(-100)), ("if-none-match", '"x"'))
    assert both.status == 200


async def test_preconditions_are_for_the_application():
    site = behind()
    await site.get()
    await site.get("/", ("if-match", '"a"'))
    assert site.origin.asked[-1].get("if-match") == '"a"'


async def test_what_is_stale_is_checked_and_freshened():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"a"'), ("x", "1"))
    await site.get()
    site.time.advance(61)
    site.origin.always(("cache-control", "max-age=99"), ("etag", '"a"'), ("x", "2"), status=304, body=b"")
    answer = await site.get()
    assert site.origin.asked[-1].get("if-none-match") == '"a"'
    assert (answer.status, answer.body, answer.get("x"), answer.get("age")) == (200, b"body", "2", "0")
    assert answer.get("cache-status") == "OmniCache; fwd=stale; fwd-status=304; stored"
    site.time.advance(98)
    assert (await site.get()).hit
    assert site.origin.runs == 2


async def test_what_changed_replaces_what_was_stored():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"a"'))
    await site.get()
    site.time.advance(61)
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"b"'), body=b"new")
    assert (await site.get()).body == b"new"
    assert (await site.get()).body == b"new"
    assert site.origin.runs == 2


async def test_a_304_for_another_version_is_not_believed():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"a"'))
    await site.get()
    site.time.advance(61)

    def says(asked):
        if asked.get("if-none-match"):
            return 304, [("etag", '"b"')], b""
        return 200, [("cache-control", "max-age=60"), ("etag", '"b"')], b"new"

    site.origin.says = says
    answer = await site.get()
    assert (answer.status, answer.body) == (200, b"new")


async def test_no_cache_is_checked_each_time():
    site = behind()
    site.origin.always(("cache-control", "no-cache"), ("etag", '"a"'))
    await site.get()
    site.origin.always(("cache-control", "no-cache"), ("etag", '"a"'), status=304, body=b"")
    for _ in range(2):
        assert (await site.get()).body == b"body"
    assert [asked.get("if-none-match") for asked in site.origin.asked] == [None, '"a"', '"a"']


async def test_a_tag_that_the_cache_made_is_no_question_for_the_application():
    site = behind(etag_header=True)
    site.origin.always(("cache-control", "max-age=1"), ("last-modified", date(-5)))
    await site.get()
    site.time.advance(2)
    await site.get()
    assert site.origin.asked[-1].get("if-none-match") is None
    assert site.origin.asked[-1].get("if-modified-since") == date(-5)


# --- the client's directives (RFC 9111, section 5.2.1) ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "hit"),
    [("max-age=0", False), ("max-age=10", False), ("max-age=11", True), ("min-fresh=50", False), ("min-fresh=49", True),
     ("no-cache", False), ("no-store", False), ("only-if-cached", True), ("nonsense=1", True)],
)  # fmt: skip
async def test_9111_5_2_1_directives_of_a_request(control: str, hit: bool):
    site = behind()
    await site.get()
    site.time.advance(10)
    assert (await site.get("/", ("cache-control", control))).hit is hit


async def test_a_user_may_close_the_ear():
    site = behind(request_directives=False)
    await site.get()
    assert (await site.get("/", ("cache-control", "no-cache"))).hit


@pytest.mark.parametrize(("control", "hit"), [("max-stale", True), ("max-stale=20", True), ("max-stale=4", False)])
async def test_9111_5_2_1_2_max_stale(control: str, hit: bool):
    site = behind()
    await site.get()
    site.time.advance(65)
    assert (await site.get("/", ("cache-control", control))).hit is hit


async def test_9111_5_2_1_7_only_if_cached():
    site = behind()
    answer = await site.get("/", ("cache-control", "only-if-cached"))
    assert answer.status == 504
    assert site.origin.runs == 0


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status", "body", "described"),
    [
        ("bytes=0-1", 206, b"01", "bytes 0-1/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-1", 206, b"9", "bytes 9-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("nonsense", 200, b"0123456789", None),
    ],
)
async def test_parts_of_what_is_stored(text: str, status: int, body: bytes, described: str | None):
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("content-length", "10"), body=b"0123456789")
    await site.get()
    answer = await site.get("/", ("range", text))
    assert (answer.status, answer.body, answer.get("content-range")) == (status, body, described)
    assert answer.get("content-length") == str(len(body))
    assert site.origin.runs == 1


async def test_if_range_of_another_version_gets_all():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("etag", '"a"'), body=b"0123456789")
    await site.get()
    assert (await site.get("/", ("range", "bytes=0-1"), ("if-range", '"a"'))).body == b"01"
    assert (await site.get("/", ("range", "bytes=0-1"), ("if-range", '"b"'))).body == b"0123456789"


def ranged(asked):
    """An origin of ten digits that knows ranges."""
    fields = [("cache-control", "max-age=60"), ("etag", '"v1"')]
    text = asked.get("range")
    if text is None or (asked.get("if-range") or '"v1"') != '"v1"':
        return 200, [*fields, ("content-length", "10")], b"0123456789"
    first, _, last = text.removeprefix("bytes=").partition("-")
    start = int(first) if first else 10 - int(last)
    end = int(last) if first and last else 9
    return 206, [*fields, ("content-range", f"bytes {start}-{end}/10")], b"0123456789"[start : end + 1]


async def test_9111_3_3_parts_are_stored_and_serve_smaller_ones():
    site = behind(Origin(ranged))
    first = await site.get("/", ("range", "bytes=2-7"))
    assert (first.status, first.body) == (206, b"234567")
    inner = await site.get("/", ("range", "bytes=3-4"))
    assert (inner.status, inner.body, inner.get("content-range")) == (206, b"34", "bytes 3-4/10")
    assert inner.hit
    assert (await site.get("/", ("range", "bytes=3-8"))).body == b"345678"
    assert site.origin.runs == 2


async def test_9111_3_4_parts_that_touch_are_joined():
    site = behind(Origin(ranged))
    await site.get("/", ("range", "bytes=2-4"))
    await site.get("/", ("range", "bytes=5-7"))
    assert (await site.get("/", ("range", "bytes=3-6"))).hit
    await site.get("/", ("range", "bytes=8-9"))
    await site.get("/", ("range", "bytes=0-1"))
    whole = await site.get()
    assert whole.hit
    assert (whole.status, whole.body, whole.get("content-length")) == (200, b"0123456789", "10")


async def test_9111_3_4_the_rest_of_a_part_is_asked_for():
    site = behind(Origin(ranged))
    await site.get("/", ("range", "bytes=0-3"))
    whole = await site.get()
    assert site.origin.asked[-1].get("range") == "bytes=4-"
    assert site.origin.asked[-1].get("if-range") == '"v1"'
    assert (whole.status, whole.body, whole.get("content-length")) == (200, b"0123456789", "10")
    assert whole.get("content-range") is None
    assert (await site.get()).hit


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, [], b"another one"),
        (200, [("etag", '"v2"'), ("cache-control", "no-store")], b"another one"),
        (206, [("content-range", "bytes 4-9/10"), ("etag", '"v1"'), ("cache-control", "no-store")], b"456789"),
        (206, [("content-range", "bytes 4-9/10"), ("etag", '"v2"')], b"456789"),
        (206, [("content-range", "bytes 0-3/10"), ("etag", '"v1"')], b"0123"),
        (416, [("content-range", "bytes */3")], b""),
        (404, [], b"gone"),
    ],
)
@pytest.mark.parametrize("control", [True, False])
@pytest.mark.parametrize("tags", [True, False])
async def test_who_asks_for_all_gets_all_whatever_is_said_of_the_rest(status, headers, body, control: bool, tags: bool):
    site = behind(Origin(ranged), etag_header=tags)
    await site.get("/", ("range", "bytes=0-3"))
    extra = [("cache-control", "max-age=60")] if control else []
    whole = ranged(Asked("GET", "/", [], b""))
    site.origin.says = lambda asked: (status, [*extra, *headers], body) if asked.get("range") else whole
    answer = await site.get()
    if status in {200, 404}:
        assert (answer.status, answer.body) == (status, body)
    else:
        assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.get("content-length") in {None, str(len(answer.body))}
    assert (await site.get()).status == answer.status


async def test_parts_of_versions_that_cannot_be_told_apart_are_not_joined():
    def says(asked):
        status, fields, body = ranged(asked)
        return status, [pair for pair in fields if pair[0] != "etag"], body

    site = behind(Origin(says))
    await site.get("/", ("range", "bytes=0-3"))
    await site.get("/", ("range", "bytes=4-9"))
    assert not (await site.get()).hit
    assert site.origin.asked[-1].get("range") is None


async def test_a_part_with_the_wrong_length_is_not_stored():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("content-range", "bytes 4-9/10"), status=206, body=b"01234")
    for _ in range(2):
        assert not (await site.get("/", ("range", "bytes=4-9"))).hit
