"""``cache_response``: the response of an endpoint as it was sent, in FastAPI and Starlette."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Cookie, Depends, FastAPI, Header, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route

from omnicache import Cache
from omnicache.exceptions import CacheConfigError
from omnicache.integrations.asgi import BYPASS, PrivacyError
from omnicache.integrations.fastapi import cache_response
from omnicache.testing._client import CacheTestClient
from tests.integrations.exchange import Time

_names = iter(range(10**9))


class Site:
    """An application, a cache and a clock of its own, and what ran."""

    def __init__(self) -> None:
        self.time = Time()
        self.cache = Cache(f"site_{next(_names)}", clock=self.time.manual)
        self.app = FastAPI()
        self.ran: list[Any] = []
        self.client = CacheTestClient(self.app)

    def kept(self, **options: Any) -> Any:
        return cache_response(**({"cache": self.cache, "ttl": 60, "clock": self.time} | options))

    def get(self, path: str = "/", **headers: str) -> Any:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def site() -> Site:
    return Site()


class Item(BaseModel):
    id: int
    name: str = "nameless"


class Opaque:
    """What a dependency makes: nothing that could be part of a key."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name


def hit(response: Any) -> bool:
    return CacheTestClient.from_cache(response)


# --- what is kept -----------------------------------------------------------------------------------------------------


def endpoints(site: Site):
    """Endpoints that return every kind of thing, and what their responses are."""
    ran = site.ran.append

    async def model():
        ran("model")
        return {"id": 1, "secret": "x"}

    def plain():
        ran("plain")
        return Item(id=2)

    async def html():
        ran("html")
        return HTMLResponse("<b>", headers={"x-own": "1"})

    async def missing():
        ran("missing")
        return JSONResponse({"detail": "no"}, 404)

    async def stream():
        ran("stream")

        async def parts():
            yield b"a"
            yield b"b"

        return StreamingResponse(parts(), media_type="text/x")

    async def file():
        ran("file")
        return FileResponse(__file__)

    async def nothing():
        ran("nothing")
        return Response(status_code=204)

    site.app.get("/model", response_model=Item)(site.kept()(model))
    site.app.get("/plain", status_code=202)(site.kept(status_codes=[202])(plain))
    site.app.get("/html")(site.kept()(html))
    site.app.get("/missing")(site.kept(status_codes=[200, 404])(missing))
    site.app.get("/stream")(site.kept()(stream))
    site.app.get("/file")(site.kept()(file))
    site.app.get("/nothing", status_code=204)(site.kept(status_codes=[204])(nothing))


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/model", 200, b'{"id":1,"name":"nameless"}'),
        ("/plain", 202, b'{"id":2,"name":"nameless"}'),
        ("/html", 200, b"<b>"),
        ("/missing", 404, b'{"detail":"no"}'),
        ("/stream", 200, b"ab"),
        ("/file", 200, None),
        ("/nothing", 204, b""),
    ],
)
def test_every_kind_of_response_is_kept_as_it_was_sent(site: Site, path: str, status: int, body: bytes | None):
    endpoints(site)
    first, second = site.get(path), site.get(path)
    assert site.ran == [path[1:]]
    assert (first.status_code, second.status_code) == (status, status)
    assert first.content == second.content
    assert body is None or first.content == body
    for name in ("content-type", "content-length", "x-own", "cache-control", "last-modified"):
        assert first.headers.get(name) == second.headers.get(name)
    assert hit(second)
    assert not hit(first)


def test_openapi_and_the_call_stay_as_they_were(site: Site):
    async def endpoint(id: int, q: str | None = None) -> Item:
        """Says hello."""
        return Item(id=id)

    plain = FastAPI()
    plain.get("/{id}")(endpoint)
    site.app.get("/{id}")(site.kept()(endpoint))
    assert site.app.openapi() == plain.openapi()
    assert asyncio.run(site.kept()(endpoint)(5)) == Item(id=5)
    assert site.kept()(endpoint).__name__ == "endpoint"
    assert inspect.iscoroutinefunction(site.kept()(endpoint))


def test_the_whole_url_is_the_key(site: Site):
    @site.app.get("/items/{id}")
    @site.kept()
    async def item(id: int, q: str = ""):
        site.ran.append((id, q))
        return {"id": id, "q": q}

    for path in ("/items/1", "/items/2", "/items/1?q=a", "/items/1?q=b"):
        site.get(path)
        assert hit(site.get(path))
    assert site.ran == [(1, ""), (2, ""), (1, "a"), (1, "b")]
    assert not hit(site.get("/items/x"))
    assert site.get("/items/x").status_code == 422


