"""The HTTP cache over stores that other processes see: what they invalidate while a response is made is not stored."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI

from omnicache import Cache, FileSystemBackend, RedisBackend, TieredBackend, _registry
from omnicache.integrations.fastapi import CacheMiddleware, cache_response, invalidates
from tests.integrations.exchange import Answered, Origin, Time, ask
from tests.servers.shared import single

_names = iter(range(10**9))
STORES = ["filesystem", "tiered", "redis", "tiered redis"]


def store(kind: str, directory: Path) -> Any:
    far = RedisBackend(f"redis://127.0.0.1:{single().port}/0") if "redis" in kind else FileSystemBackend(directory)
    return TieredBackend(far=far) if "tiered" in kind else far


class Two:
    """Two processes that share a store, as far as the store can tell: two caches of one name."""

    def __init__(self, kind: str, directory: Path) -> None:
        name = f"far_pages_{next(_names)}_{os.getpid()}"
        self.one = self._process(name, 0, store(kind, directory))
        _registry.release("default", name, self.one)
        self.other = self._process(name, 1, store(kind, directory))

    @staticmethod
    def _process(name: str, number: int, backend: Any) -> Cache:
        cache = Cache(name, backend=backend)
        # The store tells owners of leases apart by process and thread.
        port = cache._port.primary
        port.lease = lambda key, until, now, **options: port.store.lease(key, until, now, number=number, **options)
        return cache

    def close(self) -> None:
        self.one.close()
        self.other.close()


@pytest.fixture(params=STORES)
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    made = Two(request.param, tmp_path)
    yield made
    made.close()


def fresh(body: bytes = b"body", *more: tuple[str, str]) -> Any:
    return lambda asked: (200, [("cache-control", "max-age=60"), *more], body)


async def held(origin: Origin, *asked: Any) -> list[Answered]:
    """Lets go what waits for the origin."""
    hold, origin.hold = origin.hold, None
    assert hold is not None
    hold.set()
    return list(await asyncio.gather(*asked))


async def begun(origin: Origin, count: int) -> None:
    for _ in range(2000):
        if origin.runs == count:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the origin was not asked")


async def test_one_stores_and_the_other_hits(two: Two):
    origin = Origin(fresh())
    one, other = CacheMiddleware(origin, cache=two.one), CacheMiddleware(origin, cache=two.other)
    assert not (await ask(one)).hit
    assert (await ask(other)).hit
    assert (await ask(one)).hit
    assert (await ask(other, method="POST")).status == 200
    assert not (await ask(one)).hit


@pytest.mark.parametrize("how", ["POST", "label", "pattern", "clear"])
@pytest.mark.parametrize("by", ["one", "other"])
async def test_what_is_invalidated_while_it_is_made_is_not_stored(two: Two, how: str, by: str):
    origin = Origin(fresh(b"body", ("cache-tag", "t")))
    one = CacheMiddleware(origin, cache=two.one)
    origin.hold = asyncio.Event()
    slow = asyncio.create_task(ask(one, "/page"))
    await begun(origin, 1)
    cache = two.one if by == "one" else two.other
    if how == "POST":
        await ask(CacheMiddleware(Origin(), cache=cache), "/page", method="POST")
    elif how == "label":
        await cache.ainvalidate(tags=["t"])
    elif how == "pattern":
        await cache.adelete_many(pattern="*/page")
    else:
        await cache.aclear()
    (answer,) = await held(origin, slow)
    assert answer.body == b"body"
    assert not (await ask(one, "/page")).hit
    assert (await ask(one, "/page")).hit


@pytest.mark.parametrize("color", ["async", "plain"])
@pytest.mark.parametrize("by", ["one", "other"])
async def test_an_endpoint_too(two: Two, color: str, by: str):
    entered, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    ran = []

    async def waits() -> int:
        ran.append(1)
        entered.set()
        await go.wait()
        return len(ran)

    def blocks() -> int:
        return asyncio.run_coroutine_threadsafe(waits(), loop).result(20)

    app = FastAPI()
    app.get("/page")(cache_response(cache=two.one, tags=["page"])(waits if color == "async" else blocks))
    slow = asyncio.create_task(ask(app, "/page"))
    await asyncio.wait_for(entered.wait(), 20)
    await (two.one if by == "one" else two.other).ainvalidate(tags=["page"])
    go.set()
    assert (await slow).body == b"1"
    assert (await ask(app, "/page")).body == b"2"
    assert (await ask(app, "/page")).body == b"2"


@pytest.mark.parametrize("color", ["async", "plain"])
async def test_a_change_in_one_is_seen_by_the_other(two: Two, color: str):
    def application(cache: Cache) -> FastAPI:
        app = FastAPI()
        stock = {"a": 1}

        def read(name: str) -> int:
            return stock[name]

        def change(name: str, done: Annotated[None, Depends(invalidates(cache=cache, tags=["item:{name}"]))]) -> int:
            stock[name] += 1
            return stock[name]

        async def read_async(name: str) -> int:
            return read(name)

        async def change_async(
            name: str, done: Annotated[None, Depends(invalidates(cache=cache, tags=["item:{name}"]))]
        ) -> int:
            return change(name, done)

        plain = color == "plain"
        app.get("/{name}")(cache_response(cache=cache, tags=["item:{name}"])(read if plain else read_async))
        app.put("/{name}")(change if plain else change_async)
        return app

    one, other = application(two.one), application(two.other)
    assert (await ask(one, "/a")).body == b"1"
    assert (await ask(one, "/a")).hit
    assert (await ask(other, "/a", method="PUT")).body == b"2"
    assert not (await ask(one, "/a")).hit


async def test_variants_that_are_made_together_do_not_lose_each_other(two: Two):
    """One lease is one write: of those that are made together at least one is stored, and the others soon."""
    origin = Origin(lambda asked: (200, [("cache-control", "max-age=60"), ("vary", "a")], asked.get("a").encode()))
    one = CacheMiddleware(origin, cache=two.one)
    # Once it is known that it varies, they do not wait for each other.
    await ask(one, "/", ("a", "0"))
    origin.hold = asyncio.Event()
    names = ["1", "2", "3"]
    asked = [asyncio.create_task(ask(one, "/", ("a", name))) for name in names]
    await begun(origin, 4)
    await held(origin, *asked)
    hits = [(await ask(one, "/", ("a", name))).hit for name in ["0", *names]]
    assert hits[0]
    assert any(hits[1:])
    for name in ["0", *names]:
        answer = await ask(one, "/", ("a", name))
        assert (answer.hit, answer.body) == (True, name.encode())


async def test_two_processes_ask_the_application_once(two: Two):
    origin = Origin(fresh())
    sites = [CacheMiddleware(origin, cache=two.one), CacheMiddleware(origin, cache=two.other)]
    origin.hold = asyncio.Event()
    asked = [asyncio.create_task(ask(site, "/page")) for site in sites * 5]
    await begun(origin, 1)
    await asyncio.sleep(0.05)
    answers = await held(origin, *asked)
    assert origin.runs == 1
    assert {answer.body for answer in answers} == {b"body"}
    assert sum("stored" in (answer.get("cache-status") or "") for answer in answers) == 1


@pytest.mark.parametrize("color", ["async", "plain"])
async def test_two_processes_run_an_endpoint_once(two: Two, color: str):
    go = asyncio.Event()
    loop = asyncio.get_running_loop()
    ran = []

    async def waits() -> int:
        ran.append(1)
        await go.wait()
        return 1

    def blocks() -> int:
        return asyncio.run_coroutine_threadsafe(waits(), loop).result(20)

    apps = []
    for cache in (two.one, two.other):
        app = FastAPI()
        app.get("/page")(cache_response(cache=cache)(waits if color == "async" else blocks))
        apps.append(app)
    asked = [asyncio.create_task(ask(app, "/page")) for app in apps * 5]
    await asyncio.sleep(0.1)
    go.set()
    answers = await asyncio.gather(*asked)
    assert len(ran) == 1
    assert {answer.body for answer in answers} == {b"1"}


async def test_what_cannot_be_shared_is_waited_for_once(two: Two):
    origin = Origin(lambda asked: (200, [("cache-control", "no-store")], b""))
    sites = [CacheMiddleware(origin, cache=two.one), CacheMiddleware(origin, cache=two.other)]
    origin.hold = asyncio.Event()
    asked = [asyncio.create_task(ask(site, "/page")) for site in sites]
    await begun(origin, 1)
    await asyncio.sleep(0.05)
    assert origin.runs == 1
    await held(origin, *asked)
    assert origin.runs == 2
    # Now it is known: both run at once.
    origin.hold = asyncio.Event()
    asked = [asyncio.create_task(ask(site, "/page")) for site in sites]
    await begun(origin, 4)
    await held(origin, *asked)


async def test_one_process_refreshes(two: Two):
    origin = Origin(lambda asked: (200, [("cache-control", "max-age=1, stale-while-revalidate=600")], b"body"))
    time = Time()
    sites = [CacheMiddleware(origin, cache=cache, clock=time) for cache in (two.one, two.other)]
    await ask(sites[0])
    time.advance(2)
    origin.hold = asyncio.Event()
    for site in sites:
        assert (await ask(site)).hit
    await begun(origin, 2)
    await asyncio.sleep(0.05)
    await held(origin)
    for site in sites:
        await site.drain()
    assert origin.runs == 2
    for site in sites:
        assert (await ask(site)).get("age") == "0"


async def test_nothing_stays_claimed(two: Two):
    """Whatever becomes of a run, the next one stores."""
    origin = Origin()
    one = CacheMiddleware(origin, cache=two.one)
    origin.error = RuntimeError()
    with pytest.raises(RuntimeError):
        await ask(one)
    origin.error = None
    origin.says = lambda asked: (200, [("cache-control", "no-store")], b"")
    await ask(one)
    origin.hold = asyncio.Event()
    slow = asyncio.create_task(ask(one))
    await begun(origin, 3)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    origin.hold = None
    await one.drain()
    origin.says = fresh()
    other = CacheMiddleware(origin, cache=two.other)
    assert not (await ask(other)).hit
    assert (await ask(one)).hit
