"""The example shop under a real server, asked by real clients over the network."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.servers.shared import single
from tests.support import ROOT


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def serving(workers: int, cache: str, directory: Path) -> Iterator[str]:
    """A running shop; its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "examples.fastapi_app:app", "--port", str(port)]
    command += ["--log-level", "warning", "--workers", str(workers)]
    settings = {"PYTHONPATH": str(ROOT), "SHOP_CACHE": cache, "SHOP_DATABASE": str(directory / "shop.db")}
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings})
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    try:
        processes: set[int] = set()
        while len(processes) < workers:
            try:
                with ThreadPoolExecutor(4) as many:
                    answers = list(many.map(lambda _: httpx2.get(f"{address}/ran", timeout=5), range(4)))
                processes.update(answer.json()["process"] for answer in answers)
            except httpx2.TransportError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.05)
            assert time.monotonic() < deadline, "not all workers answer"
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(1, "memory", tmp_path_factory.mktemp("shop")) as address:
        yield address


databases = count(1)
# Where several workers share what is kept: a function of a directory of the test's own.
SHARED: dict[str, Callable[[Path], str]] = {
    "files": lambda directory: f"file:{directory / 'cache'}",
    "redis": lambda _: f"redis://127.0.0.1:{single().port}/{next(databases)}",
}


@pytest.mark.parametrize("store", ["memory", *SHARED])
async def test_one_worker(store: str, tmp_path: Path):
    where = SHARED[store](tmp_path) if store in SHARED else store
    with serving(1, where, tmp_path) as address:
        await visit(address, 1)
        await change(address)
        async with client_of(address) as client:
            ran = (await client.get("/ran")).json()["ran"]
        assert ran["item"] == 3  # 1, 999, and 1 again after the change
        assert ran["news"] == 1
        assert ran["basket"] == 2


async def test_two_workers_that_share_nothing(tmp_path: Path):
    with serving(2, "memory", tmp_path) as address:
        await visit(address, 2)


@pytest.mark.parametrize("store", SHARED)
async def test_two_workers_that_share_what_is_kept(store: str, tmp_path: Path):
    where = SHARED[store](tmp_path)
    with serving(2, where, tmp_path) as address:
        await visit(address, 1)
        await change(address)
    # It outlives the server, but for what was changed.
    with serving(2, where, tmp_path) as address:
        async with client_of(address) as client:
            assert "hit" in (await client.get("/news")).headers["cache-status"]


def client_of(address: str) -> httpx2.AsyncClient:
    """A client to whom the shop has the same name on every port."""
    return httpx2.AsyncClient(base_url=address, timeout=20, headers={"host": "shop.example"})


async def visit(address: str, stores: int) -> None:
    """What customers do; so many stores keep what they are shown."""
    async with client_of(address) as client:
        # Twenty at once have it stored once, and run the endpoint once in each process.
        answers = await asyncio.gather(*(client.get("/items/1") for _ in range(20)))
        assert {answer.text for answer in answers} == {'{"id":1,"name":"thing 1","price":1.0}'}
        tags = {answer.headers["etag"] for answer in answers}
        assert len(tags) == 1  # the same in every process
        assert 1 <= sum("stored" in answer.headers["cache-status"] for answer in answers) <= stores
        same = await client.get("/items/1", headers={"if-none-match": f'"x", {tags.pop()}'})
        assert (same.status_code, same.content) == (304, b"")
        assert (await client.get("/items/999")).status_code == 404

        # Nobody sees another one's basket.
        for name in ("alice", "bob", "alice"):
            answer = await client.get("/basket", headers={"authorization": f"Bearer {name}"})
            assert answer.json() == {"customer": name}
            assert answer.headers["cache-control"] == "private, max-age=60"
        assert (await client.get("/basket")).status_code == 401

        # The middleware, with ranges and HEAD.
        for _ in range(2 * stores + 1):
            news = await client.get("/news")
        assert news.json() == ["nothing happened"]
        if stores == 1:
            assert "hit" in news.headers["cache-status"]
            assert news.headers["age"].isdigit()
        part = await client.get("/news", headers={"range": "bytes=0-1"})
        assert (part.status_code, part.text) in {(206, '["'), (200, '["nothing happened"]')}
        assert (await client.head("/news")).content == b""

        assert (await client.get("/price/10?currency=usd")).json() == 11.0


async def change(address: str) -> None:
    """A change is seen at once by everyone who shares the store."""
    async with client_of(address) as client:
        await client.get("/items?limit=1")
        assert "hit" in (await client.get("/items?limit=1")).headers["cache-status"]
        changed = {"id": 1, "name": "new", "price": 2.5}
        assert (await client.put("/items/1", json=changed)).status_code == 200
        for _ in range(10):
            assert (await client.get("/items/1")).json() == changed
            assert (await client.get("/items?limit=1")).json() == [changed]


def test_a_client_that_breaks_off_harms_nobody(shop: str):
    host, port = shop.removeprefix("http://").split(":")
    for sent in (b"GET /items/2 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /news HTTP/1.1\r\nHost: a\r\n", b"GET /n"):
        for _ in range(3):
            with socket.create_connection((host, int(port)), timeout=5) as broken:
                broken.sendall(sent)
    assert httpx2.get(f"{shop}/items/2", timeout=20).json()["id"] == 2
    assert httpx2.get(f"{shop}/news", timeout=20).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /news HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /news HTTP/1.1\r\nHost: a\r\nRange: bytes=" + b"9" * 4000 + b"-\r\n\r\n",
        b"GET /news HTTP/1.1\r\nHost: a\r\nCache-Control: " + b'"' * 4000 + b"\r\n\r\n",
        b"GET /news HTTP/1.1\r\nHost: a\r\nIf-None-Match: " + b"," * 4000 + b"\r\n\r\n",
        b"GET /news?" + b"a" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /news HTTP/1.1\r\nHost: a\r\nCookie: \xff\xfe\r\n\r\n",
    ],
)
def test_malformed_requests(shop: str, head: bytes):
    host, port = shop.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head)
        line = connection.recv(100).split(b"\r\n")[0]
    assert line.startswith(b"HTTP/1.1 ")
    assert not line.startswith(b"HTTP/1.1 5")
    assert httpx2.get(f"{shop}/news", timeout=20).json() == ["nothing happened"]
