"""The middleware in front of an application: what is served from where, and in which words."""

import asyncio

import pytest

from omnicache.exceptions import CacheConfigError
from omnicache.integrations.asgi import CacheMiddleware
from tests.integrations.exchange import START, Origin, ask, behind, date


async def test_a_fresh_response_is_served_without_the_application():
    site = behind()
    first, second = await site.get(), await site.get()
    assert site.origin.runs == 1
    assert (second.status, second.body) == (first.status, first.body) == (200, b"body")
    assert first.get("cache-status") == "OmniCache; fwd=uri-miss; stored"
    assert second.get("cache-status") == "OmniCache; hit; ttl=60"


async def test_age_grows_and_the_date_stays():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("date", date(0)), ("age", "5"))
    await site.get()
    site.time.advance(7)
    hit = await site.get()
    assert hit.hit
    assert hit.get("age") == "12"
    assert hit.get("date") == date(0)
    assert hit.get("cache-status") == "OmniCache; hit; ttl=48"


async def test_what_states_no_freshness_is_stored_only_if_the_user_says_so():
    site = behind()
    site.origin.always()
    await site.get()
    assert not (await site.get()).hit
    site = behind(default_ttl="5m")
    site.origin.always()
    first = await site.get()
    assert first.get("cache-control") == "max-age=300"
    hit = await site.get()
    assert hit.hit
    assert hit.get("cache-control") == "max-age=300"
    site.time.advance(301)
    assert not (await site.get()).hit


@pytest.mark.parametrize(
    ("status", "kept"), [(200, True), (204, True), (301, True), (404, False), (500, False), (201, False)]
)
async def test_the_default_is_for_answers_that_last(status: int, kept: bool):
    site = behind(default_ttl=60)
    site.origin.always(status=status, body=b"")
    await site.get()
    assert (await site.get()).hit is kept


async def test_heuristic_freshness():
    site = behind(heuristic=True)
    site.origin.always(("last-modified", date(-1000)), status=404)
    await site.get()
    site.time.advance(99)
    assert (await site.get()).hit
    site.time.advance(2)
    assert not (await site.get()).hit


@pytest.mark.parametrize(
    "control", ["no-store", "private", "private, max-age=60", "max-age=0", "max-age=x", "must-understand, max-age=60"]
)
async def test_what_is_not_served_again(control: str):
    site = behind(default_ttl=60)
    site.origin.always(("cache-control", control), status=599 if "understand" in control else 200)
    await site.get()
    assert not (await site.get()).hit


async def test_repeated_and_raw_fields_survive():
    site = behind()
    site.origin.always(
        ("cache-control", "max-age=60"), ("link", "</a>"), ("link", "</b>"), ("x-raw", "caf\xe9"),
        ("connection", "x-hop"), ("x-hop", "1"),
    )  # fmt: skip
    await site.get()
    hit = await site.get()
    assert hit.hit
    assert [value for name, value in hit.headers if name == "link"] == ["</a>", "</b>"]
    assert hit.get("x-raw") == "caf\xe9"
    assert hit.get("x-hop") is None
    assert hit.get("connection") is None


async def test_head_is_answered_from_get():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("content-length", "4"))
    assert not (await site.get(method="HEAD")).hit  # and is not stored
    await site.get()
    head = await site.get(method="HEAD")
    assert head.hit
    assert (head.body, head.get("content-length")) == (b"", "4")


async def test_a_get_with_a_body_is_not_for_the_cache():
    site = behind()
    for _ in range(2):
        await site.get("/", body=b"question")
    assert [asked.body for asked in site.origin.asked] == [b"question", b"question"]


async def test_other_kinds_of_traffic_pass_untouched():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    middleware = CacheMiddleware(app, cache_name="untouched")
    for kind in ("websocket", "lifespan"):
        scope, receive, send = {"type": kind}, object(), object()
        await middleware(scope, receive, send)
        assert seen.pop() == (scope, receive, send)
        assert scope == {"type": kind}