def test_chosen_arguments_are_the_key(site: Site):
    @site.app.get("/{id}")
    @site.kept(vary_on=["id"])
    async def endpoint(id: int, trace: str = ""):
        return {"id": id}

    site.get("/1?trace=a")
    assert hit(site.get("/1?trace=b"))
    assert not hit(site.get("/2?trace=b"))


def test_fields_of_the_request_keep_answers_apart(site: Site):
    @site.app.get("/")
    @site.kept(vary_headers=["X-Theme"])
    async def endpoint(accept_language: Annotated[str, Header()] = ""):
        return accept_language

    first = site.get(accept_language="de", x_theme="dark")
    assert set(first.headers["vary"].split(", ")) == {"Accept-Language", "X-Theme"}
    assert hit(site.get(accept_language="de", x_theme="dark"))
    assert not hit(site.get(accept_language="en", x_theme="dark"))
    assert not hit(site.get(accept_language="de", x_theme="light"))


def test_what_an_endpoint_reads_of_its_request_is_noted(site: Site):
    @site.app.get("/")
    @site.kept()
    async def endpoint(request: Request):
        return request.headers.get("x-tone"), request.query_params.get("q")

    assert site.get("/?q=1", x_tone="high").json() == ["high", "1"]
    assert hit(site.get("/?q=1", x_tone="high"))
    assert site.get("/?q=1", x_tone="low").json() == ["low", "1"]
    assert site.get("/?q=2", x_tone="low").json() == ["low", "2"]
    assert hit(site.get("/?q=1", x_tone="high", cookie="unread=1"))


def test_statuses_that_are_not_named_are_not_kept(site: Site):
    endpoints(site)

    @site.app.get("/error")
    @site.kept(status_codes=[404])
    async def error():
        raise HTTPException(404)

    site.app.get("/404")(site.kept()(lambda: JSONResponse({}, 404)))
    for path in ("/404", "/error"):
        site.get(path)
        answer = site.get(path)
        assert answer.status_code == 404
        assert not hit(answer)


@pytest.mark.parametrize("control", ["no-store", "private", "no-cache", "max-age=0"])
def test_the_response_may_refuse(site: Site, control: str):
    @site.app.get("/")
    @site.kept()
    async def endpoint(response: Response):
        response.headers["cache-control"] = control
        return 1

    assert site.get().headers["cache-control"] == control
    assert not hit(site.get())


def test_the_response_may_say_how_long(site: Site):
    @site.app.get("/")
    @site.kept()
    async def endpoint():
        return Response("x", headers={"cache-control": "max-age=5"})

    site.get()
    site.time.advance(4)
    assert hit(site.get())
    site.time.advance(2)
    assert not hit(site.get())


def test_cookies_and_excluded_fields_are_not_kept(site: Site):
    @site.app.get("/")
    @site.kept(exclude_headers=["X-Trace"])
    async def endpoint(response: Response):
        response.set_cookie("session", "alice")
        response.headers["x-trace"] = "1"
        response.headers["x-kept"] = "1"
        return 1

    first, second = site.get(), site.get()
    assert "set-cookie" in first.headers
    assert "x-trace" in first.headers
    assert hit(second)
    assert "set-cookie" not in second.headers
    assert "x-trace" not in second.headers
    assert second.headers["x-kept"] == "1"


def test_what_dependencies_set_belongs_to_each_request(site: Site):
    count = iter(range(100))

    def counting(response: Response) -> None:
        response.headers["x-count"] = str(next(count))

    @site.app.get("/", dependencies=[Depends(counting)])
    @site.kept()
    async def endpoint():
        return 1

    answers = [site.get() for _ in range(3)]
    assert [answer.headers["x-count"] for answer in answers] == ["0", "1", "2"]
    assert [hit(answer) for answer in answers] == [False, True, True]


def test_dependencies_run_for_each_request_and_end(site: Site):
    def session() -> Iterator[Opaque]:
        site.ran.append("open")
        yield Opaque()
        site.ran.append("closed")

    @site.app.get("/")
    @site.kept()
    def endpoint(session: Annotated[Opaque, Depends(session)]):
        site.ran.append("run")
        return 1

    site.get()
    assert hit(site.get())
    assert site.ran == ["open", "run", "closed", "open", "closed"]


def test_a_dependency_that_refuses_refuses_hits_too(site: Site):
    allowed = True

    def gate() -> None:
        if not allowed:
            raise HTTPException(429)

    @site.app.get("/", dependencies=[Depends(gate)])
    @site.kept()
    async def endpoint():
        return 1

    site.get()
    assert hit(site.get())
    allowed = False
    assert site.get().status_code == 429


