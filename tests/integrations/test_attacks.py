"""Attacks: requests made to have a wrong answer stored, to be given another one's, or to hold others up."""

import asyncio
from typing import Any

import pytest

from omnicache import Cache
from omnicache.integrations.asgi import CacheMiddleware
from tests.integrations.exchange import Origin, ask, behind, until

FRESH = ("cache-control", "max-age=60")


def mirror(*names: str) -> Origin:
    """An origin whose answer depends on fields that it does not name in ``Vary``."""
    return Origin(lambda asked: (200, [FRESH], repr([asked.get(name) for name in names]).encode()))


# --- what makes the question another one ---


@pytest.mark.parametrize(
    "name",
    [
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-protocol",
        "x-forwarded-ssl",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-path",
        "x-forwarded-uri",
        "x-url-scheme",
        "x-scheme",
        "front-end-https",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-original-host",
        "x-host",
        "x-script-name",
    ],
)
async def test_fields_that_rewrite_the_uri_make_another_question(name: str):
    site = behind(mirror(name))
    poisoned = await site.get("/", (name, "evil"))
    assert b"evil" in poisoned.body
    assert b"evil" not in (await site.get()).body


async def test_forwarded_counts_by_what_it_says_of_the_uri():
    site = behind(mirror("forwarded"))
    await site.get("/", ("forwarded", "for=1.2.3.4;host=evil"))
    assert b"evil" not in (await site.get()).body
    assert b"evil" not in (await site.get("/", ("forwarded", 'for=1.2.3.4;host="shop"'))).body
    site = behind()
    await site.get("/", ("forwarded", "for=1.2.3.4"))
    assert (await site.get("/", ("forwarded", "for=5.6.7.8"))).hit


