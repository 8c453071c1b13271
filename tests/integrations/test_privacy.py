"""Nobody is served what was meant for another: credentials, cookies, sessions, and the test mode that finds leaks."""

import pytest

from omnicache.integrations.asgi import CacheMiddleware, PrivacyError
from tests.integrations.exchange import Origin, ask, behind


def personal(control: str | None = None, *fields: str, vary: str = ""):
    """An origin that greets who asks by authorization or cookie."""

    def says(asked):
        headers = [("cache-control", control)] if control else []
        headers += [("vary", vary)] if vary else []
        return 200, headers, f"hello {asked.get('authorization') or asked.get('cookie') or 'nobody'}".encode()

    return Origin(says)


IDENTITIES = ["authorization", "cookie"]


@pytest.mark.parametrize("field", IDENTITIES)
@pytest.mark.parametrize("control", [None, "max-age=60", "private, max-age=60", "no-store"])
async def test_bob_is_not_served_what_is_alices(field: str, control: str | None):
    site = behind(personal(control), default_ttl=60)
    for name in ("alice", "bob", "alice"):
        answer = await site.get("/", (field, name))
        assert answer.body == f"hello {name}".encode()
        assert not answer.hit


@pytest.mark.parametrize("field", IDENTITIES)
async def test_what_is_guessed_to_be_fresh_is_not_for_those_who_are_known(field: str):
    site = behind(personal(), default_ttl=60)
    await site.get()
    assert (await site.get()).hit
    answer = await site.get("/", (field, "alice"))
    assert answer.body == b"hello alice"
    assert answer.get("cache-status").startswith("OmniCache; fwd=bypass")
    assert (await site.get()).hit


@pytest.mark.parametrize("control", ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"])
async def test_9111_3_5_authorized_responses_that_may_be_shared(control: str):
    site = behind(personal(control))
    await site.get("/", ("authorization", "alice"))
    assert (await site.get("/", ("authorization", "bob"))).hit


async def test_a_response_from_before_anyone_was_known_may_be_reused_if_it_said_so():
    site = behind(personal("max-age=60"))
    await site.get()
    assert (await site.get("/", ("cookie", "tracker=1"))).hit


@pytest.mark.parametrize("control", ["public, max-age=60", "s-maxage=60"])
async def test_public_is_public_in_spite_of_cookies(control: str):
    site = behind(personal(control))
    await site.get("/", ("cookie", "a=1"))
    assert (await site.get("/", ("cookie", "a=2"))).hit


async def test_a_response_that_varies_by_cookie_is_each_ones_own():
    site = behind(personal("max-age=60", vary="Cookie"))
    for name in ("alice", "bob"):
        await site.get("/", ("cookie", name))
    for name in ("alice", "bob"):
        answer = await site.get("/", ("cookie", name))
        assert (answer.hit, answer.body) == (True, f"hello {name}".encode())


async def test_cookies_that_say_nothing():
    site = behind(default_ttl=60, ignore_cookies=["_ga*", "theme"])
    site.origin.always()
    await site.get("/", ("cookie", "_ga=1; _ga_X=2; theme=dark"))
    assert (await site.get("/", ("cookie", "theme=light"))).hit
    assert not (await site.get("/", ("cookie", "theme=light; session=1"))).hit


@pytest.mark.parametrize(
    ("vary_by", "field", "one", "other"),
    [
        (["authorization"], "authorization", "alice", "bob"),
        (["cookie:session"], "cookie", "session=alice; x=1", "session=bob; x=1"),
        ("x-user", "x-user", "alice", "bob"),
        (lambda scope: dict(scope["headers"]).get(b"x-user", b"").decode(), "x-user", "alice", "bob"),
    ],
)
async def test_vary_by_names_who_asks(vary_by, field: str, one: str, other: str):
    origin = Origin(lambda asked: (200, [("cache-control", "max-age=60")], (asked.get(field) or "").encode()))
    site = behind(origin, vary_by=vary_by)
    for name in (one, other):
        await site.get("/", (field, name))
    for name in (one, other):
        answer = await site.get("/", (field, name))
        assert (answer.hit, answer.body) == (True, name.encode())
    assert origin.runs == 2


@pytest.mark.parametrize("control", [None, "max-age=60"])
async def test_set_cookie_is_never_served_again(control: str | None):
    fields = [("set-cookie", "session=alice"), *([("cache-control", control)] if control else [])]
    site = behind(default_ttl=60)
    site.origin.always(*fields)
    assert (await site.get()).get("set-cookie") == "session=alice"
    again = await site.get()
    assert again.hit is (control is not None)
    if again.hit:
        assert again.get("set-cookie") is None
    assert not any(b"set-cookie" in entry.value for entry in site.cache.entries())


async def test_a_refresh_for_one_who_is_known_does_not_become_everyones():
    site = behind(personal("max-age=10, stale-while-revalidate=60"))
    await site.get()
    site.time.advance(20)
    assert (await site.get("/", ("cookie", "alice"))).body == b"hello nobody"
    await site.app.drain()
    assert (await site.get()).body == b"hello nobody"


# --- the test mode ----------------------------------------------------------------------------------------------------


async def test_the_audit_finds_what_depends_on_who_asks():
    site = behind(personal("public, max-age=60"), audit=True)
    await site.get("/", ("authorization", "alice"))
    with pytest.raises(PrivacyError, match="vary_by"):
        await site.get("/", ("authorization", "bob"))


async def test_the_audit_finds_what_only_the_known_may_see():
    def says(asked):
        status = 200 if asked.get("authorization") else 401
        return status, [("cache-control", "public, max-age=60")], b"members only"

    site = behind(Origin(says), audit=True)
    await site.get("/", ("authorization", "alice"))
    with pytest.raises(PrivacyError, match="without a name"):
        await site.get("/", ("authorization", "bob"))


async def test_the_audit_lets_through_what_is_the_same_for_all():
    site = behind(audit=True)
    await site.get("/", ("cookie", "a=1"))
    await site.get()
    assert (await site.get("/", ("cookie", "a=2"))).hit
    assert site.origin.runs >= 3


async def test_an_audit_asks_past_the_caches_inside():
    inner = behind(personal("public, max-age=60"))
    outer = CacheMiddleware(inner.app, cache_name="outer_audit", audit=True)
    await ask(outer, "/", ("authorization", "alice"))
    with pytest.raises(PrivacyError):
        await ask(outer, "/", ("authorization", "bob"))
