"""What the tests of endpoints share: an application with its own cache and clock, and endpoints of every kind."""

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel

from omnicache import Cache
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


class Item(BaseModel):
    id: int
    name: str = "nameless"


class Opaque:
    """What a dependency makes: nothing that could be part of a key."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name


def hit(response: Any) -> bool:
    return CacheTestClient.from_cache(response)


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
