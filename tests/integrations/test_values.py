"""``cached`` for endpoints and other functions."""

import asyncio
import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.requests import HTTPConnection

from omnicache import Cache, KeyBy, NoKey
from omnicache.exceptions import CacheConfigError, CacheKeyError
from omnicache.integrations.fastapi import (
    cache,
    cached,
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
