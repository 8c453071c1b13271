"""An operator's day: caches defined, filled, looked into and cleared from the terminal, and shared with programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from omnicache import Cache
from omnicache.admin import serve_unix
from omnicache.config import load
from tests.cli.conftest import command
from tests.cli.runner import Command, ok
from tests.servers.server import Server

__all__ = ["command"]


def test_an_operator_and_a_program_share_a_cache(command: Command, tmp_path: Path):
    file = tmp_path / "omnicache.toml"
    file.write_text(
        '[caches.users]\nmax_size = 100\ndefault_ttl = "5m"\nbackend = "file:./var"\n[caches.local]\nmax_size = 10\n'
    )
    run = ("--config", str(file))
    assert ok(command(*run, "config", "check")).out.startswith(f"{file}: 2 caches, nothing wrong")
    rows = "id,name,team\n1,Ada,red\n2,Bob,blue\n3,Cid,red\n"
    shape = json.dumps({"key": "user:{id}", "value": "name", "tags": ["team:{team}"]})
    assert ok(command(*run, "warm", "users", "--config", shape, stdin=rows)).out == "3 entries written\n"

    with Cache.from_config("users", load(file).caches["users"]) as users:
        assert users.get("user:1") == "Ada"
        assert users.max_size == 100
        users.set("user:4", {"name": "Dan"}, tags=["team:blue"])
        # Both have it open at once.
        clear = [sys.executable, "-m", "omnicache", *run, "clear", "users", "--tags", "team:red", "--force"]
        assert subprocess.run(clear, capture_output=True, check=True, timeout=30).stdout == b"2 entries removed\n"
        assert sorted(users) == ["user:2", "user:4"]
    assert ok(command(*run, "entry", "get", "users", "user:4")).json == {"name": "Dan"}
    assert ok(command(*run, "why", "users", "user:4", "--format", "json")).json["state"] == "fresh"
    assert ok(command(*run, "stats", "users", "--format", "json")).json["entry_count"] == 2

    unreachable = command(*run, "entry", "get", "local", "a")
    assert unreachable.code == 6
    assert "--server" in unreachable.err


def test_an_operator_reaches_into_a_running_process(command: Command, tmp_path: Path):
    with Cache("live", max_size=10) as live:
        live.set("a", {"n": 1}, ttl=60, tags=["x"])
        address = f"unix:{tmp_path}/app.sock"
        with serve_unix(tmp_path / "app.sock"):
            run = ("--server", address)
            (listed,) = ok(command(*run, "cache", "list", "--format", "json")).json
            assert (listed["name"], listed["backend"], listed["entry_count"]) == ("live", "memory", 1)
            assert ok(command(*run, "entry", "get", "live", "a")).json == {"n": 1}
            ok(command(*run, "entry", "set", "live", "b", "2", "--ttl", "1h"))
            assert live["b"] == 2
            assert ok(command(*run, "warm", "live", stdin='{"c": 3, "d": 4}')).out == "2 entries written\n"
            assert live["c"] == 3
            reading = ok(command(*run, "monitor", "live", "--format", "json", "--count", "1", "--threshold", "1")).json
            assert reading["caches"][0]["statistics"]["entry_count"] == 4
            logged = ok(command(*run, "monitor", "--format", "logs", "--count", "1")).out
            assert " INFO cache=default:live status=active " in logged
            assert command(*run, "entry", "get", "live", "nothing").code == 4
            assert command(*run, "entry", "get", "nobody", "a").code == 3
            refused = command(*run, "entry", "set", "live", "e", "5", "--ttl", "soon")
            assert refused.code == 8
            assert ok(command(*run, "clear", "live", "--pattern", "[ab]", "--force")).out == "2 entries removed\n"
            assert sorted(live) == ["c", "d"]
            ok(command(*run, "cache", "create", "made", "--backend", "memory", "--max-size", "5"))
            ok(command(*run, "entry", "set", "made", "a", "1"))
            assert ok(command(*run, "cache", "info", "made", "--format", "json")).json["entry_count"] == 1
            ok(command(*run, "cache", "delete", "made", "--force"))
        assert command(*run, "cache", "list").code == 6


@pytest.mark.parametrize("module", ["click", "rich"])
def test_the_package_works_without_the_extra(module: str):
    code = f"import sys; sys.modules[{module!r}] = None; from omnicache import Cache; print(Cache('a').get('b', 1))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert run.stdout == "1\n", run.stderr


def test_a_cache_on_a_server_that_goes_away(command: Command):
    with Server() as server:
        ok(command("cache", "create", "jobs", "--backend", "redis", "--config", json.dumps({"url": server.url})))
        ok(command("entry", "set", "jobs", "a", '{"n": 1}', "--tags", "x", "--ttl", "1h"))
        assert ok(command("entry", "get", "jobs", "a")).json == {"n": 1}
        assert ok(command("entry", "list", "jobs", "--format", "keys-only")).out == "a\n"
        (listed,) = ok(command("cache", "list", "--format", "json")).json
        assert (listed["backend"], listed["status"]) == ("redis", "active")
        assert ok(command("clear", "jobs", "--tags", "x", "--force")).out == "1 entry removed\n"
    for arguments in (["entry", "get", "jobs", "a"], ["entry", "set", "jobs", "a", "1"], ["entry", "list", "jobs"]):
        gone = command(*arguments)
        assert gone.code == 6, gone.err
        assert gone.err.startswith("error: ")
    (listed,) = ok(command("cache", "list", "--format", "json")).json
    assert (listed["backend"], listed["entry_count"]) == ("redis", None)
