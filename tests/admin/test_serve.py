"""``serve``: a process of its own over a registry file, on a host, on a unix socket, or both."""

import json
import os
import signal
import socket
import stat
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from omnicache import CacheBackendError, CacheConfigError
from omnicache._definitions import Definitions
from omnicache._manage.errors import AccessDenied
from omnicache._manage.remote import RemoteService
from omnicache._manage.service import Service
from omnicache.admin import serve
from tests.admin.processes import program, sockets_in

TOKEN = "a-secret-of-some-length"
SERVER = """
    import json, sys
    from omnicache._definitions import Definitions
    from omnicache.admin import serve
    path, options = sys.argv[1], json.loads(sys.argv[2])
    try:
        serve(definitions=Definitions(path), ready=lambda all: print(*all, flush=True), **options)
    except KeyboardInterrupt:
        sys.exit(130)
    """

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")


def serving(place: Path, **options: Any) -> Any:
    return program(SERVER, str(place / "caches.json"), json.dumps(options))


def test_it_serves_what_the_registry_file_defines(place: Path):
    definitions = Definitions(place / "caches.json")
    with Service(definitions, live=False) as here, serving(place, port=0) as running:
        here.create({"name": "users"})
        here.put("users", "a", [1])
        address = running.line()
        assert address.startswith("http://127.0.0.1:")
        there = RemoteService(address)
        assert there.entry("users", "a").value == [1]
        there.put("users", "b", 2)
        assert here.entry("users", "b").value == 2
        there.create({"name": "orders", "backend": "memory"})
        there.put("orders", "x", 1)
        assert there.entry("orders", "x").value == 1
        assert {view.name: view.status for view in here.caches()} == {"orders": "active", "users": "active"}
        here.delete("users")
        assert [view.name for view in there.caches()] == ["orders"]
        here.create({"name": "users"})
        assert there.cache("users").entry_count == 0
        running.process.send_signal(signal.SIGINT)
        assert running.end() == (130, "")


def test_a_unix_socket_alone_opens_no_port(place: Path):
    with serving(place, unix=str(place / "s")) as running:
        assert running.line() == f"unix:{place}/s"
        assert stat.S_IMODE((place / "s").lstat().st_mode) == 0o600
        assert RemoteService(f"unix:{place}/s").caches() == []
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == (128 + signal.SIGTERM, "")
    assert sockets_in(place) == []


def test_the_token_is_for_those_who_come_over_the_network(place: Path):
    options = {"host": "0.0.0.0", "port": 0, "unix": str(place / "s"), "token": TOKEN}
    with serving(place, **options) as running:
        by_host, by_unix = running.line().split()
        assert by_host.startswith("http://0.0.0.0:")
        with pytest.raises(AccessDenied, match="a token is needed"):
            RemoteService(by_host).caches()
        assert RemoteService(by_host, token=TOKEN).caches() == []
        assert RemoteService(by_unix).caches() == []
        request = urllib.request.Request(f"{by_host}/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["openapi"].startswith("3.1")
            assert "server" not in answer.headers
        assert TOKEN not in running.process.args[-2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_off_loopback_it_does_not_start_without_a_token(place: Path, host: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMNICACHE_TOKEN", raising=False)
    with pytest.raises(CacheConfigError, match="other machines can reach"):
        serve(host, 0, definitions=Definitions(place / "caches.json"))


def test_an_address_that_is_taken_is_an_error(place: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CacheBackendError, match="in use"):
            serve("127.0.0.1", taken.getsockname()[1], definitions=Definitions(place / "caches.json"))
    with pytest.raises(CacheBackendError, match="host"):
        serve("no.such.host.invalid", 0, definitions=Definitions(place / "caches.json"))
    with pytest.raises(CacheConfigError, match="port"):
        serve("127.0.0.1", 70_000, definitions=Definitions(place / "caches.json"))


def test_two_do_not_take_each_others_socket(place: Path):
    with serving(place, unix=str(place / "s")) as running:
        running.line()
        with pytest.raises(CacheConfigError, match="a living process listens there"):
            serve(unix=place / "s", definitions=Definitions(place / "caches.json"))
        assert RemoteService(f"unix:{place}/s").caches() == []


def test_an_endless_head_is_cut_off(place: Path):
    with serving(place, port=0) as running:
        port = int(running.line().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as asking:
            asking.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            answer = b""
            try:
                for _ in range(200):
                    asking.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
                answer = asking.recv(1000)
            except ConnectionError:
                pass
            assert answer == b"" or b" 4" in answer.partition(b"\r\n")[0]
        assert RemoteService(f"http://127.0.0.1:{port}").caches() == []


def test_memory_that_another_process_has_is_told_of(place: Path):
    with Service(Definitions(place / "caches.json"), live=False, memory=False) as service:
        view = service.create({"name": "inside", "backend": "memory", "max_size": 5, "default_ttl": "1m"})
        assert (view.status, view.entry_count, view.max_size, view.default_ttl) == ("shutdown", None, 5, 60)
        with pytest.raises(CacheBackendError, match="--server"):
            service.entry("inside", "a")
        service.delete("inside")
        assert service.caches() == []
    assert os.listdir(place)  # noqa: PTH208 - the registry file itself
