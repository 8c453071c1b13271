"""What the tests of the HTTP cache share: a clock, an origin that says what it is told, a client without a network."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from omnicache import Cache, ManualClock
from omnicache.integrations.asgi import CacheMiddleware

START = 1_700_000_000.0
Fields = Iterable[tuple[str, str]]


class Time:
    """The time on the wall and in the cache, moved together."""

    def __init__(self) -> None:
        self.now = START
        self.manual = ManualClock()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.manual.advance(seconds)


def date(seconds: float) -> str:
    """An HTTP date, relative to the beginning of a test."""
    return formatdate(START + seconds, usegmt=True)


@dataclass
class Asked:
    """A request as the origin saw it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        return ", ".join(found) if found else None


@dataclass
class Answered:
    """A response as the client saw it."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    messages: list[Any] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        return ", ".join(found) if found else None

    @property
    def hit(self) -> bool:
        return "OmniCache; hit" in (self.get("cache-status") or "")


Says = Callable[[Asked], "tuple[int, Fields, bytes]"]


class Origin:
    """An application that says what it is told, and remembers what it was asked."""

    def __init__(self, says: Says | None = None) -> None:
        self.asked: list[Asked] = []
        self.says: Says = says or (lambda asked: (200, [("cache-control", "max-age=60")], b"body"))
        self.hold: asyncio.Event | None = None  # waits for it before it answers
        self.error: Exception | None = None

    @property
    def runs(self) -> int:
        return len(self.asked)

    def always(self, *headers: tuple[str, str], status: int = 200, body: bytes = b"body") -> None:
        self.says = lambda asked: (status, headers, body)

    async def __call__(self, scope, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        asked = Asked(scope["method"], scope["path"], headers, body)
        self.asked.append(asked)
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        status, fields, said = self.says(asked)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        half = len(said) // 2
        await send({"type": "http.response.body", "body": said[:half], "more_body": True})
        await send({"type": "http.response.body", "body": said[half:], "more_body": False})


@dataclass
class Behind:
    """An origin behind the middleware."""

    origin: Any
    app: CacheMiddleware
    time: Time
    cache: Cache

    async def get(self, path: str = "/", *headers: tuple[str, str], **options: Any) -> Answered:
        return await ask(self.app, path, *headers, **options)


_names = iter(range(10**9))


def behind(origin: Any = None, **options: Any) -> Behind:
    """An origin behind a middleware with a cache and a clock of its own."""
    time, origin = Time(), origin or Origin()
    cache = Cache(f"http_{next(_names)}", clock=time.manual)
    given = {"default_ttl": None, "clock": time, "etag_header": False, "cache": cache} | options
    return Behind(origin, CacheMiddleware(origin, **given), time, cache)


async def ask(
    app: Any,
    path: str = "/",
    *headers: tuple[str, str],
    method: str = "GET",
    body: bytes = b"",
    host: str = "example.com",
    send: Callable[[Any], Awaitable[None]] | None = None,
    receive: Any = None,
    extensions: dict[str, Any] | None = None,
    scheme: str = "http",
) -> Answered:
    """Sends a request and collects the response."""
    path, _, query = path.partition("?")
    raw = [(b"host", host.encode())] + [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
    ]
    if body:
        raw.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": raw,
        "server": ("example.com", 80),
        "client": ("127.0.0.1", 1),
        "extensions": extensions or {},
        "state": {},
    }
    sent = False
    gone = asyncio.Event()

    async def own_receive() -> Any:
        nonlocal sent
        if sent:
            await gone.wait()
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    answered = Answered()

    async def own_send(message: Any) -> None:
        if send is not None:
            await send(message)
        answered.messages.append(message)
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            answered.body += message.get("body", b"")

    await app(scope, receive or own_receive, own_send)
    return answered


async def until(condition) -> None:
    """Lets others run until something holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")
