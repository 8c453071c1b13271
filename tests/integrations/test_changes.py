"""What changes a site: unsafe requests, labels, and a cache that fails."""

import logging

import pytest

from omnicache import CacheBackendError
from tests.integrations.exchange import Origin, behind


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "SOMETHING"])
@pytest.mark.parametrize(("status", "kept"), [(200, False), (204, False), (303, False), (404, True), (500, True)])
async def test_9111_4_4_success_invalidates_and_failure_does_not(method: str, status: int, kept: bool):
    site = behind()
    await site.get("/x?y")
    says, site.origin.says = site.origin.says, lambda asked: (status, [], b"")
    assert (await site.get("/x?y", method=method, body=b"new")).status == status
    site.origin.says = says
    assert (await site.get("/x?y")).hit is kept


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "HEAD", "GET"])
async def test_safe_methods_invalidate_nothing(method: str):
    site = behind()
    await site.get("/x")
    await site.get("/x", method=method)
    assert (await site.get("/x")).hit


async def test_9111_4_4_location_and_content_location_of_this_site():
    site = behind()
    for path in ("/items", "/items/1", "/latest"):
        await site.get(path)
    await site.get("/items", host="other.example")
    headers = [("location", "/items/1"), ("content-location", "http://other.example/items")]
    site.origin.says = lambda asked: (201, headers, b"")
    await site.get("/items", method="POST")
    site.origin.always(("cache-control", "max-age=60"))
    assert not (await site.get("/items")).hit
    assert not (await site.get("/items/1")).hit
    assert (await site.get("/latest")).hit
    assert (await site.get("/items", host="other.example")).hit


async def test_it_is_gone_before_the_client_hears_of_it():
    site = behind()
    await site.get()

    async def look(message):
        assert len(site.cache) == 0

    await site.get(method="PUT", send=look)


async def test_9110_9_3_3_the_answer_to_a_post_may_be_what_a_get_has():
    site = behind()
    headers = [("cache-control", "max-age=60"), ("content-location", "/form")]
    site.origin.says = lambda asked: (200, headers, b"result")
    answer = await site.get("/form", method="POST", body=b"q")
    assert answer.body == b"result"
    assert site.origin.asked[0].body == b"q"
    hit = await site.get("/form")
    assert (hit.hit, hit.body) == (True, b"result")


@pytest.mark.parametrize(
    "headers",
    [
        [("content-location", "/form")],
        [("cache-control", "max-age=60")],
        [("cache-control", "max-age=60"), ("content-location", "/other")],
        [("cache-control", "no-store, max-age=60"), ("content-location", "/form")],
    ],
)
async def test_9110_9_3_3_other_answers_to_a_post_are_not_stored(headers: list[tuple[str, str]]):
    site = behind(default_ttl=60)
    site.origin.says = lambda asked: (200, headers, b"result")
    await site.get("/form", method="POST")
    assert len(site.cache) == 0


@pytest.mark.parametrize("field", [("cache-tag", "item:1, list"), ("surrogate-key", "list item:1")])
async def test_labels_of_responses_are_labels_of_entries(field: tuple[str, str]):
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), field)
    await site.get("/1")
    site.origin.always(("cache-control", "max-age=60"), ("cache-tag", "item:2"))
    await site.get("/2")
    assert await site.cache.adelete_many(tags=["item:1"]) == 1
    assert not (await site.get("/1")).hit
    assert (await site.get("/2")).hit


async def test_labels_reach_variants_too():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("cache-tag", "t"), ("vary", "foo"))
    await site.get("/", ("foo", "1"))
    await site.cache.ainvalidate(tags=["t"])
    assert not (await site.get("/", ("foo", "1"))).hit
    assert (await site.get("/", ("foo", "1"))).hit


# --- a cache that fails -----------------------------------------------------------------------------------------------


class Failing:
    """A cache whose operations fail for as long as it is told."""

    name = "failing"

    def __init__(self, cache, operations=("aget", "aset", "adelete")) -> None:
        self.cache, self.operations, self.failing, self.tries = cache, operations, True, 0

    def __getattr__(self, name):
        real = getattr(self.cache, name)
        if name not in self.operations:
            return real

        async def operation(*args, **kwargs):
            self.tries += 1
            if self.failing:
                raise CacheBackendError("the server is gone")
            return await real(*args, **kwargs)

        return operation


