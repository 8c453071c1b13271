"""What tells one request from another, and what the user may say about it."""

import asyncio

import pytest

from omnicache.exceptions import CacheConfigError
from omnicache.integrations.asgi import CacheMiddleware
from tests.integrations.exchange import START, Origin, ask, behind


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