async def test_two_hosts_are_not_one():
    site = behind(Origin(lambda asked: (200, [FRESH], (asked.get("host") or "").encode())))
    await site.get("/", ("host", "evil"), host="shop")
    await site.get("/", ("host", "shop"), host="evil")
    assert (await site.get("/", host="shop")).body == b"shop"


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
async def test_a_request_that_may_have_another_method_is_not_for_the_cache(name: str):
    site = behind()
    await site.get()
    for _ in range(2):
        assert not (await site.get("/", (name, "POST"))).hit
    assert site.origin.runs == 3
    assert not (await site.get()).hit  # it may have changed something


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("?a=1&a=2", "?a=2&a=1"),
        ("?é=1", "?é=2"),
        ("?a=%FF", "?a=%FE"),
        ("?a=1", "?a=%31%00"),
        ("?a=1%26b=2", "?a=1&b=2"),
    ],
)
async def test_chosen_parameters_are_told_apart(one: str, other: str):
    from urllib.parse import quote

    asked: list[bytes] = []

    async def origin(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["query_string"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": "http.response.body", "body": scope["query_string"]})

    site = behind(origin, include_query_params=["a", "b", "é"])
    for query in (one, other):
        await ask(site.app, "/" + quote(query, safe="?=&%"))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("one", "other"), [("/a/../b", "/b"), ("//a", "/a"), ("/A", "/a"), ("/a/", "/a"), ("/%61", "/a"), ("/a;x", "/a")]
)
async def test_paths_are_taken_as_they_were_sent(one: str, other: str):
    site = behind(Origin(lambda asked: (200, [FRESH], asked.path.encode())))
    await site.get(one)
    assert not (await site.get(other)).hit


async def test_a_body_that_nobody_announced_does_not_choose_what_is_stored():
    """In HTTP/2 a GET may have a body without a word about it before."""

    async def origin(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": "http.response.body", "body": body})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"evil", "more_body": False}

    site = behind(origin)
    # One that runs for its own client only, and one that others may wait for.
    for headers in ([("if-match", '"a"')], []):
        await ask(site.app, "/", *headers, receive=receive)
        assert (await ask(site.app, "/")).body == b""


# --- who asks ---


@pytest.mark.parametrize(
    "name",
    ["x-api-key", "x-auth-token", "x-forwarded-user", "x-amzn-oidc-data", "x-ssl-client-cert", "proxy-authorization"],
)
async def test_other_fields_that_say_who_asks(name: str):
    """What states no freshness is stored by default, but not if somebody asks, by whatever field."""
    site = behind(Origin(lambda asked: (200, [], (asked.get(name) or "").encode())), default_ttl=60)
    assert (await site.get("/", (name, "alice"))).body == b"alice"
    assert (await site.get()).body == b""
    assert (await site.get()).hit
    assert (await site.get("/", (name, "bob"))).body == b"bob"


async def test_a_field_that_only_sounds_like_it_can_be_ignored():
    site = behind(default_ttl=60, ignore_headers=["X-CSRF-Token"])
    await site.get("/", ("x-csrf-token", "1"))
    assert (await site.get("/", ("x-csrf-token", "2"))).hit


@pytest.mark.parametrize("freshness", ["max-age=60", ""])
@pytest.mark.parametrize("what", ["session", "user"])
async def test_an_identity_that_was_found_outside(what: str, freshness: str):
    class User:
        is_authenticated = True

    class Nobody:
        is_authenticated = False

    answers = iter(range(100))
    origin = Origin(lambda asked: (200, [("cache-control", freshness)] if freshness else [], b"%d" % next(answers)))
    inner = behind(origin, default_ttl=60).app
    known = {"session": {"id": 1}, "user": User()}
    unknown: dict[str, Any] = {"session": {}, "user": Nobody()}

    def outside(given: dict[str, Any]) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await inner({**scope, what: given[what]}, receive, send)

        return app

    assert (await ask(outside(known))).body == b"0"
    assert (await ask(outside(unknown))).body == b"1"
    assert (await ask(outside(unknown))).body == b"1"
    assert (await ask(outside(known))).body == (b"1" if freshness else b"2")


# --- what is too much ---


@pytest.mark.parametrize(
    "fields",
    [
        [("x" * 70_000, "1")],
        [("vary", "v" * 70_000)],
        [("vary", ", ".join(f"a{number}" for number in range(70_000)))],
        [("a", "1" * 1_000_000)],
        [("content-language", "l" * 70_000), ("vary", "accept-language")],
    ],
)
async def test_a_head_that_is_too_long_for_a_record_passes(fields: list[tuple[str, str]]):
    site = behind()
    site.origin.always(FRESH, *fields)
    for _ in range(2):
        answer = await site.get("/", ("accept-language", "en"))
        assert (answer.status, answer.body) == (200, b"body")


async def test_answers_with_two_lengths_are_not_stored():
    for lengths in (["4", "5"], ["4, 5"], ["+4"], ["4 "], ["-4"]):
        site = behind()
        site.origin.always(FRESH, *(("content-length", length) for length in lengths))
        await site.get()
        hit = (await site.get()).hit
        assert hit is (lengths == ["4 "])


# --- what hangs ---


async def test_a_refresh_that_hangs_keeps_nobody_waiting():
    site = behind(coalesce_timeout=0.05)
    site.origin.always(("cache-control", "max-age=1, stale-while-revalidate=10"))
    await site.get()
    site.time.advance(2)
    site.origin.hold = asyncio.Event()
    assert (await site.get()).hit
    await until(lambda: site.origin.runs == 2)
    site.time.advance(20)  # it is over, and the refresh still runs
    hung, site.origin.hold = site.origin.hold, None
    answers = await asyncio.wait_for(asyncio.gather(*(site.get() for _ in range(5))), 5)
    assert {answer.body for answer in answers} == {b"body"}
    await asyncio.wait_for(site.get(), 5)
    before = site.origin.runs
    assert (await asyncio.wait_for(site.get(), 5)).hit
    assert site.origin.runs == before
    hung.set()
    await site.app.drain()


async def test_a_refresh_that_hangs_is_given_up_for_a_new_one():
    site = behind(coalesce_timeout=0.05)
    site.origin.always(("cache-control", "max-age=1, stale-while-revalidate=1000"))
    await site.get()
    site.time.advance(2)
    site.origin.hold = asyncio.Event()
    assert (await site.get()).hit
    await until(lambda: site.origin.runs == 2)
    site.origin.hold = None
    assert (await site.get()).hit
    await asyncio.sleep(0.1)
    assert (await site.get()).hit
    await site.app.drain()
    assert site.origin.runs == 3
    assert (await site.get()).get("age") == "0"


async def test_who_waits_for_an_origin_that_hangs_gets_what_may_stand_in():
    site = behind(coalesce_timeout=0.05)
    site.origin.always(("cache-control", "max-age=1, stale-if-error=1000"))
    await site.get()
    site.time.advance(2)
    site.origin.hold = asyncio.Event()
    leader = asyncio.create_task(site.get())
    await until(lambda: site.origin.runs == 2)
    answers = await asyncio.wait_for(asyncio.gather(*(site.get() for _ in range(5))), 5)
    assert {answer.body for answer in answers} == {b"body"}
    assert {answer.get("cache-status") for answer in answers} == {"OmniCache; fwd=stale; ttl=-1; detail=timeout"}
    assert site.origin.runs == 2
    site.origin.hold.set()
    await leader


async def test_one_cache_for_two_middlewares():
    with Cache("two_middlewares") as cache:
        origin = Origin()
        sites = [CacheMiddleware(origin, cache=cache) for _ in range(2)]
        answers = await asyncio.gather(*(ask(site) for site in sites * 3))
        assert {answer.status for answer in answers} == {200}
        assert (await ask(sites[0])).hit
