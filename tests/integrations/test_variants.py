"""Responses that vary: the variant for the request, whatever the request looks like, and not too many of them."""

import pytest

from tests.integrations.exchange import Origin, behind


def echoing(*names: str):
    """An origin that varies by fields and says them back."""

    def says(asked):
        said = "|".join(str(asked.get(name)) for name in names)
        return 200, [("cache-control", "max-age=60"), ("vary", ", ".join(names))], said.encode()

    return Origin(says)


async def test_each_variant_is_served_to_its_requests():
    site = behind(echoing("foo"))
    for foo in ("1", "2"):
        await site.get("/", ("foo", foo))
    for foo in ("1", "2"):
        answer = await site.get("/", ("foo", foo), ("other", "x"))
        assert answer.hit
        assert answer.body == foo.encode()
    missing = await site.get()
    assert missing.get("cache-status") == "OmniCache; fwd=vary-miss; stored"
    assert missing.body == b"None"


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("foo", [("foo", "1, 2")], [("foo", "1"), ("foo", "2")]),
        ("foo", [("foo", "1,2")], [("foo", " 1, 2 ")]),
        ("accept-language", [("accept-language", "en, de")], [("accept-language", "dE ,  EN;q=1.0")]),
        ("accept-encoding", [("accept-encoding", "gzip, br")], [("accept-encoding", "br,gzip")]),
    ],
)
async def test_requests_that_mean_the_same(name: str, one: list[tuple[str, str]], other: list[tuple[str, str]]):
    site = behind(echoing(name))
    await site.get("/", *one)
    assert (await site.get("/", *other)).hit


async def test_the_language_preferred_selects_what_is_in_it():
    site = behind()
    site.origin.always(("cache-control", "max-age=60"), ("vary", "Accept-Language"), ("content-language", "de"))
    await site.get("/", ("accept-language", "en, de"))
    assert (await site.get("/", ("accept-language", "fr;q=0.5, DE"))).hit
    assert not (await site.get("/", ("accept-language", "fr, de;q=0.5"))).hit


async def test_a_response_that_varies_by_more_is_kept_apart_by_more():
    site = behind()

    def says(asked):
        vary = "foo, bar" if asked.get("bar") else "foo"
        return 200, [("cache-control", "max-age=60"), ("vary", vary)], f"{asked.get('foo')}{asked.get('bar')}".encode()

    site.origin.says = says
    await site.get("/", ("foo", "1"))
    await site.get("/", ("foo", "2"), ("bar", "1"))
    assert (await site.get("/", ("foo", "2"), ("bar", "1"))).body == b"21"
    assert (await site.get("/", ("foo", "2"), ("bar", "2"))).body == b"22"
    assert (await site.get("/", ("foo", "2"), ("bar", "1"))).hit


async def test_10_000_variants_stay_within_bounds():
    site = behind(echoing("foo"), max_variants=16)
    for number in range(10_000):
        await site.get("/", ("foo", str(number)))
    assert len(site.cache) <= 17
    assert (await site.get("/", ("foo", "9999"))).hit
    assert not (await site.get("/", ("foo", "0"))).hit


async def test_a_stale_variant_is_checked_for_itself():
    site = behind()
    site.origin.says = lambda asked: (
        200,
        [("cache-control", "max-age=60"), ("vary", "foo"), ("etag", f'"{asked.get("foo")}"')],
        b"x",
    )
    for foo in ("1", "2"):
        await site.get("/", ("foo", foo))
    site.time.advance(61)
    await site.get("/", ("foo", "2"))
    assert site.origin.asked[-1].get("if-none-match") == '"2"'
    assert site.origin.asked[-1].get("foo") == "2"


async def test_invalidation_takes_all_variants():
    site = behind(echoing("foo"))
    for foo in ("1", "2"):
        await site.get("/", ("foo", foo))
    await site.get("/", method="DELETE")
    for foo in ("1", "2"):
        assert not (await site.get("/", ("foo", foo))).hit


async def test_gzip_and_plain_are_two_responses():
    site = behind(echoing("accept-encoding"))
    await site.get("/", ("accept-encoding", "gzip"))
    assert not (await site.get()).hit
    assert (await site.get("/", ("accept-encoding", "gzip"))).hit
