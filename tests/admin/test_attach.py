"""A process shows its living caches on a unix socket: to its own user alone, after a fork too, as long as it lives."""

import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from omnicache import Cache
from omnicache._manage.remote import RemoteService
from omnicache.admin import serve_unix
from omnicache.exceptions import CacheBackendError, CacheConfigError
from tests.admin.processes import program, sockets_in

APPLICATION = """
    import sys
    from omnicache import Cache
    cache = Cache("users", max_size=100)
    cache["ada"] = {"born": 1815}
    cache[("tuple", 1)] = {1, 2}
    print("ready", flush=True)
    for line in sys.stdin:
        print(cache.get(line.strip()), flush=True)
    """

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short directory, for a socket's path is short."""
    return tmp_path_factory.mktemp("s")


def test_the_environment_exposes_a_program_that_knows_nothing_of_it(place: Path):
    with program(APPLICATION, OMNICACHE_ADMIN=f"unix:{place}/app") as running:
        assert running.line() == "ready"
        remote = RemoteService(f"unix:{place}/app")
        [cache] = remote.caches()
        assert (cache.name, cache.entry_count, cache.backend, cache.source) == ("users", 2, "memory", "live")
        assert remote.entry("users", "ada").value == {"born": 1815}
        described = remote.entry("users", 'json:["tuple",1]')
        assert (described.value, described.value_is_json) == ({"type": "set", "repr": "{1, 2}"}, False)
        remote.put("users", "bob", [1, 2])
        running.say("bob")
        assert running.line() == "[1, 2]"
        remote.remove("users", "bob")
        running.say("bob")
        assert running.line() == "None"
        assert running.end() == (0, "")
    assert sockets_in(place) == []
    with pytest.raises(CacheBackendError, match="nothing listens there"):
        remote.caches()


def test_without_the_variable_nothing_third_party_is_imported():
    code = """
        import sys
        from omnicache import Cache
        Cache("plain")
        print(sorted({"starlette", "uvicorn", "omnicache.admin", "asyncio.unix_events"} & set(sys.modules)), flush=True)
        """
    with program(code) as running:
        assert running.line() in {"[]", "['asyncio.unix_events']"}


@pytest.mark.parametrize(
    ("value", "words"), [("http://x", "write unix:PATH"), ("unix:", "write unix:PATH"), ("unix:/proc/x/s", "no server")]
)
def test_a_wrong_variable_is_logged_and_harms_nobody(value: str, words: str):
    with program(APPLICATION, OMNICACHE_ADMIN=value) as running:
        assert running.line() == "ready"
        code, errors = running.end()
    assert code == 0
    assert words in errors


def test_a_missing_package_is_logged_and_harms_nobody(place: Path):
    code = "import sys; sys.modules['uvicorn'] = None\n" + "\n".join(
        line.removeprefix("    ") for line in APPLICATION.splitlines()
    )
    with program(code, OMNICACHE_ADMIN=f"unix:{place}/app") as running:
        assert running.line() == "ready"
        code_, errors = running.end()
    assert code_ == 0
    assert "uvicorn is not installed; it comes with the extra omnicache[admin]" in errors


def test_only_the_user_can_open_the_socket(place: Path):
    before = os.umask(0)
    try:
        with serve_unix(place / "s") as server:
            mode = os.lstat(server.path).st_mode
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert sockets_in(place) == []


def test_two_servers_have_two_sockets(place: Path):
    with serve_unix(place / "s") as first, serve_unix(place / "s") as second:
        assert (first.path, second.path) == (f"{place}/s", f"{place}/s.{os.getpid()}")
        with Cache("seen-by-both"):
            for server in (first, second):
                assert [cache.name for cache in RemoteService(f"unix:{server.path}").caches()] == ["seen-by-both"]
        with pytest.raises(CacheConfigError, match="a living process listens there"):
            serve_unix(place / "s", share=False)
    assert sockets_in(place) == []


