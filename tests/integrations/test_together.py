"""``cache_response`` under load and in trouble: one run for all, stale answers, labels, refusals."""

import asyncio
from typing import Any

import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from omnicache.exceptions import CacheConfigError
from omnicache.integrations.asgi import BYPASS
from omnicache.integrations.fastapi import cache_response
from tests.integrations.site import Site, endpoints, hit


async def together(site: Site, count: int, *headers: tuple[bytes, bytes]) -> list[int]:
    from tests.integrations.exchange import ask

    texts = [(name.decode(), value.decode()) for name, value in headers]
    return [answer.status for answer in await asyncio.gather(*(ask(site.app, "/", *texts) for _ in range(count)))]


@pytest.mark.parametrize("kind", ["async", "plain", "stream"])
async def test_ten_together_run_the_endpoint_once(site: Site, kind: str):
    async def slow():
        site.ran.append(1)
        await asyncio.sleep(0.01)
        return 1

    def plain():
        site.ran.append(1)
        return 1

    async def stream():
        site.ran.append(1)

        async def parts():
            yield b"a"

        return StreamingResponse(parts())

    site.app.get("/")(site.kept()({"async": slow, "plain": plain, "stream": stream}[kind]))
    assert await together(site, 10) == [200] * 10
    assert site.ran == [1]


async def test_nobody_waits_twice_for_what_is_not_shared(site: Site):
    entered = 0
    everyone = asyncio.Event()

    @site.app.get("/")
    @site.kept()
    async def endpoint(response: Response):
        nonlocal entered
        entered += 1
        response.headers["cache-control"] = "no-store"
        if waiting and entered == 5:
            everyone.set()
        if waiting:
            await everyone.wait()
        return 1

    waiting = False
    await together(site, 1)
    entered, waiting = 0, True
    assert await asyncio.wait_for(together(site, 5), 10) == [200] * 5


async def test_an_error_is_for_each_who_asked(site: Site):
    @site.app.get("/")
    @site.kept()
    async def endpoint():
        site.ran.append(1)
        raise HTTPException(418)

    assert await together(site, 3) == [418] * 3
    assert len(site.ran) == 3


async def test_stale_is_served_while_one_makes_it_anew(site: Site):
    from tests.integrations.exchange import ask

    @site.app.get("/{id}")
    @site.kept(stale=30)
    async def endpoint(id: int):
        site.ran.append(len(site.ran))
        return site.ran[-1]

    first = await ask(site.app, "/1")
    assert first.get("cache-control") == "max-age=60, stale-while-revalidate=30"
    site.time.advance(70)
    for _ in range(3):
        assert (await ask(site.app, "/1")).body == b"0"
    for _ in range(200):
        await asyncio.sleep(0)
    answer = await ask(site.app, "/1")
    assert (answer.hit, answer.body) == (True, b"1")
    assert site.ran == [0, 1]
    site.time.advance(91)
    assert (await ask(site.app, "/1")).body == b"2"


async def test_stale_stands_in_for_an_endpoint_that_raises(site: Site, caplog: pytest.LogCaptureFixture):
    from tests.integrations.exchange import ask

    error: Exception | None = None

    @site.app.get("/")
    @site.kept(stale_on_error=30)
    async def endpoint():
        if error is not None:
            raise error
        return 1

    await ask(site.app)
    site.time.advance(70)
    error = OSError("gone")
    assert (await ask(site.app)).body == b"1"
    assert "stood in" in caplog.text
    error = HTTPException(404)
    assert (await ask(site.app)).status == 404
    site.time.advance(21)
    error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await ask(site.app)


def test_labels_come_from_arguments(site: Site):
    @site.app.get("/items/{id}")
    @site.kept(tags=["item:{id}", "items"])
    async def item(id: int):
        return id

    @site.app.get("/users/{id}")
    @site.kept(tags=lambda id: [f"user:{id}"])
    async def user(id: int):
        return id

    for path in ("/items/1", "/items/2", "/users/1"):
        site.get(path)
    assert site.cache.delete_many(tags=["item:1", "user:1"]) == 2
    assert not hit(site.get("/items/1"))
    assert hit(site.get("/items/2"))
    assert not hit(site.get("/users/1"))


async def test_what_was_invalidated_while_it_was_made_is_not_kept(site: Site):
    @site.app.get("/")
    @site.kept(tags=["t"])
    async def endpoint():
        site.ran.append(1)
        if len(site.ran) == 1:
            site.cache.invalidate(tags=["t"])
        return 1

    await together(site, 1)
    await together(site, 1)
    assert len(site.ran) == 2
    await together(site, 1)
    assert len(site.ran) == 2


def test_no_cache_and_bypass(site: Site):
    endpoints(site)
    site.get("/model")
    assert not hit(site.get("/model", cache_control="no-cache"))
    assert hit(site.get("/model"))
    assert site.get("/html", cache_control="only-if-cached").status_code == 504
    assert BYPASS == "omnicache.bypass"


async def generator():
    yield 1


@pytest.mark.parametrize(
    ("options", "function", "said"),
    [
        ({"ttl": 0}, None, "ttl"),
        ({"ttl": "soon"}, None, "ttl"),
        ({"tags": "item"}, None, "tags"),
        ({"tags": ["item:{nr}"]}, None, "nr"),
        ({"vary_on": ["nr"]}, None, "nr"),
        ({"vary_on": "id"}, None, "vary_on"),
        ({"vary_headers": "x"}, None, "vary_headers"),
        ({"vary_by": 3}, None, "vary_by"),
        ({"on_cache_error": "x"}, None, "on_cache_error"),
        ({}, generator, "generator"),
    ],
)
def test_bad_options_say_which(options: dict[str, object], function: Any, said: str):
    async def endpoint(id: int):
        return id

    with pytest.raises(CacheConfigError, match=said):
        cache_response(**options)(function or endpoint)
