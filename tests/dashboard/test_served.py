"""What is served for the dashboard: its files, their headers, and the stream of events."""

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import omnicache.admin
from omnicache import Cache
from omnicache._manage.service import Service
from omnicache.admin import router

STATIC = Path(omnicache.admin.__file__).parent / "static"
FILES = sorted(path for path in STATIC.iterdir() if path.is_file())
PATHS = ["/", *(f"/static/{path.name}" for path in FILES if path.suffix != ".html")]
TOKEN = "a-long-enough-token"


def client(**access):
    app = router(Service(), **(access or {"local": True}))
    return TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000))


@pytest.mark.parametrize("path", PATHS)
def test_files_need_no_token_and_say_what_they_are(path):
    answer = client(token=TOKEN).get(path)
    assert answer.status_code == 200
    kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}.get(
        path.rpartition(".")[2], "text/html"
    )
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_browser_may_load_nothing_else():
    policy = client().get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert {rules[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert rules["require-trusted-types-for"] == "'script'"


def test_a_file_that_the_browser_has_is_not_sent_again():
    served = client()
    first = served.get("/static/app.js")
    again = served.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/static/../_dashboard.py", "/static/%2e%2e/_dashboard.py", "/static/", "/static/index.html", "/static/no.js"],
)
def test_nothing_but_the_files_is_served(path):
    answer = client().get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "NOT_FOUND"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_name_no_other_server_and_hold_no_inline_code(path):
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"'\s>]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".js"], ids=lambda path: path.name)
def test_modules_are_small_say_what_they_are_and_import_what_is_there(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert len(text.splitlines()) <= 200
    for name in re.findall(r'from "\./([^"]+)"', text):
        assert (STATIC / name).is_file(), name


def test_the_stream_wants_the_token():
    assert client(token=TOKEN).get("/events").status_code == 401
    assert client(token=TOKEN).get("/events", headers={"authorization": "Bearer wrong"}).status_code == 401


async def events(app, count, **headers):
    """The first events of the stream, of which the client then has enough."""
    import asyncio

    texts, enough = [], asyncio.Event()
    fields = [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in headers.items())]
    scope = {"type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b""}
    scope |= {"headers": fields, "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http"}
    scope |= {"http_version": "1.1", "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.3"}}

    async def receive():
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            texts.append(dict(message["headers"])[b"content-type"].decode())
        elif message.get("body"):
            texts.append(message["body"].decode())
        if len(texts) > count:
            enough.set()

    await app(scope, receive, send)
    return texts


async def test_events_carry_all_caches_with_their_statistics(tmp_path):
    with Cache("users", max_size=5) as users:
        users["a"] = 1
        kind, event = await events(router(Service(), local=True), 1)
    assert kind == "text/event-stream; charset=utf-8"
    assert event.startswith("data: {")
    assert event.endswith("}\n\n")
    assert event.count("\n") == 2
    found = json.loads(event.removeprefix("data: "))
    (cache,) = found["caches"]
    assert (cache["ref"], cache["max_size"], cache["error"]) == ("default:users", 5, None)
    assert cache["statistics"]["entry_count"] == 1
    assert abs(found["time"] - cache["read_at"]) < 10_000