def test_a_dead_socket_is_replaced(place: Path):
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as child:
        dead.bind(f"{place}/s")
        child.bind(f"{place}/s.123")
    with serve_unix(place / "s") as server:
        assert sockets_in(place) == ["s"]
        assert RemoteService(f"unix:{server.path}").caches() == []


def test_what_is_no_socket_is_left_alone(place: Path):
    (place / "s").write_text("precious")
    (place / "s.1").write_text("precious too")
    with pytest.raises(CacheConfigError, match="something else is there"):
        serve_unix(place / "s")
    (place / "link").symlink_to(place / "s")
    with pytest.raises(CacheConfigError, match="something else is there"):
        serve_unix(place / "link")
    assert (place / "s").read_text() + (place / "s.1").read_text() == "preciousprecious too"


def test_a_path_that_no_socket_can_have_is_refused(place: Path):
    with pytest.raises(CacheConfigError, match="too long"):
        serve_unix(place / ("x" * 200))
    (place / "file").touch()
    with pytest.raises(CacheBackendError, match="unix socket"):
        serve_unix(place / "file" / "s")


def test_a_socket_that_another_took_is_not_removed(place: Path):
    server = serve_unix(place / "s")
    Path(server.path).unlink()
    with serve_unix(place / "s") as other:
        assert other.path == server.path
        server.close()
        server.close()
        assert RemoteService(f"unix:{other.path}").caches() == []


def test_read_only_means_it(place: Path):
    with Cache("kept") as cache, serve_unix(place / "s", read_only=True) as server:
        cache["a"] = 1
        remote = RemoteService(f"unix:{server.path}")
        assert remote.entry("kept", "a").value == 1
        with pytest.raises(PermissionError, match="read only"):
            remote.remove("kept", "a")
        assert cache["a"] == 1


FORKS = """
    import os, sys, time
    from omnicache import Cache
    cache = Cache("users")
    cache["who"] = "parent"
    child = os.fork()
    if child == 0:
        cache["who"] = "child"
        print(os.getpid(), flush=True)
        sys.stdin.readline()
        sys.exit()
    os.waitpid(child, 0)
    print("gone", flush=True)
    sys.stdin.readline()
    """


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("name", ["app", "app-{pid}.sock"])
def test_a_child_after_a_fork_shows_its_own_caches(place: Path, name: str):
    code = FORKS.replace("import os,", "import warnings; warnings.simplefilter('ignore'); import os,")
    with program(code, OMNICACHE_ADMIN=f"unix:{place}/{name}") as running:
        child, parent = running.line(), running.process.pid
        own = name.replace("{pid}", str(parent))
        childs = name.replace("{pid}", child) if "{pid}" in name else f"{name}.{child}"
        assert sockets_in(place) == sorted([own, childs])
        assert RemoteService(f"unix:{place}/{own}").entry("users", "who").value == "parent"
        assert RemoteService(f"unix:{place}/{childs}").entry("users", "who").value == "child"
        running.say("end, child")
        assert running.line() == "gone"
        assert sockets_in(place) == [own]
        assert RemoteService(f"unix:{place}/{own}").entry("users", "who").value == "parent"
        assert running.end() == (0, "")
    assert sockets_in(place) == []


def test_what_a_killed_process_left_is_cleared_by_the_next(place: Path):
    with program(APPLICATION, OMNICACHE_ADMIN=f"unix:{place}/app-{{pid}}") as running:
        running.line()
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    assert len(sockets_in(place)) == 1
    with program(APPLICATION, OMNICACHE_ADMIN=f"unix:{place}/app-{{pid}}") as running:
        running.line()
        assert sockets_in(place) == [f"app-{running.process.pid}"]


def test_a_signal_ends_the_application_as_before(place: Path):
    with program(APPLICATION, OMNICACHE_ADMIN=f"unix:{place}/app") as running:
        running.line()
        running.process.send_signal(signal.SIGINT)
        code, errors = running.end()
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    assert sockets_in(place) == []