def test_background_tasks_run_on_a_miss_only(site: Site):
    @site.app.get("/a")
    @site.kept()
    async def injected(tasks: BackgroundTasks):
        tasks.add_task(site.ran.append, "injected")
        return 1

    @site.app.get("/b")
    @site.kept()
    async def own():
        tasks = BackgroundTasks()
        tasks.add_task(site.ran.append, "own")
        return JSONResponse(1, background=tasks)

    for path in ("/a", "/a", "/b", "/b"):
        site.get(path)
    assert site.ran == ["injected", "own"]


def test_other_methods_are_not_answered_from_the_cache(site: Site):
    @site.app.api_route("/", methods=["GET", "POST"])
    @site.kept()
    async def endpoint():
        return 1

    for _ in range(2):
        assert "cache-status" not in site.client.post("/").headers
    site.get()
    assert hit(site.get())


def test_routers_and_mounted_applications(site: Site):
    router, below = APIRouter(prefix="/v1"), FastAPI()

    async def endpoint(id: int):
        return {"id": id}

    router.get("/{id}")(site.kept()(endpoint))
    below.get("/{id}")(site.kept()(endpoint))
    site.app.include_router(router)
    site.app.mount("/sub", below)
    for path in ("/v1/1", "/sub/1"):
        assert site.get(path).json() == {"id": 1}
        assert hit(site.get(path))


def test_what_a_router_around_it_reads_counts(site: Site):
    def user(request: Request) -> None:
        request.state.user = request.headers.get("authorization")

    router = APIRouter(dependencies=[Depends(user)])

    @router.get("/")
    @site.kept()
    async def endpoint(request: Request):
        return request.state.user

    site.app.include_router(router)
    for name in ("alice", "bob"):
        assert site.get(authorization=name).json() == name


def test_overrides_in_tests(site: Site):
    def word() -> str:
        return "real"

    @site.app.get("/")
    @site.kept()
    async def endpoint(word: Annotated[str, Depends(word)]):
        return word

    site.app.dependency_overrides[word] = lambda: "fake"
    assert site.get().json() == "fake"
    assert hit(site.get())


async def starlette_page(request):
    return HTMLResponse(f"page {request.path_params['name']} {request.headers.get('x-tone')}")


def test_starlette(site: Site):
    app = Starlette(routes=[Route("/{name}", site.kept()(starlette_page)), Mount("/m", routes=[
        Route("/{name}", site.kept()(starlette_page)),
    ])])  # fmt: skip
    client = CacheTestClient(app)
    for path in ("/a", "/m/b"):
        assert client.get(path).text == f"page {path[-1]} None"
        assert hit(client.get(path))
        assert client.get(path, headers={"x-tone": "low"}).text.endswith("low")
    assert client.head("/a").headers["content-length"]


# --- validators -------------------------------------------------------------------------------------------------------


def test_a_tag_that_is_the_same_everywhere(site: Site):
    endpoints(site)
    other = Site()
    endpoints(other)
    tags = {one.get("/model").headers["etag"] for one in (site, site, other)}
    assert len(tags) == 1
    assert tags.pop().startswith('"')


@pytest.mark.parametrize("condition", ["{}", "W/{}", '"x", {}', "*"])
@pytest.mark.parametrize("warm", [True, False])
def test_a_client_that_has_it_gets_a_304(site: Site, condition: str, warm: bool):
    endpoints(site)
    other = Site()
    endpoints(other)
    tag = other.get("/model").headers["etag"]
    if warm:
        site.get("/model")
    answer = site.get("/model", if_none_match=condition.format(tag))
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "max-age=60"
    assert "content-type" not in answer.headers
    assert site.get("/model", if_none_match='"other"').status_code == 200


def test_if_modified_since_and_precedence(site: Site):
    endpoints(site)
    changed = site.get("/model").headers["last-modified"]
    assert site.get("/model", if_modified_since=changed).status_code == 304
    assert site.get("/model", if_modified_since=changed, if_none_match='"x"').status_code == 200


def test_parts_of_what_is_kept(site: Site):
    endpoints(site)
    whole = site.get("/file").content
    answer = site.get("/file", range="bytes=3-9")
    assert (answer.status_code, answer.content) == (206, whole[3:10])
    assert site.ran == ["file"]


# --- who asks ---------------------------------------------------------------------------------------------------------


def user_of(request: Request) -> Opaque:
    return Opaque(request.headers.get("authorization") or request.headers.get("x-remote-user"))


bearer, key = HTTPBearer(auto_error=False), APIKeyHeader(name="X-Door", auto_error=False)


