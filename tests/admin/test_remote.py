"""The service here, over a unix socket and over HTTP: the same answers and the same errors."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicache import Cache, CacheBackendError, CacheConfigError, CacheExistsError, CacheNotFoundError, MissingKeyError
from omnicache._manage.errors import AccessDenied, InvalidInput, exit_code
from omnicache._manage.management import Management
from omnicache._manage.remote import RemoteService
from omnicache.admin import Access, serve_unix
from omnicache.admin._app import Admin
from omnicache.admin._loop import server_of
from omnicache.admin._server import _address, _listen
from omnicache.exceptions import CacheTimeoutError, InvalidKeyError
from tests.admin.conftest import service_in

TOKEN = "a-secret-of-some-length"


@pytest.fixture(params=["here", "unix", "http"])
def manage(request: pytest.FixtureRequest, service: Management, tmp_path_factory: Any) -> Iterator[Management]:
    """The service, as who asks has it."""
    if request.param == "here":
        yield service
    elif request.param == "unix":
        with serve_unix(tmp_path_factory.mktemp("s") / "s", service=service) as server:
            yield RemoteService(f"unix:{server.path}")
    else:
        with listening(Admin(service, Access(token=TOKEN))) as address:
            yield RemoteService(address, token=TOKEN)


class listening:  # noqa: N801 - a context manager
    """An application on a free port, in a thread."""

    def __init__(self, app: Any) -> None:
        self.socket = _listen("127.0.0.1", 0)
        self.server = server_of(app)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],))

    def __enter__(self) -> str:
        self.thread.start()
        assert self.server.up.wait(20)
        return _address(self.socket)

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_everything_is_done_alike(manage: Management):
    made = manage.create({"name": "users", "strategy": "lfu", "max_size": 50, "default_ttl": "1h"})
    assert (made.name, made.strategy, made.max_size, made.default_ttl) == ("users", "lfu", 50, 3600)
    assert manage.cache("users") == made == manage.cache("default:users")
    assert manage.caches() == [made] == manage.caches("default")
    assert manage.caches("other") == []

    entry = manage.put("users", "a/b", {"n": [1, None, "é"]}, ttl=60, tags=["x", "y,z"], priority=0.25)
    assert (entry.key, entry.value, entry.ttl, entry.priority) == ("a/b", {"n": [1, None, "é"]}, 60, 0.25)
    assert manage.entry("users", "a/b").value == entry.value
    assert [found.key for found in manage.entries("users", tags=["y,z"]).entries] == ["a/b"]
    assert manage.entries("users", tags=["y", "z"]).entries == ()
    assert manage.put("users", "kept", 1, ttl=None).expires_at is None

    why = manage.why("users", "a/b")
    assert (why.state, why.read_now, why.loading) == ("fresh", "hit", False)
    assert manage.why("users", "nobody").state == "absent"

    result = manage.bulk_put("users", [{"key": f"k{number}", "value": number} for number in range(20)], 60)
    assert (result.success_count, result.failure_count) == (20, 0)
    assert [found.key for found in manage.walk("users", "k*", limit=7)] == sorted(f"k{n}" for n in range(20))[:7]
    assert manage.bulk_delete("users", ["k0", "nobody"], pattern="k1*").success_count == 12

    manage.entry("users", "k2")
    statistics = manage.statistics("users")
    assert (statistics.cache_name, statistics.entry_count, statistics.backend_status) == ("users", 10, "connected")
    assert statistics.hit_count >= 1
    assert 'omnicache_entries{cache="users",namespace="default"} 10' in manage.metrics()

    manage.remove("users", "k2")
    assert manage.clear("users", "k[0-9]*") == 7
    assert manage.clear("users") == 2
    manage.delete("users")
    assert manage.caches() == []


@pytest.mark.parametrize(
    "key", ["", ".", "..", "bulk", "a\nb", "a\0b", "ünï/cødé", "json:1", 'json:"json:1"', "%41", "?#&"]
)
def test_any_key_goes_over(manage: Management, key: str):
    manage.create({"name": "keys"})
    assert manage.put("keys", key, [key]).key == key
    assert manage.entry("keys", key).value == [key]
    assert [entry.key for entry in manage.walk("keys")] == [key]
    assert manage.why("keys", key).found
    manage.remove("keys", key)
    with pytest.raises(MissingKeyError):
        manage.remove("keys", key)


def test_errors_are_alike(manage: Management):
    manage.create({"name": "users"})
    with pytest.raises(CacheExistsError) as exists:
        manage.create({"name": "users"})
    with pytest.raises(CacheNotFoundError) as no_cache:
        manage.entry("nobody", "a")
    with pytest.raises(MissingKeyError) as no_entry:
        manage.entry("users", "a")
    assert (no_entry.value.key, no_entry.value.cache) == ("a", "users")
    with pytest.raises(InvalidInput) as wrong_name:
        manage.cache("a/b")
    with pytest.raises(InvalidInput) as wrong_ttl:
        manage.put("users", "a", 1, ttl=-1)
    with pytest.raises(InvalidInput) as wrong_limit:
        manage.entries("users", limit=0)
    with pytest.raises(InvalidInput) as nothing_named:
        manage.bulk_delete("users")
    with pytest.raises(InvalidInput):
        manage.create({"name": "b", "strategy": "rul"})
    with pytest.raises(InvalidInput):
        manage.bulk_put("users", [{"key": "a", "value": 1}], 0)
    assert [exit_code(error.value) for error in (exists, no_cache, no_entry)] == [1, 3, 4]
    assert [exit_code(error.value) for error in (wrong_name, wrong_ttl, wrong_limit, nothing_named)] == [8] * 4
    assert "ttl" in str(wrong_ttl.value)


def test_what_json_cannot_say_is_not_sent(manage: Management):
    if not isinstance(manage, RemoteService):
        pytest.skip("here any value will do")
    manage.create({"name": "users"})
    for value in ({1, 2}, float("nan"), b"x"):
        with pytest.raises(InvalidInput, match="cannot be sent as JSON"):
            manage.put("users", "a", value)


def test_many_go_in_batches(tmp_path_factory: Any, tmp_path: Path):
    with (
        service_in("files", tmp_path) as service,
        serve_unix(tmp_path_factory.mktemp("s") / "s", service=service) as server,
    ):
        remote = RemoteService(f"unix:{server.path}")
        remote.create({"name": "many", "max_size": 5000})
        result = remote.bulk_put("many", ({"key": f"k{number:04}", "value": number} for number in range(1201)))
        assert (result.success_count, len(result.results)) == (1201, 1201)
        assert [entry.value for entry in remote.walk("many")] == list(range(1201))
        assert remote.bulk_delete("many", (f"k{number:04}" for number in range(1100))).success_count == 1100
        assert remote.cache("many").entry_count == 101


# --- where nobody, or somebody else, answers ---


def test_nobody_listens(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        for address in (f"http://127.0.0.1:{free.getsockname()[1]}", f"unix:{tmp_path}/none"):
            with pytest.raises(CacheBackendError, match="nothing listens there") as refused:
                RemoteService(address).caches()
            assert exit_code(refused.value) == 6


def test_somebody_does_not_answer_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(CacheTimeoutError, match=r"no answer within 0\.05 s") as late:
            RemoteService(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05).caches()
        assert exit_code(late.value) == 6


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 9000,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 500 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[{}]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
        b"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 404 X\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"error":1}',
    ],
)
def test_somebody_else_answers(answer: bytes):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def respond() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(CacheBackendError) as odd:
            RemoteService(f"http://127.0.0.1:{other.getsockname()[1]}", timeout=20).caches()
        thread.join(20)
        assert exit_code(odd.value) == 6


def test_a_token_is_needed_and_told_nowhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMNICACHE_TOKEN", raising=False)
    with Cache("guarded"), listening(Admin(service_in("memory", Path()), Access(token=TOKEN))) as address:
        with pytest.raises(AccessDenied, match="a token is needed") as refused:
            RemoteService(address).caches()
        assert exit_code(refused.value) == 5
        for wrong in (TOKEN[:-1], TOKEN + "x"):
            with pytest.raises(AccessDenied):
                RemoteService(address, token=wrong).caches()
        assert len(RemoteService(address, token=TOKEN).caches()) == 1
        by_address = RemoteService(address.replace("http://", f"http://:{TOKEN}@"))
        assert len(by_address.caches()) == 1
        assert TOKEN not in str(by_address.address) + repr(by_address.address)
        monkeypatch.setenv("OMNICACHE_TOKEN", TOKEN)
        assert len(RemoteService(address).caches()) == 1


@pytest.mark.parametrize(
    "address",
    ["", "localhost:80", "ftp://x", "http://", "unix:", "unix:\0", "http://x:99999", "http://x?y=1", "http://[::1"],
)
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(CacheConfigError, match="server: ") as wrong:
        RemoteService(address)
    assert exit_code(wrong.value) == 7


def test_a_closed_cache_is_not_found():
    assert exit_code(InvalidKeyError("x")) == 8
    with service_in("memory", Path()) as service:
        service.create({"name": "short"})
        [cache] = [cache for cache in __import__("omnicache").list_caches() if cache.name == "short"]
        cache.close()
        with pytest.raises(CacheNotFoundError):
            service.cache("short")
