"""HEAD: answered from what a GET stored, and what its answer tells about that (RFC 9111, section 4.3.5)."""

import pytest

from tests.integrations.exchange import Behind, behind, date

FRESH = ("cache-control", "max-age=60")


async def stale(*stored: tuple[str, str], headers: tuple[tuple[str, str], ...]) -> Behind:
    """A site with a stored response that is stale, whose origin answers a HEAD with these fields."""
    site = behind()
    site.origin.always(FRESH, *stored)
    await site.get()
    site.time.advance(61)
    site.origin.says = lambda asked: (200, headers, b"" if asked.method == "HEAD" else b"new")
    return site


@pytest.mark.parametrize(
    ("stored", "received"),
    [
        ([("etag", '"a"')], [("etag", '"a"')]),
        ([("last-modified", date(-9))], [("last-modified", date(-9))]),
        ([], [("content-length", "4")]),
        ([], []),
    ],
)
async def test_9111_4_3_5_it_freshens_what_it_describes(stored, received):
    site = await stale(*stored, headers=(FRESH, ("a", "2"), *received))
    head = await site.get(method="HEAD")
    assert (head.status, head.body, head.get("a")) == (200, b"", "2")
    assert head.get("cache-status") == "OmniCache; fwd=stale; stored"
    answer = await site.get()
    assert (answer.hit, answer.body, answer.get("a"), answer.get("age")) == (True, b"body", "2", "0")
    assert [asked.method for asked in site.origin.asked] == ["GET", "HEAD"]


@pytest.mark.parametrize(
    ("stored", "received"),
    [
        ([("etag", '"a"')], [("etag", '"b"')]),
        ([("last-modified", date(-9))], [("last-modified", date(-5))]),
        ([], [("content-length", "5")]),
        ([("etag", '"a"')], [("etag", '"a"'), ("content-length", "9")]),
    ],
)
async def test_9111_4_3_5_what_it_does_not_describe_is_no_longer_good(stored, received):
    site = await stale(*stored, headers=(FRESH, *received))
    site.time.now -= 30  # it is fresh; the client insists
    assert (await site.get("/", ("cache-control", "no-cache"), method="HEAD")).status == 200
    assert (await site.get()).body == b"new"


async def test_a_head_that_fails_changes_nothing():
    site = await stale(("etag", '"a"'), headers=())
    site.origin.says = lambda asked: (404, [FRESH], b"")
    site.time.now -= 30
    assert (await site.get("/", ("cache-control", "no-cache"), method="HEAD")).status == 404
    assert (await site.get()).body == b"body"


async def test_a_304_to_a_head_freshens():
    site = await stale(("etag", '"a"'), headers=())
    site.origin.says = lambda asked: (304 if asked.get("if-none-match") == '"a"' else 200, [FRESH], b"")
    head = await site.get(method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert (await site.get()).hit


async def test_the_clients_own_condition_is_not_taken_for_the_caches():
    site = await stale(("etag", '"a"'), headers=())
    site.origin.says = lambda asked: (304 if '"b"' in (asked.get("if-none-match") or "") else 200, [FRESH], b"new")
    assert (await site.get("/", ("if-none-match", '"b"'), method="HEAD")).status == 304
    assert (await site.get()).body == b"new"


async def test_a_head_stores_nothing():
    site = behind()
    assert (await site.get(method="HEAD")).get("cache-status") == "OmniCache; fwd=uri-miss"
    assert len(site.cache) == 0
