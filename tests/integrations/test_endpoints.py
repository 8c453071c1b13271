"""``cache_response``: the response of an endpoint as it was sent, in FastAPI and Starlette."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route

from omnicache.testing._client import CacheTestClient
from tests.integrations.site import Item, Opaque, Site, endpoints, hit


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
