"""Hostile requests get a refusal that says why, and the application around the API is not disturbed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from omnicache import Cache
from omnicache.admin import mount, router
from tests.admin.told import fails

Asked = Callable[..., TestClient]
TOKEN = "a-secret-of-some-length"

# --- hostile requests ---


@pytest.mark.parametrize(
    "body",
    [
        *(b"[" * 100_000, b'{"key":"a","value":' + b"[" * 100_000, b'{"key":"a","value":NaN}'),
        *(b'{"key":"a","value":Infinity}', b'{"key":"a","value":1e999}', b'{"key":"a","key":"b","value":1}'),
        *(b'{"key":"a","value":' + b"9" * 10_000 + b"}", b'{"key":"\\ud800","value":1}', b"\xff\xfe", b"", b"null"),
        *(b'{"key":"a","value":1', b'{"key":"a","value":"\xff"}', b"\x00", b'{"key":"a","value":{"b":1,"b":2}}'),
    ],
)
def test_hostile_json_is_refused(asked: Asked, body: bytes):
    client = asked(local=True)
    with Cache("target") as cache:
        for path in ("/cache/target/entries", "/cache/target/entries/bulk", "/cache"):
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            fails(answer, 400, "VALIDATION_ERROR")
        assert cache.keys() == []


def test_a_body_has_a_limit(asked: Asked):
    client = asked(local=True, max_body=1000)
    with Cache("limited"):
        long = {"key": "a", "value": "x" * 1000}
        fails(client.post("/cache/limited/entries", json=long), 413, "PAYLOAD_TOO_LARGE")

        def unannounced() -> Any:
            for _ in range(100):
                yield b" " * 100

        headers = {"Content-Type": "application/json"}
        answer = client.post("/cache/limited/entries", content=unannounced(), headers=headers)
        fails(answer, 413, "PAYLOAD_TOO_LARGE")
        fails(client.request("DELETE", "/cache/limited", json={}), 413, "PAYLOAD_TOO_LARGE")
        assert client.post("/cache/limited/entries", json={"key": "a", "value": "x" * 900}).status_code == 201


def test_the_head_has_a_limit(asked: Asked):
    client = asked(local=True)
    fails(client.get("/cache/x/entries/" + "k" * 40_000), 414, "URI_TOO_LONG")
    fails(client.get("/cache", headers={"X-Long": "x" * 40_000}), 431, "HEADERS_TOO_LARGE")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]),
    st.lists(
        st.one_of(
            st.sampled_from(
                ["cache", "target", "entries", "bulk", "clear", "why", "..", "%2e%2e", "%", "%ff", "json%3A["]
            ),
            st.text(st.characters(codec="ascii"), max_size=8),
        ),
        max_size=5,
    ),
    st.text(st.characters(codec="ascii"), max_size=30),
    st.binary(max_size=60),
)
def test_any_request_has_an_answer(method: str, parts: list[str], query: str, body: bytes):
    answers = asyncio.run(_sent(method, "/" + "/".join(parts), query, body))
    status = answers[0]["status"]
    assert 200 <= status < 500, (status, answers)


def _scope(method: str, path: str, query: str = "") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }


async def _sent(method: str, path: str, query: str, body: bytes) -> list[dict[str, Any]]:
    """What the application answers to a request that no client would let out."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    with Cache("target", max_size=10) as cache:
        cache["a"] = 1
        await router(local=True)(_scope(method, path, query), receive, send)
    return sent


# --- mounted ---


@pytest.mark.parametrize("kind", [FastAPI, Starlette])
def test_it_is_mounted_in_an_application(kind: Callable[[], Any]):
    app = kind()
    mount(app, "/ops", token=TOKEN)
    client = TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})
    with Cache("live") as cache:
        cache["a/b"] = [1]
        assert client.get("/ops/cache/live/entries/a%2Fb").json()["value"] == [1]
        answer = client.post("/ops/cache/live/entries", json={"key": "c/d", "value": 2})
        assert answer.headers["location"] == "/ops/cache/live/entries/c%2Fd"
        assert client.get(answer.headers["location"]).json()["value"] == 2
        assert cache["c/d"] == 2
        assert client.get("/ops/openapi.json").json()["servers"] == [{"url": "/ops"}]
        fails(client.get("/ops/nothing"), 404, "NOT_FOUND")
        fails(client.get("/ops/cache", headers={"Authorization": "x"}), 401, "PERMISSION_DENIED")


def test_handlers_of_the_application_around_it_are_not_asked():
    async def mine(request: Request, error: Exception) -> Any:
        raise AssertionError("these are errors of the API")

    app = FastAPI(exception_handlers={404: mine, LookupError: mine, Exception: mine})
    mount(app, "/ops", token=TOKEN)
    client = TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})
    fails(client.get("/ops/cache/nobody"), 404, "CACHE_NOT_FOUND")
    fails(client.put("/ops/cache"), 405, "METHOD_NOT_ALLOWED")


async def test_a_slow_backend_stops_no_loop():
    import threading

    from omnicache import StoreBackend

    entered, go_on = threading.Event(), threading.Event()

    class Slow(StoreBackend):
        timeout = None

        def get(self, key: str) -> bytes | None:
            entered.set()
            assert go_on.wait(20)
            return None

        def set(self, key: str, data: bytes, ttl: float | None) -> None: ...
        def delete(self, key: str) -> None: ...
        def scan(self, prefix: str) -> list[str]:
            return []

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = _scope("GET", "/cache/slow/entries/a")
    with Cache("slow", backend=Slow()):
        task = asyncio.create_task(router(local=True)(scope, receive, send))
        assert await asyncio.to_thread(entered.wait, 20)
        go_on.set()
        await task
    assert sent[0]["status"] == 404
