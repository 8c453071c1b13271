"""Who may ask, and what hostile requests get: a refusal that says why, never a crash, and nothing that is secret."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from omnicache import Backend, Cache, CacheConfigError
from omnicache._manage.redact import settings_of
from omnicache.admin import Access, mount, router
from tests.admin.told import fails

Asked = Callable[..., TestClient]
TOKEN = "a-secret-of-some-length"
REMOTE = ("203.0.113.7", 4711)


# --- who may ask ---


def test_without_any_way_to_know_who_asks_it_is_not_made():
    with pytest.raises(CacheConfigError, match="anybody could ask"):
        router()
    with pytest.raises(CacheConfigError, match="anybody could ask"):
        mount(FastAPI())


@pytest.mark.parametrize("token", ["", "with space", "ümlaut", "line\nend", "x\x00"])
def test_a_token_that_no_header_carries_is_refused(token: str):
    with pytest.raises(CacheConfigError, match="token"):
        Access(token=token)


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer wrong", f"Bearer {TOKEN}x"),
        *(f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}", "Bearer é"),
    ],
)
def test_a_wrong_token_is_refused(asked: Asked, header: str | None):
    client = asked(token=TOKEN)
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in ("/cache", "/metrics", "/openapi.json", "/nothing", "/cache/x/entries/y"):
        answer = client.get(path, headers=headers)
        fails(answer, 401, "PERMISSION_DENIED")
        assert answer.headers["www-authenticate"] == 'Bearer realm="omnicache"'
        assert TOKEN not in answer.text


def test_the_right_token_passes_from_anywhere(asked: Asked):
    client = asked(token=TOKEN, client=REMOTE, base_url="http://cache.example")
    assert client.get("/cache", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/cache", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    fails(client.get("/cache", headers=twice), 401, "PERMISSION_DENIED")


def test_a_token_is_shown_nowhere():
    assert TOKEN not in repr(Access(token=TOKEN))


def test_an_application_can_decide_by_itself(asked: Asked):
    async def signed_in(request: Request) -> bool:
        await asyncio.sleep(0)
        return request.headers.get("x-user") == "ada"

    client = asked(authorize=signed_in, client=REMOTE)
    assert client.get("/cache", headers={"X-User": "ada"}).status_code == 200
    fails(client.get("/cache"), 403, "PERMISSION_DENIED")
    truthy = asked(authorize=lambda request: "yes", client=REMOTE)
    fails(truthy.get("/cache"), 403, "PERMISSION_DENIED")


def test_without_a_token_only_this_machine_may_ask(asked: Asked):
    assert asked(local=True).get("/cache").status_code == 200
    assert asked(local=True, client=("::1", 1), base_url="http://[::1]:8000").get("/cache").status_code == 200
    fails(asked(local=True, client=REMOTE).get("/cache"), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "X-Forwarded-Host"])
def test_what_a_proxy_hands_on_needs_a_token(asked: Asked, header: str):
    fails(asked(local=True).get("/cache", headers={header: "127.0.0.1"}), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost@evil",
        "x/y",
    ],
)
def test_another_name_for_this_machine_is_refused(asked: Asked, host: str):
    """A page whose name was made to lead here, DNS rebinding, would else be of the same origin."""
    fails(asked(local=True).get("/cache", headers={"Host": host}), 421, "PERMISSION_DENIED")


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "LOCALHOST", "127.0.0.1:1", "[::1]:80", "box.example"])
def test_own_names_pass(asked: Asked, host: str):
    assert asked(local=True, hosts=["Box.Example"]).get("/cache", headers={"Host": host}).status_code == 200


# --- pages of other sites ---


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "https://localhost:80"},
        {"Origin": "file://"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
@pytest.mark.parametrize("access", [{"local": True}, {"token": TOKEN}, {"authorize": lambda request: True}])
def test_a_page_of_another_site_changes_nothing(asked: Asked, access: Any, headers: dict[str, str]):
    client = asked(**access)
    headers = {**headers, "Authorization": f"Bearer {TOKEN}"}
    with Cache("kept") as cache:
        cache["a"] = 1
        fails(client.post("/cache/kept/clear", headers=headers), 403, "PERMISSION_DENIED")
        fails(client.delete("/cache/kept", headers=headers), 403, "PERMISSION_DENIED")
        fails(
            client.post("/cache/kept/entries", json={"key": "b", "value": 1}, headers=headers), 403, "PERMISSION_DENIED"
        )
        assert cache.keys() == ["a"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_the_own_page_and_programs_may(asked: Asked, headers: dict[str, str]):
    with Cache("cleared") as cache:
        cache["a"] = 1
        assert asked(local=True).post("/cache/cleared/clear", headers=headers).json() == {"cleared_count": 1}


def test_reading_from_another_site_is_refused_too(asked: Asked):
    fails(asked(local=True).get("/cache", headers={"Sec-Fetch-Site": "cross-site"}), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
def test_what_a_form_can_send_is_no_json(asked: Asked, kind: str):
    client = asked(local=True)
    with Cache("typed") as cache:
        answer = client.post("/cache/typed/entries", content=b'{"key":"a","value":1}', headers={"Content-Type": kind})
        fails(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        if kind:
            fails(client.post("/cache/typed/clear", headers={"Content-Type": kind}), 415, "UNSUPPORTED_MEDIA_TYPE")
        assert cache.keys() == []


# --- what answers carry ---


@pytest.mark.parametrize("path", ["/cache", "/cache/nobody", "/nothing", "/metrics", "/openapi.json", "/cache?x=1"])
def test_every_answer_is_guarded(asked: Asked, path: str):
    for client in (asked(local=True), asked(token=TOKEN)):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control-") for name in headers)


def test_a_script_is_data(asked: Asked):
    with Cache("scripted") as cache:
        cache["<script>alert(1)</script>"] = "</script><script>alert(2)</script>"
        answer = asked(local=True).get("/cache/scripted/entries")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["entries"][0]["value"] == "</script><script>alert(2)</script>"


def test_passwords_of_backends_are_not_shown():
    from dataclasses import dataclass, field

    @dataclass(frozen=True)
    class Far(Backend):
        name = "far"
        url: str = "redis://user:pa55@host:6379/0?api_key=pa55"
        password: str = "pa55"
        hosts: tuple[str, ...] = ("redis://:pa55@one", "redis://two")
        nested: Any = field(default_factory=lambda: {"sentinel_password": "pa55", "db": 1})

    shown = settings_of(Far())
    assert "pa55" not in json.dumps(shown)
    assert shown["url"].startswith("redis://user:***@host:6379/0?api_key=")
    assert shown["hosts"] == ["redis://:***@one", "redis://two"]
    assert shown["nested"] == {"sentinel_password": "***", "db": 1}


def test_an_unexpected_error_tells_outsiders_nothing(asked: Asked, caplog: pytest.LogCaptureFixture):
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("secret")

    with Cache("odd") as cache:
        cache["a"] = Odd()
        found = asked(local=True).get("/cache/odd/entries/a").json()
        assert found["value_is_json"] is False
        assert "Odd" in found["value"]["repr"]
        assert "secret" not in json.dumps(found)

    class Broken:
        def caches(self, namespace: str | None) -> None:
            raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR, "omnicache.admin"):
        answer = asked(service=Broken(), local=True).get("/cache", headers={"Authorization": "Bearer pa55"})
    assert "secret" not in answer.text
    fails(answer, 500, "INTERNAL_ERROR")
    assert "ZeroDivisionError" in caplog.text
    assert "pa55" not in caplog.text