def failing(operations=("aget", "aset", "adelete"), **options):
    site = behind()
    cache = Failing(site.cache, operations)
    return behind(site.origin, cache=cache, **options), cache


@pytest.mark.parametrize("operation", ["aget", "aset", "adelete"])
async def test_a_cache_that_fails_is_no_failure_of_the_site(operation: str, caplog: pytest.LogCaptureFixture):
    site, _ = failing([operation])
    for _ in range(3):
        assert (await site.get()).status == 200
        assert (await site.get(method="POST")).status == 200
    assert sum(record.levelno == logging.WARNING for record in caplog.records) <= 1


async def test_a_cache_that_recovers_is_used_again():
    site, cache = failing()
    await site.get()
    cache.failing = False
    await site.get()
    assert (await site.get()).hit


async def test_the_breaker_leaves_a_failing_cache_alone():
    site, cache = failing(on_cache_error="circuit_breaker")
    for _ in range(20):
        assert (await site.get()).status == 200
    assert cache.tries == 5


async def test_who_wants_to_see_it_sees_it():
    site, _ = failing(["aget"], on_cache_error="raise")
    with pytest.raises(CacheBackendError, match="gone"):
        await site.get()


@pytest.mark.parametrize("damaged", [b"", b"\xc1HC\x01R", b"\xc1HC\x01" + b"x" * 200, "text", 5, None, (1, 2)])
async def test_a_damaged_record_is_as_if_it_were_not_there(damaged: object):
    site = behind()
    await site.get()
    (key,) = site.cache.keys()
    site.cache[key] = damaged
    assert (await site.get()).body == b"body"
    assert (await site.get()).hit


async def test_a_record_that_is_cut_short():
    site = behind()
    await site.get()
    (key,) = site.cache.keys()
    raw = site.cache[key]
    for length in range(0, len(raw) - len(b"body"), 7):
        site.cache[key] = raw[:length]
        site.app._shelf.heads.clear()
        assert (await site.get()).body == b"body"


async def test_a_named_cache_that_was_closed_is_made_anew():
    from omnicache import get_cache
    from omnicache.integrations.asgi import CacheMiddleware
    from tests.integrations.exchange import ask

    app = CacheMiddleware(Origin(), cache_name="closed_and_made_anew")
    await ask(app)
    get_cache("closed_and_made_anew").close()
    assert not (await ask(app)).hit
    assert (await ask(app)).hit


# --- hostile input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cache-control", "if-none-match", "if-modified-since", "range", "if-range", "cookie",
                                  "accept", "authorization", "x-forwarded-host"])  # fmt: skip
@pytest.mark.parametrize("value", ["", "\x00\xff", '"' * 1000, "," * 100_000, "a" * 1_000_000, "bytes=-" + "9" * 1000])
async def test_hostile_fields_of_requests_break_nothing(name: str, value: str):
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("vary", "accept"), ("etag", '"a"'))
    for _ in range(2):
        assert (await site.get("/", (name, value))).status in {200, 206, 304, 416}


@pytest.mark.parametrize("name", ["cache-control", "cdn-cache-control", "expires", "date", "age", "vary",
                                  "etag", "last-modified", "content-length", "content-range", "cache-tag",
                                  "connection"])  # fmt: skip
@pytest.mark.parametrize("value", ["", "\x00\xff", '"' * 1000, "," * 100_000, "a" * 60_000, "-1", "9" * 1000])
async def test_hostile_fields_of_responses_break_nothing(name: str, value: str):
    site = behind(heuristic=True, default_ttl=60)
    for status in (200, 206):
        site.origin.always((name, value), ("cache-control", "max-age=60"), status=status)
        for _ in range(2):
            assert (await site.get(f"/{status}")).body == b"body"


async def test_fields_in_upper_case_are_read():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Cache-Control", b"no-store")]})
        await send({"type": "http.response.body", "body": b"x"})

    site = behind(app, default_ttl=60)
    await site.get()
    assert not (await site.get()).hit
