"""The middleware in front of an application: what is served from where, and in which words."""

import pytest

from omnicache.integrations.asgi import CacheMiddleware
from tests.integrations.exchange import behind, date


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
