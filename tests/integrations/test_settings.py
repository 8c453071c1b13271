"""What a configuration says of the integrations: names, times and fields of those that say nothing themselves."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI

import omnicache
from omnicache import Cache, CacheConfigError, get_cache
from omnicache.integrations.fastapi import (
    CacheMiddleware,
    cache_dependency,
    cache_response,
    cache_stats,
    cached,
    invalidates,
)
from tests.integrations.exchange import Origin, ask

_names = iter(range(10**9))


@pytest.fixture
def name() -> Iterator[str]:
    """A cache that a configuration makes the default."""
    name = f"settings_{next(_names)}"
    table: dict[str, Any] = {
        "default_cache": name,
        "response_cache_ttl": "2m",
        "decorator_cache_ttl": "3m",
        "cache_control_headers": False,
        "etag_headers": False,
    }
    omnicache.configure({"caches": {name: {"max_size": 7, "namespace": "shop"}}, "integrations": {"fastapi": table}})
    yield name
    omnicache.configure({})
    get_cache(name, namespace="shop").close()


async def test_what_says_nothing_starts_from_the_configuration(name: str):
    app = FastAPI()

    @app.get("/page")
    @cache_response(tags=["page"])
    async def page() -> int:
        return 1

    @app.put("/page")
    async def change(done: Annotated[None, Depends(invalidates(tags=["page"]))]) -> int:
        return 1

    @cached
    def value() -> int:
        return 1

    answer = await ask(app, "/page")
    assert (answer.get("cache-control"), answer.get("etag")) == (None, None)
    answer = await ask(app, "/page")
    assert answer.get("cache-status") == "OmniCache; hit; ttl=120"
    cache = cache_dependency()()
    assert (cache.name, cache.namespace, cache.max_size) == (name, "shop", 7)
    assert len(cache) == (await cache_stats(name)).entry_count == 1
    await ask(app, "/page", method="PUT")
    assert len(cache) == 0
    value()
    (entry,) = cache.entries()
    assert 179 < (entry.ttl or 0) <= 180

    origin = Origin(lambda asked: (200, [], b"body"))
    front = CacheMiddleware(origin)
    first, second = await ask(front, "/"), await ask(front, "/")
    assert (first.get("etag"), first.get("cache-control")) == (None, None)
    assert second.get("cache-status") == "OmniCache; hit; ttl=120"
    assert front.cache is cache


async def test_a_call_goes_before_the_configuration(name: str):
    app = FastAPI()
    with Cache(f"settings_{next(_names)}") as own:

        @app.get("/page")
        @cache_response(own.name, ttl=60, cache_control_header=True, etag_header=True)
        async def page() -> int:
            return 1

        answer = await ask(app, "/page")
        assert answer.get("cache-control") == "max-age=60"
        assert answer.get("etag")
        assert len(own) == 1


async def test_without_a_configuration_they_are_as_documented():
    app = FastAPI()

    @app.get("/page")
    @cache_response
    async def page() -> int:
        return 1

    assert (await ask(app, "/page?documented")).get("cache-control") == "max-age=300"
    assert cache_dependency()().name == "default"
    assert page.cache_shelf.name == "http_cache"
    assert CacheMiddleware(app).cache.name == "middleware_cache"


def test_wrong_keys_and_values_are_errors():
    with pytest.raises(CacheConfigError, match="etag_headers"):
        omnicache.configure({"integrations": {"fastapi": {"etag_header": True}}})
    with pytest.raises(CacheConfigError, match="response_cache_ttl"):
        omnicache.configure({"integrations": {"fastapi": {"response_cache_ttl": "soon"}}})


async def test_a_cache_that_is_described_has_only_the_limits_described():
    name = f"settings_{next(_names)}"
    omnicache.configure({"caches": {name: {"backend": "redis://127.0.0.1:1/0", "on_error": "degrade"}}})
    try:
        origin = Origin()
        assert (await ask(CacheMiddleware(origin, name))).status == 200
    finally:
        omnicache.configure({})
        get_cache(name).close()
