"""Every way to reach a server, and what is said when it cannot be reached."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnicache import Cache, CacheBackendError, CacheConfigError, CacheTimeoutError, RedisBackend, TieredBackend
from tests.servers.certificates import Certificates
from tests.servers.client import Client
from tests.servers.sentinel import Watched
from tests.servers.server import HOST, Server, free_port, until
from tests.servers.shared import cluster, single

PASSWORD = "s3cr:t/p@ss w%rd"


async def exercise(cache: Cache) -> None:
    """A little of everything, by threads and by tasks."""
    cache.set("a", [1, {"b": None}], ttl=60, tags=["t"])
    assert cache["a"] == await cache.aget("a") == [1, {"b": None}]
    cache.set_many({f"m{number}": number for number in range(50)})
    assert await cache.aget_many([f"m{number}" for number in range(60)]) == {f"m{n}": n for n in range(50)}
    assert await cache.aincr("n") == 1
    assert cache.incr("n") == 2
    assert not cache.add("n", 5)
    await cache.ainvalidate(tags=["t"], hard=True)
    assert cache.get("a") is None
    assert await cache.aget_or_set("l", lambda: 7) == cache.get_or_set("l", lambda: 8) == 7
    assert len(cache) == 52
    assert cache.delete("m0")
    assert cache.delete_many(pattern="m1*") == 11
    assert cache.clear() == 41
    assert cache.stats().error_count == 0


# --- where --------------------------------------------------------------------------------------------------------


async def test_by_url(make: Callable[..., Cache]):
    await exercise(make(backend=single().url))


async def test_by_host_and_port(make: Callable[..., Cache]):
    backend = RedisBackend(host=HOST, port=single().port, db=3)
    await exercise(make(backend=backend))


async def test_a_socket(make: Callable[..., Cache], socket_path: Path):
    with Server("--unixsocket", socket_path):
        await exercise(make(backend=f"redis+unix://{socket_path}?db=1"))
        await exercise(make("parts", backend=RedisBackend(path=socket_path)))


async def test_sentinels(make: Callable[..., Cache]):
    watched = Watched()
    try:
        await exercise(make(backend=watched.url))
        hosts = [(HOST, sentinel.port) for sentinel in watched.sentinels]
        await exercise(make("parts", backend=RedisBackend(sentinels=hosts, service="cache")))
    finally:
        watched.close()


async def test_a_cluster(make: Callable[..., Cache]):
    nodes = cluster()
    await exercise(make(backend=nodes.url))
    await exercise(make("parts", backend=RedisBackend(nodes=[f"{HOST}:{node.port}" for node in nodes.nodes[:2]])))


async def test_a_password(make: Callable[..., Cache]):
    with Server("--requirepass", PASSWORD) as server:
        await exercise(make(backend=RedisBackend(host=HOST, port=server.port, password=PASSWORD)))


RIGHTS = (
    *(
        "~omnicache:*",
        "resetchannels",
        "&omnicache:*",
        "-@all",
        "+@read",
        "+@write",
        "+@scripting",
        "+@connection",
        "+@pubsub",
    ),
    *("-@dangerous", "+time", "+client|tracking", "+client|setname", "+client|id"),
)


async def test_a_user_with_no_more_rights_than_needed(make: Callable[..., Cache], name: str):
    with Server() as server:
        server("ACL", "SETUSER", "app", "on", ">secret", *RIGHTS)
        backend = RedisBackend(host=HOST, port=server.port, username="app", password="secret")
        await exercise(make(backend=TieredBackend(far=backend)))


# --- encrypted --------------------------------------------------------------------------------------------------------


@pytest.fixture
def encrypted(certificates: Certificates) -> Iterator[Callable[..., int]]:
    """Starts servers that speak TLS; their ports."""
    servers: list[Server] = []

    def start(auth: str = "no") -> int:
        port = free_port()
        options = (
            "--tls-port",
            port,
            "--tls-cert-file",
            certificates.server,
            "--tls-key-file",
            certificates.server_key,
        )
        servers.append(Server(*options, "--tls-ca-cert-file", certificates.authority, "--tls-auth-clients", auth))
        context = ssl.create_default_context(cafile=certificates.authority)
        if auth == "yes":
            context.load_cert_chain(certificates.client, certificates.client_key)
        with until(lambda: Client((HOST, port), context=context), "the server speaks TLS") as client:
            assert client("PING") == "PONG"
        return port

    yield start
    for server in servers:
        server.close()


async def test_tls_with_an_authority_of_our_own(encrypted, make: Callable[..., Cache], certificates: Certificates):
    port = encrypted()
    await exercise(make(backend=f"rediss://localhost:{port}/0?ca={certificates.authority}"))
    await exercise(make("parts", backend=RedisBackend(host=HOST, port=port, tls=True, tls_ca=certificates.authority)))


async def test_tls_with_a_certificate_of_the_clients(encrypted, make: Callable[..., Cache], certificates: Certificates):
    port = encrypted("yes")
    backend = RedisBackend(
        host="localhost",
        port=port,
        tls=True,
        tls_ca=certificates.authority,
        tls_cert=certificates.client,
        tls_key=certificates.client_key,
    )
    await exercise(make(backend=backend))
    bare = make("bare", backend=f"rediss://localhost:{port}?ca={certificates.authority}", on_error="raise")
    with pytest.raises(CacheBackendError):
        bare.get("a")


async def test_a_stranger_is_not_trusted(encrypted, make: Callable[..., Cache]):
    port = encrypted()
    cache = make(backend=f"rediss://localhost:{port}/0", on_error="raise")
    with pytest.raises(CacheBackendError, match="certificate"):
        cache.get("a")
    await exercise(make("careless", backend=f"rediss://localhost:{port}/0?insecure=true"))


# --- when it cannot be reached ----------------------------------------------------------------------------------------


def test_a_cache_can_be_made_while_nobody_listens(make: Callable[..., Cache]):
    cache = make(backend=f"redis://{HOST}:{free_port()}")
    cache["a"] = 1
    assert cache.get("a", "nothing") == "nothing"
    assert cache.get_or_set("a", lambda: 2) == 2
    assert cache.delete("a") is False
    assert (len(cache), list(cache), cache.get_many(["a"])) == (0, [], {})
    assert cache.stats().error_count > 0
    assert cache.status == "degraded"


async def test_who_wants_to_know_is_told(make: Callable[..., Cache]):
    port = free_port()
    cache = make(backend=f"redis://{HOST}:{port}", on_error="raise")
    with pytest.raises(CacheBackendError, match=f"{port}"):
        cache.get("a")
    with pytest.raises(CacheBackendError):
        await cache.aset("a", 1)


@pytest.mark.parametrize("user", ["", "app"])
async def test_no_error_shows_a_password(make: Callable[..., Cache], caplog: pytest.LogCaptureFixture, user: str):
    wrong = "wr0ng-passw0rd"
    with Server("--requirepass", PASSWORD) as server, caplog.at_level(logging.DEBUG):
        backend = RedisBackend(f"redis://{user}:{wrong}@{HOST}:{server.port}")
        cache = make(backend=backend, on_error="raise")
        with pytest.raises(CacheBackendError) as caught:
            cache.get("a")
        shown = f"{caught.value!r} {backend!r} {cache!r} {caplog.text}"
        assert wrong not in shown
        assert "WRONGPASS" in str(caught.value)
        with pytest.raises(CacheBackendError):
            await asyncio.wait_for(cache.aget("a"), 5)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host:port", "host with a port"),
        ("redis://one,two", "several hosts"),
        ("redis://host/0?tiemout=1", "tiemout"),
        ("redis+sentinel://host", "master"),
        ("redis+cluster://host/3", "database 0"),
        ("redis://host?ca=x", "rediss"),
    ],
)
def test_an_address_that_is_none(make: Callable[..., Cache], url: str, words: str):
    with pytest.raises(CacheConfigError, match=words):
        make(backend=url)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "http://host"}, "begins with redis://"),
        ({"url": 7}, "text such as"),
        ({"url": "redis://h", "host": "x"}, "not both"),
        ({"host": "x", "path": "/x"}, "one of them"),
        ({"port": "6379"}, "whole number"),
        ({"port": True}, "whole number"),
        ({"db": -1}, "whole number"),
        ({"password": b"x"}, "password: text, not bytes"),
        ({"host": ""}, "host: text"),
        ({"sentinels": "one:1"}, "addresses such as"),
        ({"sentinels": []}, "there is none"),
        ({"sentinels": ["one"]}, "give both"),
        ({"service": "x"}, "give both"),
        ({"nodes": ["one"], "db": 1}, "database 0 only"),
        ({"nodes": [7]}, "among them"),
        ({"path": "/x", "tls": True}, "not encrypted"),
        ({"tls": "yes"}, "True or False"),
        ({"timeout": "soon"}, "timeout"),
        ({"tls_ca": 7}, "a path"),
    ],
    ids=str,
)
def test_arguments_that_are_none(arguments: dict[str, object], words: str):
    with pytest.raises(CacheConfigError, match=words):
        RedisBackend(**arguments)


def test_nothing_but_the_clients_own_is_shown():
    backend = RedisBackend(f"redis://app:{'secret'}@h:1/2?sentinel_password={'hidden'}")
    assert repr(backend) == "RedisBackend('redis://app:***@h:1/2?sentinel_password=***')"
    backend = RedisBackend(sentinels=["h"], service="s", password="secret", sentinel_password="hidden")
    assert "secret" not in repr(backend)
    assert "hidden" not in repr(backend)
    assert backend == RedisBackend(sentinels=["h"], service="s", password="secret", sentinel_password="hidden")


def test_a_server_that_never_answers_costs_no_more_than_the_timeout(make: Callable[..., Cache], server: Server):
    import time

    cache = make(backend=RedisBackend(server.url, timeout=0.3, connect_timeout=0.3), on_error="raise")
    cache["a"] = 1
    server.pause()
    try:
        start = time.monotonic()
        with pytest.raises((CacheTimeoutError, CacheBackendError)):
            cache.get("a")
        assert time.monotonic() - start < 3
    finally:
        server.resume()
