"""Stale responses: served while one request fetches anew, or because the application fails; never where forbidden."""

import asyncio
import logging

import pytest

from tests.integrations.exchange import Origin, behind, until


def numbered(control: str, *more: tuple[str, str]):
    """An origin that counts its answers."""
    count = iter(range(1, 1000))
    return Origin(lambda asked: (200, [("cache-control", control), *more], str(next(count)).encode()))


async def test_5861_3_stale_is_served_at_once_and_fetched_once():
    site = behind(numbered("max-age=10, stale-while-revalidate=30"))
    await site.get()
    site.time.advance(20)
    site.origin.hold = asyncio.Event()
    answers = await asyncio.gather(*(site.get() for _ in range(5)))
    assert [answer.body for answer in answers] == [b"1"] * 5
    assert answers[0].get("cache-status") == "OmniCache; hit; ttl=-10"
    await asyncio.sleep(0)
    assert site.origin.runs == 2
    site.origin.hold.set()
    await site.app.drain()
    fresh = await site.get()
    assert (fresh.body, fresh.get("age")) == (b"2", "0")
    assert site.origin.runs == 2


async def test_5861_3_not_past_the_window():
    site = behind(numbered("max-age=10, stale-while-revalidate=30"))
    await site.get()
    site.time.advance(41)
    assert (await site.get()).body == b"2"


async def test_5861_3_a_refresh_asks_with_conditions_and_a_304_is_enough():
    site = behind(numbered("max-age=10, stale-while-revalidate=30", ("etag", '"a"')))
    await site.get()
    site.time.advance(20)
    site.origin.always(("cache-control", "max-age=10"), ("etag", '"a"'), status=304, body=b"")
    assert (await site.get()).body == b"1"
    await site.app.drain()
    assert site.origin.asked[-1].get("if-none-match") == '"a"'
    answer = await site.get()
    assert answer.hit
    assert answer.body == b"1"
    assert site.origin.runs == 2


async def test_a_window_for_all_that_do_not_say():
    site = behind(numbered("max-age=10"), stale=30)
    await site.get()
    site.time.advance(20)
    assert (await site.get()).body == b"1"
    await site.app.drain()
    assert (await site.get()).body == b"2"


async def test_a_refresh_that_fails_leaves_what_there_is(caplog: pytest.LogCaptureFixture):
    site = behind(numbered("max-age=10, stale-while-revalidate=30"))
    await site.get()
    site.time.advance(20)
    site.origin.error = OSError("gone")
    for _ in range(2):
        assert (await site.get()).body == b"1"
        await site.app.drain()
    assert site.origin.runs == 3


async def test_a_client_that_wants_it_new_waits():
    site = behind(numbered("max-age=10, stale-while-revalidate=30"))
    await site.get()
    site.time.advance(20)
    assert (await site.get("/", ("cache-control", "no-cache"))).body == b"2"


@pytest.mark.parametrize("status", [500, 502, 503, 504, None])
async def test_5861_4_stale_stands_in_for_failures(status: int | None, caplog: pytest.LogCaptureFixture):
    site = behind(numbered("max-age=10, stale-if-error=60"))
    await site.get()
    site.time.advance(20)
    if status is None:
        site.origin.error = OSError("gone")
    else:
        site.origin.always(status=status)
    answer = await site.get()
    assert (answer.status, answer.body) == (200, b"1")
    detail = "OSError" if status is None else str(status)
    assert answer.get("cache-status", ).endswith(f"ttl=-10; detail={detail}")  # fmt: skip
    assert ("a stored response stood in" in caplog.text) is (status is None)
    site.time.advance(51)
    if status is None:
        with pytest.raises(OSError, match="gone"):
            await site.get()
    else:
        assert (await site.get()).status == status


async def test_an_answer_of_404_is_no_failure():
    site = behind(numbered("max-age=10, stale-if-error=60"))
    await site.get()
    site.time.advance(20)
    site.origin.always(status=404)
    assert (await site.get()).status == 404


async def test_a_window_for_failures_of_all_that_do_not_say():
    site = behind(numbered("max-age=10"), stale_on_error="1m")
    await site.get()
    site.time.advance(69)
    site.origin.error = OSError("gone")
    assert (await site.get()).body == b"1"
    site.time.advance(2)
    with pytest.raises(OSError, match="gone"):
        await site.get()


@pytest.mark.parametrize("control", ["must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"])
async def test_9111_4_2_4_what_may_not_be_stale_is_not(control: str):
    site = behind(numbered(f"max-age=10, {control}, stale-if-error=60, stale-while-revalidate=60", ("etag", '"a"')))
    await site.get()
    site.time.advance(20)
    site.origin.error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await site.get()
    site.origin.error = None
    assert (await site.get("/", ("cache-control", "max-stale"))).body == b"2"


async def test_who_waits_gets_the_stand_in_too(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)
    site = behind(numbered("max-age=10, stale-if-error=60"))
    await site.get()
    site.time.advance(20)
    site.origin.error = OSError("gone")
    site.origin.hold = asyncio.Event()
    tasks = [asyncio.create_task(site.get()) for _ in range(5)]
    await until(lambda: site.origin.runs == 2)
    site.origin.hold.set()
    assert [answer.body for answer in await asyncio.gather(*tasks)] == [b"1"] * 5
    assert site.origin.runs == 2


async def test_a_failure_after_the_first_words_is_the_clients(caplog: pytest.LogCaptureFixture):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=10")]})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        if failing:
            raise OSError("gone")
        await send({"type": "http.response.body", "body": b"y"})

    failing = False
    site = behind(app, stale_on_error=60)
    await site.get()
    site.time.advance(20)
    failing = True
    with pytest.raises(OSError, match="gone"):
        await site.get()
    failing = False
    assert not (await site.get()).hit


async def test_8246_immutable_is_fresh_as_long_as_it_says_and_checked_afterwards():
    site = behind(numbered("max-age=10, immutable", ("etag", '"a"')))
    await site.get()
    site.time.advance(9)
    assert (await site.get()).hit
    site.time.advance(2)
    await site.get()
    assert site.origin.asked[-1].get("if-none-match") == '"a"'