# --- validators -------------------------------------------------------------------------------------------------------


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


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "/a"}, {"path": "/b"}),
        ({"path": "/a"}, {"path": "/a?x=1"}),
        ({"path": "/a?x=1&y=2"}, {"path": "/a?y=2&x=1"}),
        ({"path": "/a"}, {"path": "/A"}),
        ({"path": "/a/b"}, {"path": "/a%2Fb"}),
        ({"path": "/a/../b"}, {"path": "/b"}),
        ({"path": "/a"}, {"path": "//a"}),
        ({"host": "one.example"}, {"host": "other.example"}),
        ({"scheme": "http"}, {"scheme": "https"}),
        ({"header": ("x-forwarded-host", "evil.example")}, {}),
        ({"header": ("x-forwarded-proto", "https")}, {}),
        ({"header": ("x-original-url", "/admin")}, {}),
        ({"header": ("x-http-method-override", "POST")}, {}),
    ],
)
async def test_different_questions_have_different_answers(one: dict[str, object], other: dict[str, object]):
    site = behind()

    async def answer(question):
        question = dict(question)
        header = question.pop("header", None)
        return await site.get(question.pop("path", "/"), *([header] if header else []), **question)

    await answer(one)
    assert not (await answer(other)).hit
    assert (await answer(one)).hit
    assert (await answer(other)).hit


async def test_the_case_of_a_host_means_nothing():
    site = behind()
    await site.get(host="Example.COM")
    assert (await site.get(host="example.com")).hit


async def test_fields_that_no_one_reads_change_nothing():
    site = behind()
    await site.get("/", ("user-agent", "a"), ("x-forwarded-for", "1.2.3.4"))
    assert (await site.get("/", ("user-agent", "b"), ("x-forwarded-for", "5.6.7.8"))).hit


async def test_chosen_parameters_make_the_key_in_any_order():
    site = behind(include_query_params=["page", "size"])
    await site.get("/?page=1&size=2&utm_source=mail")
    assert (await site.get("/?size=2&utm_source=post&page=1")).hit
    assert not (await site.get("/?page=2&size=2")).hit
    site = behind(include_query_params=False)
    await site.get("/?a=1")
    assert (await site.get("/?a=2")).hit


async def test_a_key_builder():
    site = behind(key_builder=lambda scope: None if scope["path"] == "/not" else scope["path"].lower())
    await site.get("/A?x")
    assert (await site.get("/a?y")).hit
    await site.get("/not")
    assert not (await site.get("/not")).hit


async def test_exclusions_and_should_cache():
    site = behind(exclude_paths=["/admin", "/*.ico"], should_cache=lambda scope, start: start["status"] == 200)
    for path in ("/admin", "/admin/x", "/favicon.ico"):
        await site.get(path)
        assert (await site.get(path)).get("cache-status") is None
    site.origin.always(("cache-control", "max-age=60"), status=404)
    await site.get("/x")
    assert not (await site.get("/x")).hit


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"default_ttl": "soon"}, "default_ttl"),
        ({"on_cache_error": "panic"}, "on_cache_error"),
        ({"exclude_paths": "/admin"}, "exclude_paths"),
        ({"include_query_params": "page"}, "include_query_params"),
        ({"vary_by": 5}, "vary_by"),
        ({"vary_by": []}, "vary_by"),
        ({"max_variants": 0}, "max_variants"),
        ({"max_body": "big"}, "max_body"),
    ],
)
def test_bad_options_say_which(options: dict[str, object], said: str):
    with pytest.raises((CacheConfigError, TypeError), match=said):
        CacheMiddleware(Origin(), **options)


async def test_all_that_is_stored_is_bytes():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("vary", "accept"))
    await site.get("/", ("accept", "a"))
    await site.get("/", ("accept", "b"))
    entries = site.cache.entries()
    assert len(entries) == 3
    assert {type(entry.value) for entry in entries} == {bytes}
    assert {type(entry.key) for entry in entries} == {str}


async def test_a_far_future_ends_within_reason():
    site = behind()
    site.origin.always(("cache-control", "max-age=99999999999"))
    await site.get()
    assert (await site.get()).hit
    site.origin.always(("expires", "Wed, 20 Nov 2286 17:46:39 GMT"))
    await site.get("/2")
    assert (await site.get("/2")).hit
    assert START < 4e9


async def test_one_event_loop_does_not_wait_for_another():
    site = behind()
    assert not (await site.get()).hit
    assert (await asyncio.to_thread(lambda: asyncio.run(ask(site.app)))).hit
