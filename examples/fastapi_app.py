"""A small shop behind OmniCache: run it with ``uvicorn examples.fastapi_app:app --workers 2``.

``SHOP_CACHE`` says where responses are kept, as ``Cache(backend=...)`` takes it, such as ``file:./var``; in memory if
it is not set. ``SHOP_DATABASE`` is a file that all workers share. Every response tells in ``Cache-Status`` what the
cache did with it.
"""

import asyncio
import os
import sqlite3
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel

from omnicache import Cache
from omnicache.integrations.fastapi import (
    CacheMiddleware,
    cache_dependency,
    cache_response,
    cached,
    invalidates,
    lifespan,
)

WHERE = os.environ.get("SHOP_CACHE", "memory")
# A Redis has limits of its own.
limits: dict[str, Any] = {} if WHERE.startswith("redis") else {"max_bytes": "64MiB"}
pages = Cache("pages", backend=WHERE, **limits)
front = Cache("shop_front", backend=WHERE, **limits)
app = FastAPI(title="Shop", lifespan=lifespan(pages, front))


class Item(BaseModel):
    """What is sold."""

    id: int
    name: str
    price: float


database = sqlite3.connect(
    os.environ.get("SHOP_DATABASE", ":memory:"), check_same_thread=False, isolation_level=None, timeout=20
)
database.execute("CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
database.executemany(
    "INSERT OR IGNORE INTO item VALUES (?, ?, ?)",
    [(number, f"thing {number}", float(number)) for number in range(1, 101)],
)


def stock(wanted: str, *arguments: object) -> list[Item]:
    """Items from the database."""
    rows = database.execute(f"SELECT id, name, price FROM item {wanted}", arguments)  # noqa: S608 - ours
    return [Item(id=number, name=name, price=price) for number, name, price in rows]


ran: dict[str, int] = {}


def count(endpoint: str) -> None:
    """Notes that an endpoint really ran in this process."""
    ran[endpoint] = ran.get(endpoint, 0) + 1


# The response, kept as it was sent, and forgotten when the item changes.
@app.get("/items/{id}")
@cache_response(cache=pages, ttl="1m", stale="5m", tags=["item:{id}"])
async def item(id: int) -> Item:
    """One item."""
    count("item")
    await asyncio.sleep(0.05)  # a slow database
    found = stock("WHERE id = ?", id)
    if not found:
        raise HTTPException(404)
    return found[0]


@app.get("/items")
@cache_response(cache=pages, ttl="1m", tags=["items"])
def items(limit: int = 10) -> list[Item]:
    """The first items."""
    count("items")
    return stock("ORDER BY id LIMIT ?", limit)


@app.put("/items/{id}", dependencies=[Depends(invalidates(cache=pages, tags=["item:{id}", "items"]))])
async def change(id: int, item: Item) -> Item:
    """Changes an item."""
    database.execute("REPLACE INTO item VALUES (?, ?, ?)", (id, item.name, item.price))
    return item


def customer(authorization: Annotated[str, Header()] = "") -> str:
    """Who asks."""
    if not authorization:
        raise HTTPException(401)
    return authorization.removeprefix("Bearer ")


# Private: without vary_by= no two customers would ever share it, and nothing would be kept.
@app.get("/basket")
@cache_response(cache=pages, ttl="1m", vary_by=["authorization"])
async def basket(customer: Annotated[str, Depends(customer)]) -> dict[str, str]:
    """What a customer is about to buy."""
    count("basket")
    return {"customer": customer}


# A value, not a response: used by whoever calls the function.
@cached("exchange", ttl="10m")
async def rate(currency: str) -> float:
    """What an euro costs."""
    count("rate")
    await asyncio.sleep(0.05)
    return {"usd": 1.1, "gbp": 0.9}.get(currency, 1.0)


@app.get("/price/{id}")
async def price(id: int, currency: str = "eur") -> float:
    """A price in another currency."""
    (found,) = stock("WHERE id = ?", id)
    return round(found.price * await rate(currency), 2)


@app.get("/ran")
async def what_ran(cache: Annotated[Cache, Depends(cache_dependency("pages"))], request: Request) -> dict[str, object]:
    """What really ran in this process."""
    return {"process": os.getpid(), "ran": ran, "hits": cache.stats().hit_count, "path": request.url.path}


# What the middleware keeps says so itself.
@app.get("/news")
async def news(response: Response) -> list[str]:
    """The news, for everyone."""
    count("news")
    response.headers["cache-control"] = "public, max-age=30, stale-while-revalidate=300, stale-if-error=3600"
    await asyncio.sleep(0.05)
    return ["nothing happened"]


app.add_middleware(CacheMiddleware, cache=front, default_ttl=None, exclude_paths=["/items", "/ran"])
