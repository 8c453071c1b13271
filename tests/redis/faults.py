"""Ways in which a server, or the way to it, fails, and how it is mended."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import pytest

from tests.servers.proxy import Proxy
from tests.servers.server import HOST, Server, free_port, major, paused, until

TIMEOUT = 0.3
"""Seconds that an operation may take."""


class Fault(NamedTuple):
    """One of them: a block in which it lasts."""

    begin: Callable[[Server, Proxy], AbstractContextManager[object]]
    forgets: bool = False
    """Whether the server has lost its entries afterwards."""
    answers: bool = False
    """Whether operations may well succeed meanwhile."""


@contextlib.contextmanager
def killed(server: Server, proxy: Proxy) -> Iterator[None]:
    server.kill()
    yield
    server.restart()


def loads_slowly(server: Server) -> None:
    """Restarts it with what it has, which takes it many seconds to read: until `is_loaded` it answers nothing else."""
    if major() < 7:
        pytest.skip("this server looks at its connections only once in two megabytes while it loads")
    server("CONFIG", "SET", "rdbcompression", "no")
    server("DEBUG", "POPULATE", 2000, "filler", 1100)
    server("SAVE")
    server.arguments += ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"]
    server.restart()
    assert server.info("loading") == "1"


def is_loaded(server: Server) -> None:
    """It reads the rest at once, and waits until it has."""
    server("CONFIG", "SET", "key-load-delay", 0)
    until(lambda: server.info("loading") == "0", "the server has loaded what it had")


@contextlib.contextmanager
def loading(server: Server, proxy: Proxy) -> Iterator[None]:
    loads_slowly(server)
    yield
    assert server.info("loading") == "1", "all the time"
    is_loaded(server)


@contextlib.contextmanager
def refusing(server: Server, proxy: Proxy) -> Iterator[None]:
    """Nobody gets through."""
    proxy.refuse = True
    proxy.reset()
    yield
    proxy.flow()


@contextlib.contextmanager
def stalled(server: Server, proxy: Proxy) -> Iterator[None]:
    proxy.stall()
    yield
    proxy.flow()


@contextlib.contextmanager
def half_open(server: Server, proxy: Proxy) -> Iterator[None]:
    proxy.deaf = True
    yield
    proxy.flow()


@contextlib.contextmanager
def slow(server: Server, proxy: Proxy) -> Iterator[None]:
    proxy.delay = 2 * TIMEOUT
    yield
    proxy.flow()


@contextlib.contextmanager
def laggard(server: Server, proxy: Proxy) -> Iterator[None]:
    """Slower than usual, and in time."""
    proxy.delay = TIMEOUT / 20
    yield
    proxy.flow()


@contextlib.contextmanager
def cut(server: Server, proxy: Proxy) -> Iterator[None]:
    proxy.cut_after = 2
    yield
    proxy.flow()


def saying(reply: bytes) -> Callable[[Server, Proxy], AbstractContextManager[None]]:
    """Every reply is this one."""

    @contextlib.contextmanager
    def begin(server: Server, proxy: Proxy) -> Iterator[None]:
        proxy.garble = lambda _: reply
        yield
        proxy.flow()

    return begin


@contextlib.contextmanager
def asleep(server: Server, proxy: Proxy) -> Iterator[None]:
    """The server is busy with one long command."""
    with server.connect(timeout=30) as client:
        client.send("DEBUG", "SLEEP", 4 * TIMEOUT)
        yield
        client.read()


@contextlib.contextmanager
def cut_off(server: Server, proxy: Proxy) -> Iterator[None]:
    """The server closes every connection, again and again."""
    stop = threading.Event()

    def close_all() -> None:
        while not stop.wait(0.005):
            server("CLIENT", "KILL", "TYPE", "normal")

    thread = threading.Thread(target=close_all)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


@contextlib.contextmanager
def full(server: Server, proxy: Proxy) -> Iterator[None]:
    """The memory is full, and nothing is evicted."""
    server("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server("CONFIG", "SET", "maxmemory", 1)
    yield
    server("CONFIG", "SET", "maxmemory", 0)


@contextlib.contextmanager
def replica(server: Server, proxy: Proxy) -> Iterator[None]:
    """It is a replica of a server that is not there: what it has is old, and it takes nothing new."""
    server("REPLICAOF", HOST, free_port())
    yield
    server("REPLICAOF", "NO", "ONE")


FAULTS = {
    "killed": Fault(killed, forgets=True),
    "stopped": Fault(lambda server, _: paused(server)),
    "refused": Fault(refusing),
    "stalled": Fault(stalled),
    "half-open": Fault(half_open),
    "too slow": Fault(slow),
    "a little slow": Fault(laggard, answers=True),
    "reset in mid-reply": Fault(cut),
    "garbage": Fault(saying(b"\x00\xff{]!nonsense\r\n")),
    "a reply of the wrong kind": Fault(saying(b":7\r\n"), answers=True),
    "loading": Fault(loading),
    "asleep": Fault(asleep),
    "connections killed": Fault(cut_off, answers=True),
    "memory full": Fault(full, answers=True),
    "a replica": Fault(replica, answers=True),
}