def readers(site: Site):
    """Endpoints that learn who asks in every way."""

    @site.app.get("/request")
    @site.kept()
    async def by_request(request: Request):
        return request.headers.get("authorization") or request.cookies.get("session") or request.headers.get("x-user")

    @site.app.get("/dependency")
    @site.kept()
    async def by_dependency(user: Annotated[Opaque, Depends(user_of)]):
        return user.name

    @site.app.get("/bearer")
    @site.kept()
    async def by_bearer(user=Depends(bearer)):
        return user and user.credentials

    @site.app.get("/key")
    @site.kept()
    async def by_key(user=Depends(key)):
        return user

    @site.app.get("/cookie")
    @site.kept()
    async def by_cookie(session: Annotated[str | None, Cookie()] = None):
        return session

    @site.app.get("/header")
    @site.kept()
    async def by_header(x_user: Annotated[str | None, Header()] = None):
        return x_user


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/request", "authorization", "{}"),
        ("/request", "cookie", "session={}"),
        ("/request", "x-user", "{}"),
        ("/dependency", "authorization", "{}"),
        ("/dependency", "x-remote-user", "{}"),
        ("/bearer", "authorization", "Bearer {}"),
        ("/key", "x-door", "{}"),
        ("/cookie", "cookie", "session={}"),
        ("/header", "x-user", "{}"),
    ],
)
def test_bob_is_not_served_what_is_alices(site: Site, path: str, field: str, value: str):
    readers(site)
    assert site.get(path).json() is None
    for name in ("alice", "bob", "alice"):
        answer = site.client.get(path, headers={field: value.format(name)})
        assert answer.json() == name
        assert not hit(answer)
        assert answer.headers["cache-control"] == "private, max-age=60"
    anonymous = site.get(path)
    assert anonymous.json() is None
    assert hit(anonymous)
    assert field in anonymous.headers["vary"].lower() or path == "/dependency"


def test_who_reads_nothing_shares_with_everyone(site: Site):
    endpoints(site)
    site.get("/model", authorization="alice", cookie="session=alice")
    assert hit(site.get("/model", authorization="bob"))


def test_vary_by_names_who_asks(site: Site):
    @site.app.get("/")
    @site.kept(vary_by=["authorization"])
    async def endpoint(user: Annotated[Opaque, Depends(user_of)]):
        site.ran.append(user.name)
        return user.name

    for name in ("alice", "bob", "alice", "bob"):
        answer = site.get(authorization=name)
        assert answer.json() == name
        assert answer.headers["cache-control"] == "private, max-age=60"
    assert site.ran == ["alice", "bob"]


def test_private_is_what_only_the_client_keeps(site: Site):
    @site.app.get("/")
    @site.kept(private=True)
    async def endpoint():
        return 1

    for _ in range(2):
        answer = site.get()
        assert not hit(answer)
        assert answer.headers["cache-control"] == "private, max-age=60"
    assert site.get(if_none_match=answer.headers["etag"]).status_code == 304


def test_private_false_is_the_users_word(site: Site):
    @site.app.get("/")
    @site.kept(private=False)
    async def endpoint(user: Annotated[Opaque, Depends(user_of)]):
        return "the same for all"

    site.get(authorization="alice")
    assert hit(site.get(authorization="bob"))


def test_a_response_may_be_public_in_spite_of_who_asks(site: Site):
    @site.app.get("/")
    @site.kept()
    async def endpoint(response: Response, user: Annotated[Opaque, Depends(user_of)]):
        response.headers["cache-control"] = "public, max-age=60"
        return 1

    site.get(authorization="alice")
    assert hit(site.get(authorization="bob"))


def test_who_reads_all_or_the_address_is_private(site: Site):
    @site.app.get("/all")
    @site.kept()
    async def everything(request: Request):
        return dict(request.headers)

    @site.app.get("/address")
    @site.kept()
    async def address(request: Request):
        return request.client

    for path in ("/all", "/address"):
        site.get(path)
        assert not hit(site.get(path))


def test_the_audit_finds_leaks_of_endpoints():
    site = Site()
    site.client = CacheTestClient(site.app, audit=True)

    @site.app.get("/leak")
    @site.kept(private=False)
    async def leak(user: Annotated[Opaque, Depends(user_of)]):
        return user.name

    @site.app.get("/tight")
    @site.kept()
    async def tight(user: Annotated[Opaque, Depends(user_of)]):
        return user.name

    for name in ("alice", "bob"):
        assert site.get("/tight", authorization=name).json() == name
    site.get("/tight")
    assert hit(site.get("/tight"))
    site.get("/leak", authorization="alice")
    with pytest.raises(PrivacyError):
        site.get("/leak", authorization="bob")


# --- together, stale, failing -----------------------------------------------------------------------------------------


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
