"""Around cached endpoints: invalidation, dependencies, statistics, lifespans, the test client, imports."""

import subprocess
import sys
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Response

from omnicache import Cache, CacheNotFoundError, get_cache
from omnicache.exceptions import CacheConfigError
from omnicache.integrations import fastapi as integration
from omnicache.integrations.fastapi import (
    cache_dependency,
    cache_stats,
    invalidate_cache,
    invalidates,
    lifespan,
)
from omnicache.testing._client import CacheTestClient

_names = iter(range(10**9))


@pytest.fixture
def kept():
    with Cache(f"values_{next(_names)}") as made:
        yield made


@pytest.mark.parametrize("color", ["async", "plain"])
@pytest.mark.parametrize(
    ("answer", "gone"),
    [("value", True), ("204", True), ("set", False), ("404", False), ("raise", False), ("redirect", False)],
)
def test_success_invalidates_and_failure_does_not(kept: Cache, color: str, answer: str, gone: bool):
    from starlette.exceptions import HTTPException

    app = FastAPI()

    def act(response: Response):
        if answer == "raise":
            raise HTTPException(409)
        if answer == "set":
            response.status_code = 400
        if answer in {"204", "404"}:
            return Response(status_code=int(answer))
        return Response(status_code=303) if answer == "redirect" else 1

    async def act_async(response: Response):
        return act(response)

    dependency = Depends(
        invalidates(cache=kept, tags=["item:{id}", "all:{kind}"], keys=["k{id}"], patterns=["p{id}:*"])
    )
    app.put("/{id}", dependencies=[dependency])(act_async if color == "async" else act)
    client = CacheTestClient(app)
    for _ in range(2):
        kept.set("a", 1, tags=["item:1"])
        kept.set("b", 1, tags=["all:x"])
        kept.set_many({"k1": 1, "p1:x": 1})
        kept.set_many({"k2": 1, "p2:x": 1})
        kept.set("c", 1, tags=["item:2"])
        client.put("/1?kind=x", follow_redirects=False)
        left = {"k2", "p2:x", "c"}
        assert set(kept.keys()) == (left if gone else left | {"a", "b", "k1", "p1:x"})


def test_two_invalidations_and_an_application_around(kept: Cache):
    app = FastAPI()

    @app.post("/")
    async def act(
        one: Annotated[None, Depends(invalidates(cache=kept, tags=["a"]))],
        two: Annotated[None, Depends(invalidates(cache=kept, tags=["b"]))],
    ):
        return 1

    @app.post("/other")
    async def other():
        return 1

    client = CacheTestClient(app)
    kept.set("a", 1, tags=["a"])
    kept.set("b", 1, tags=["b"])
    client.post("/other")
    assert len(kept) == 2
    client.post("/")
    assert len(kept) == 0
    assert "invalidate" not in str(app.openapi())


@pytest.mark.parametrize("options", [{}, {"tags": "a"}, {"keys": "a"}, {"patterns": "a"}])
def test_invalidations_of_nothing_are_an_error(options: dict[str, Any]):
    with pytest.raises(CacheConfigError, match="invalidates"):
        invalidates(**options)


async def test_invalidate_cache(kept: Cache):
    kept.set_many({"a": 1, "b:1": 1, "b:2": 1, "d": 1})
    kept.set("c", 1, tags=["t"])
    assert await invalidate_cache(kept.name, keys=["a"], patterns=["b:*"], tags=["t"]) == 4
    assert kept.keys() == ["d"]
    with pytest.raises(CacheConfigError, match="tags"):
        await invalidate_cache(kept, tags="t")


# --- the smaller parts ------------------------------------------------------------------------------------------------


def test_a_cache_as_a_dependency(kept: Cache):
    app = FastAPI()

    @app.get("/")
    async def endpoint(found: Annotated[Cache, Depends(cache_dependency(kept.name))]):
        return found.name

    assert CacheTestClient(app).get("/").json() == kept.name
    with pytest.raises(CacheNotFoundError, match="nobody"):
        cache_dependency("nobody", create_if_missing=False)()
    made = cache_dependency("made_by_dependency")
    assert made() is made()
    with pytest.raises(CacheConfigError):
        cache_dependency("no good name")


async def test_statistics(kept: Cache):
    kept.get("missing")
    assert (await cache_stats(kept.name)).miss_count == 1
    with pytest.raises(CacheNotFoundError, match="nobody"):
        await cache_stats("nobody")


def test_lifespans_close_caches():
    one, two = Cache(f"values_{next(_names)}"), Cache(f"values_{next(_names)}")
    with CacheTestClient(FastAPI(lifespan=lifespan(one, two))):
        assert not one.closed
    assert one.closed
    assert two.closed
    three = Cache(f"values_{next(_names)}")
    with CacheTestClient(FastAPI(lifespan=three.lifespan)):
        assert not three.closed
    assert three.closed


def test_the_cache_has_a_decorator_for_responses(kept: Cache):
    app = FastAPI()

    @app.get("/{id}")
    @kept.response(60, tags=["item:{id}"])
    async def endpoint(id: int):
        return id

    client = CacheTestClient(app)
    client.get("/1")
    assert client.from_cache(client.get("/1"))
    assert kept.delete_many(tags=["item:1"]) == 1


def test_the_test_client_counts(kept: Cache):
    app = FastAPI()
    app.get("/")(integration.cache_response(cache=kept)(lambda: 1))
    client = CacheTestClient(app)
    for _ in range(3):
        client.get("/")
    assert (client.cache_hit_count(kept.name), client.cache_miss_count(kept.name)) == (2, 1)
    client.reset_cache_stats(kept.name)
    assert client.cache_stats(kept.name).hit_count == 0
    assert client.clear_cache(kept.name) == 1
    assert not client.from_cache(client.get("/"))
    with pytest.raises(CacheNotFoundError, match="nobody"):
        client.cache_hit_count("nobody")


def test_names_of_caches_are_used():
    integration.cached("values_by_name")(lambda: 1)()
    assert get_cache("values_by_name").stats().entry_count >= 0


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("omnicache", "starlette fastapi"),
        ("omnicache.integrations", "starlette fastapi"),
        ("omnicache.integrations.asgi", "starlette fastapi httpx2"),
        ("omnicache.integrations.starlette", "fastapi"),
        ("omnicache.integrations.fastapi", "click omnicache.cli omnicache.admin httpx2"),
    ],
)
def test_an_import_brings_only_what_it_needs(module: str, absent: str):
    code = f"import sys, {module}; print([name for name in {absent.split()} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
