"""``cache_response`` and who asks: nobody is served what was made for another."""

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, Header, Request, Response
from fastapi.security import APIKeyHeader, HTTPBearer

from omnicache.integrations.asgi import PrivacyError
from omnicache.testing._client import CacheTestClient
from tests.integrations.exchange import ask
from tests.integrations.site import Opaque, Site, endpoints, hit


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


@pytest.mark.parametrize("how", ["state", "item"])
@pytest.mark.parametrize("field", ["authorization", "cookie", "x-user"])
async def test_what_others_have_put_on_the_request_may_say_who_asks(site: Site, how: str, field: str):
    @site.app.get("/")
    @site.kept()
    async def endpoint(request: Request):
        return request.state.who if how == "state" else request["state"]["who"]

    async def found(scope: Any, receive: Any, send: Any) -> None:
        who = next((value.decode() for name, value in scope["headers"] if name == field.encode()), "nobody")
        await site.app({**scope, "state": {"who": who}}, receive, send)

    async def asks(*who: str) -> bytes:
        return (await ask(found, "/", *((field, name) for name in who))).body

    assert await asks() == b'"nobody"'
    assert await asks("alice") == b'"alice"'
    assert await asks("bob") == b'"bob"'
    assert await asks() == b'"nobody"'
    assert (await ask(found, "/")).hit


def test_a_host_that_is_said_twice_is_not_either_of_them(site: Site):
    @site.app.get("/")
    @site.kept()
    async def endpoint(request: Request):
        return request.headers.get("host")

    async def asks(*hosts: str) -> bytes:
        headers = [(b"host", host.encode()) for host in hosts]
        sent = b""

        async def send(message: Any) -> None:
            nonlocal sent
            sent += message.get("body", b"")

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "scheme": "http"}
        await site.app({**scope, "headers": headers, "root_path": "", "http_version": "1.1"}, receive, send)
        return sent

    async def all_of_them() -> None:
        assert await asks("evil", "shop") == b'"evil"'
        assert await asks("shop") == b'"shop"'
        assert await asks("evil") == b'"evil"'

    asyncio.run(all_of_them())
