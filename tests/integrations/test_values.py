"""``cached`` for endpoints, and the smaller parts: invalidation, dependencies, statistics, lifespans, test client."""

import asyncio
import inspect
import logging
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.requests import HTTPConnection

from omnicache import Cache, CacheClosedError, CacheNotFoundError, KeyBy, NoKey, get_cache
from omnicache.exceptions import CacheConfigError, CacheKeyError
from omnicache.integrations import fastapi as integration
from omnicache.integrations.fastapi import (
    cache,
    cache_dependency,
    cache_stats,
    cached,
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


class Opaque:
    def __init__(self, name: str | None = None) -> None:
        self.name = name


@dataclass
class Page:
    number: int


def database() -> Opaque:
    return Opaque()


def page(number: int = 1) -> Page:
    return Page(number)


def user(request: Request) -> Opaque:
    return Opaque(request.headers.get("authorization"))


def named(session: Annotated[str | None, Cookie()] = None) -> str | None:
    return session


bearer = HTTPBearer(auto_error=False)


@pytest.fixture
def site(kept: Cache):
    """An application with the cached endpoints that tests ask for, and what ran."""
    ran: list[Any] = []
    app = FastAPI()

    def add(path: str, function: Any, **options: Any) -> None:
        app.get(path)(cached(cache=kept, **options)(function))

    return app, CacheTestClient(app), add, ran


def test_alias():
    assert cache is cached


def test_plain_and_coroutine_functions_remember(kept: Cache):
    ran = []

    @cached(cache=kept, ttl=60)
    def plain(a: int, b: int = 2) -> int:
        """Adds."""
        ran.append("plain")
        return a + b

    @cached(cache=kept, ttl=60)
    async def awaited(a: int, b: int = 2) -> int:
        ran.append("awaited")
        return a + b

    assert plain(1) == plain(1, 2) == plain(a=1, b=2) == 3
    assert asyncio.run(awaited(1)) == asyncio.run(awaited(a=1)) == 3
    assert ran == ["plain", "awaited"]
    assert plain(2) == 4
    assert plain.__doc__ == "Adds."
    assert str(inspect.signature(plain)) == "(a: int, b: int = 2) -> int"
    assert inspect.iscoroutinefunction(awaited)
    assert plain.cache_info().currsize >= 2
    assert plain.invalidate(1)


def test_what_a_framework_hands_in_takes_no_part(site, kept: Cache):
    _app, client, add, ran = site

    async def endpoint(
        id: int,
        response: Response,
        tasks: BackgroundTasks,
        scopes: SecurityScopes,
        db: Annotated[Opaque, Depends(database)],
        old: Opaque = Depends(database),
    ):
        ran.append(id)
        return {"id": id}

    add("/{id}", endpoint)
    for _ in range(2):
        assert client.get("/1").json() == {"id": 1}
    assert client.get("/2").json() == {"id": 2}
    assert ran == [1, 2]


def test_openapi_stays_as_it_was(kept: Cache):
    def endpoint(id: int, db: Annotated[Opaque, Depends(database)], q: str | None = None) -> dict[str, int]:
        """Says hello."""
        return {"id": id}

    one, other = FastAPI(), FastAPI()
    one.get("/{id}")(endpoint)
    other.get("/{id}")(cached(cache=kept)(endpoint))
    assert one.openapi() == other.openapi()


def test_what_a_dependency_made_of_the_request_takes_part(site):
    _app, client, add, ran = site

    async def endpoint(page: Annotated[Page, Depends(page)]):
        ran.append(page.number)
        return page.number

    add("/", endpoint)
    for number in (1, 2, 1, 2):
        assert client.get(f"/?number={number}").json() == number
    assert ran == [1, 2]


def test_a_request_takes_part_by_its_url(site):
    _app, client, add, ran = site

    async def endpoint(request: Request):
        ran.append(1)
        return request.query_params.get("q")

    add("/", endpoint)
    assert [client.get(f"/?q={q}").json() for q in "aabb"] == list("aabb")
    assert len(ran) == 2


@pytest.mark.parametrize("kind", ["request", "connection", "dependency", "bearer", "cookie"])
def test_bob_is_not_given_what_is_alices(site, kind: str):
    app, client, add, ran = site

    async def by_request(request: Request):
        return request.headers.get("authorization") or request.cookies.get("session")

    async def by_connection(connection: HTTPConnection):
        return connection.headers.get("authorization") or connection.cookies.get("session")

    async def by_dependency(user: Annotated[Opaque, Depends(user)]):
        return user.name

    async def by_bearer(user=Depends(bearer)):
        return user and user.credentials

    async def by_cookie(user: Annotated[str | None, Depends(named)]):
        return user

    add("/", locals()[f"by_{kind}"])
    for name in ("alice", "bob", "alice"):
        header = ("cookie", f"session={name}") if kind == "cookie" else ("authorization", f"Bearer {name}")
        answer = client.get("/", headers=[header]).json()
        assert answer.removeprefix("Bearer ") == name


def test_who_asks_can_be_named(site):
    _app, client, add, ran = site

    async def by_part(user: Annotated[Opaque, Depends(user), KeyBy("name")]):
        ran.append(user.name)
        return user.name

    async def by_function(user: Annotated[Opaque, Depends(user)]):
        ran.append(user.name)
        return user.name

    async def by_no_part(user: Annotated[Opaque, Depends(user), NoKey]):
        ran.append(user.name)
        return "all"

    add("/part", by_part)
    add("/function", by_function, vary_by=lambda user: user.name)
    add("/none", by_no_part)
    for path in ("/part", "/function"):
        ran.clear()
        for name in ("alice", "bob", "alice", "bob"):
            assert client.get(path, headers={"authorization": name}).json() == name
        assert ran == ["alice", "bob"]
    ran.clear()
    for name in ("alice", "bob"):
        client.get("/none", headers={"authorization": name})
    assert ran == ["alice"]


def test_responses_are_passed_on_and_not_kept(site):
    _app, client, add, ran = site

    def endpoint():
        ran.append(1)
        return JSONResponse({"no": 1}, 404)

    add("/", endpoint)
    for _ in range(2):
        assert client.get("/").status_code == 404
    assert len(ran) == 2


def test_condition_key_builder_prefix_and_labels(kept: Cache):
    ran = []

    @cached(
        cache=kept,
        condition=lambda result: result > 0,
        key_builder=lambda number: number % 10,
        key_prefix="mine",
        tags=["n:{number}"],
    )
    def number(number: int) -> int:
        ran.append(number)
        return number

    assert [number(value) for value in (-1, -1, 5, 15)] == [-1, -1, 5, 5]
    assert ran == [-1, -1, 5]
    assert [key[0] for key in kept] == ["mine"]
    assert kept.delete_many(tags=["n:5"]) == 1

    @cached(cache=kept, tags=lambda number: [f"f:{number}"])
    def labelled(number: int) -> int:
        return number

    labelled(7)
    assert kept.delete_many(tags=["f:7"]) == 1


def test_a_ttl_that_ends():
    from omnicache import ManualClock

    clock = ManualClock()
    with Cache(f"values_{next(_names)}", clock=clock) as made:
        ran = []
        function = cached(cache=made, ttl=60)(lambda: ran.append(1))
        function()
        clock.advance(59)
        function()
        clock.advance(2)
        function()
        assert len(ran) == 2


def test_serializers(kept: Cache, caplog: pytest.LogCaptureFixture):
    ran = []

    def make(value: Any, **options: Any):
        def function():
            ran.append(1)
            return value

        return cached(cache=kept, key_prefix=f"s{next(_names)}", **options)(function)

    as_json = make({"a": [1]}, serializer="json")
    assert as_json() == as_json() == {"a": [1]}
    assert as_json() is not as_json()
    assert len(ran) == 1

    skipped = make({1, 2}, serializer="json")
    assert skipped() == skipped() == {1, 2}
    assert len(ran) == 3
    assert sum("cannot be kept" in record.message for record in caplog.records) == 1

    raising = make({1, 2}, serializer="json", on_serialization_error="raise")
    with pytest.raises(TypeError, match="set"):
        raising()

    ran.clear()
    pickled = make({1, 2}, serializer="json", on_serialization_error="pickle")
    assert pickled() == pickled() == {1, 2}
    assert len(ran) == 1
    (key,) = [key for key in kept if key[0] == pickled.key()[0]]
    kept[key] = kept[key][:30] + b"forged" + kept[key][36:]
    assert pickled() == {1, 2}
    assert len(ran) == 2


def test_a_cache_that_fails_is_passed_by(kept: Cache, caplog: pytest.LogCaptureFixture):
    @cached(cache=kept)
    def plain() -> int:
        return 1

    @cached(cache=kept)
    async def awaited() -> int:
        return 1

    @cached(cache=kept, on_cache_error="raise")
    def strict() -> int:
        return 1

    kept.close()
    assert plain() == 1
    assert asyncio.run(awaited()) == 1
    assert any(record.levelno == logging.WARNING for record in caplog.records)
    with pytest.raises(CacheClosedError):
        strict()


def test_arguments_that_are_no_keys_are_an_error(kept: Cache):
    @cached(cache=kept)
    def function(thing: object) -> int:
        return 1

    with pytest.raises(CacheKeyError):
        function(Opaque())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"serializer": "pickle"}, "serializer"),
        ({"on_serialization_error": "ignore"}, "on_serialization_error"),
        ({"on_cache_error": "ignore"}, "on_cache_error"),
        ({"tags": "one"}, "tags"),
        ({"ttl": 0}, "ttl"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_options_say_which(kept: Cache, options: dict[str, object], said: str):
    with pytest.raises((CacheConfigError, TypeError), match=said):
        cached(cache=kept, **options)(lambda: 1)


# --- invalidation -----------------------------------------------------------------------------------------------------


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
