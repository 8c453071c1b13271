"""The contract of `omnicache cache`, `clear`, `stats`, `why` and `config`: options, formats, exit codes, errors."""

import errno
import json
import os
import re
from datetime import datetime
from pathlib import Path

import pytest

from omnicache import Cache
from omnicache._definitions import Definitions
from tests.cli.runner import Command, ok


def test_create_says_so_and_shows_the_settings(command: Command):
    result = ok(
        command(
            *("cache", "create", "users", "--strategy", "lfu", "--max-size", "100", "--default-ttl", "5m"),
            *("--namespace", "tenant_a", "--max-bytes", "1MiB"),
        )
    )
    first, *settings = result.out.splitlines()
    assert first == 'Cache "users" created successfully'
    assert dict(re.split(r":\s+", line.strip(), maxsplit=1) for line in settings) == {
        "namespace": "tenant_a",
        "strategy": "lfu",
        "max size": "100 entries",
        "max bytes": "1048576",
        "default ttl": "300",
        "backend": f"filesystem ({Definitions().directory})",
    }
    (definition,) = Definitions().list()
    with Cache.from_config("users", definition.options) as cache:
        assert (cache.strategy.name, cache.max_size, cache.default_ttl) == ("lfu", 100, 300.0)


def test_create_is_as_the_contract_says_by_default(command: Command):
    ok(command("cache", "create", "users"))
    (cache,) = ok(command("cache", "list", "--format", "json")).json
    assert (cache["strategy"], cache["namespace"], cache["backend"]) == ("lru", "default", "filesystem")
    assert (cache["max_size"], cache["default_ttl"], cache["entry_count"]) == (None, None, 0)


@pytest.mark.parametrize("strategy", ["lru", "lfu", "ttl", "tinylfu"])
def test_every_strategy(command: Command, strategy: str):
    ok(command("cache", "create", "users", "--strategy", strategy, "--max-size", "5"))
    assert ok(command("cache", "info", "users", "--format", "json")).json["strategy"] == strategy


def test_a_strategy_by_size_needs_a_size(command: Command):
    refused = command("cache", "create", "users", "--strategy", "size")
    assert refused.code == 8
    assert "max_bytes" in refused.err
    ok(command("cache", "create", "users", "--strategy", "size", "--max-bytes", "1MiB"))


def test_a_strategy_of_ones_own_is_code(command: Command):
    refused = command("cache", "create", "users", "--strategy", "custom")
    assert refused.code == 8
    assert "--server" in refused.err


def test_tiers_are_files_behind_memory(command: Command):
    ok(command("cache", "create", "users", "--backend", "tiered"))
    ok(command("entry", "set", "users", "a", "1"))
    assert ok(command("entry", "get", "users", "a")).out == "1\n"


def test_settings_of_the_backend(command: Command, tmp_path: Path):
    ok(command("cache", "create", "users", "--config", '{"directory": "var", "max_bytes": "1MiB"}'))
    ok(command("entry", "set", "users", "a", "1"))
    assert (tmp_path / "work" / "var" / "default" / "users").is_dir()
    (tmp_path / "settings.json").write_text('{"directory": "other"}')
    ok(command("cache", "create", "others", "--config", f"@{tmp_path}/settings.json"))
    assert "work/other" in ok(command("cache", "info", "others")).out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--max-size", "many"], 2, "max-size"),
        (["--max-size", "0"], 8, "max_size"),
        (["--default-ttl", "soon"], 8, "default_ttl"),
        (["--default-ttl", "0"], 8, "default_ttl"),
        (["--max-bytes", "heavy"], 8, "max_bytes"),
        (["--strategy", "lruu"], 2, "strategy"),
        (["--backend", "floppy"], 2, "backend"),
        (["--namespace", "../up"], 8, "namespace"),
        (["--config", "{"], 2, "JSON"),
        (["--config", "[]"], 2, "object"),
        (["--config", "@nowhere.json"], 2, "No such file"),
        (["--config", '{"directori": "x"}'], 8, 'did you mean "directory"'),
        (["--max-sise", "5"], 2, "--max-size"),
    ],
)
def test_what_cannot_be_is_refused(command: Command, arguments: list[str], code: int, message: str):
    refused = command("cache", "create", "users", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert message in refused.err
    assert refused.err.startswith("error: ")
    assert refused.err.count("\n") == 1
    assert Definitions().list() == []


@pytest.mark.parametrize("name", ["a b", "../a", "", "a/b", "é", "a" + "\x1b[2J"])
def test_a_bad_name_is_a_validation_error(command: Command, name: str):
    refused = command("cache", "create", name)
    assert refused.code == 8
    assert refused.err.count("\n") == 1
    assert "\x1b" not in refused.err


def test_a_name_is_taken_once(command: Command):
    ok(command("cache", "create", "users"))
    refused = command("cache", "create", "users", "--namespace", "other")
    assert refused.code == 1
    assert "'users' exists already" in refused.err


def test_a_list_by_namespace_and_format(command: Command):
    assert ok(command("cache", "list")).out == ""
    ok(command("cache", "create", "b"))
    ok(command("cache", "create", "a", "--namespace", "red"))
    table = ok(command("cache", "list")).out.splitlines()
    assert table[0].split("\t")[:2] == ["name", "namespace"]
    assert [line.split("\t")[:2] for line in table[1:]] == [["b", "default"], ["a", "red"]]
    (red,) = ok(command("cache", "list", "--namespace", "red", "--format", "json")).json
    assert (red["name"], red["namespace"], red["status"]) == ("a", "red", "active")
    assert {"strategy", "max_size", "default_ttl", "entry_count", "created_at", "backend"} <= red.keys()
    yaml = ok(command("cache", "list", "--namespace", "red", "--format", "yaml")).out
    assert yaml.startswith("- name: a\n  strategy: lru\n  max_size: null\n")


def test_info_shows_everything(command: Command):
    ok(command("cache", "create", "users", "--max-size", "10"))
    ok(command("entry", "set", "users", "a", "1"))
    ok(command("entry", "get", "users", "a"))
    shown = dict(line.split("\t") for line in ok(command("cache", "info", "users")).out.splitlines())
    assert (shown["name"], shown["strategy"], shown["entries"]) == ("users", "lru", "1 / 10")
    assert (shown["hit rate"], shown["status"]) == ("100.0% of 1 reads", "active")
    assert int(shown["size"]) > 0
    assert ok(command("cache", "info", "users", "--format", "json")).json["hit_rate"] == 1.0
    assert "hit_rate: 1.0" in ok(command("cache", "info", "users", "--format", "yaml")).out


def test_delete_removes_definition_and_entries(command: Command):
    ok(command("cache", "create", "users"))
    ok(command("entry", "set", "users", "a", "1"))
    refused = command("cache", "delete", "users")
    assert refused.code == 2
    assert "--force" in refused.err
    assert ok(command("cache", "delete", "users", "--force")).out == 'Cache "users" deleted\n'
    assert command("cache", "info", "users").code == 3
    ok(command("cache", "create", "users"))
    assert command("entry", "get", "users", "a").code == 4


def test_what_a_file_describes_stays(command: Command, tmp_path: Path):
    file = tmp_path / "omnicache.toml"
    file.write_text('[caches.users]\nbackend = "file:./var"\n')
    run = ("--config", str(file))
    ok(command(*run, "entry", "set", "users", "a", "1"))
    refused = command(*run, "cache", "delete", "users", "--force")
    assert refused.code == 7
    assert "remove it there" in refused.err
    assert ok(command(*run, "entry", "get", "users", "a")).out == "1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["cache", "info", "nobody"],
        ["cache", "delete", "nobody", "--force"],
        ["entry", "get", "nobody", "a"],
        ["entry", "set", "nobody", "a", "1"],
        ["entry", "delete", "nobody", "a", "--force"],
        ["entry", "list", "nobody"],
        ["clear", "nobody", "--force"],
        ["stats", "nobody"],
        ["why", "nobody", "a"],
        ["warm", "nobody"],
        ["monitor", "nobody", "--format", "json", "--count", "1"],
    ],
)
def test_a_cache_that_is_not_there_ends_with_3(command: Command, arguments: list[str]):
    result = command(*arguments)
    assert (result.code, result.out) == (3, "")
    assert "no cache 'nobody'" in result.err or '"CACHE_NOT_FOUND"' in result.err


def test_a_cache_in_memory_ends_with_6_and_says_what_to_do(command: Command):
    created = ok(command("cache", "create", "fast", "--backend", "memory"))
    assert "--server" in created.err
    refused = command("entry", "get", "fast", "a")
    assert refused.code == 6
    assert "--server" in refused.err
    (listed,) = ok(command("cache", "list", "--format", "json")).json
    assert (listed["status"], listed["entry_count"]) == ("shutdown", None)


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "unix:/nowhere/at/all.sock"])
def test_a_server_that_is_not_there_ends_with_6(command: Command, server: str):
    refused = command("--server", server, "cache", "list")
    assert refused.code == 6
    assert server in refused.err


def test_a_wrong_address_ends_with_7(command: Command):
    assert command("--server", "floppy:a", "cache", "list").code == 7


def test_a_wrong_configuration_ends_with_7(command: Command, tmp_path: Path):
    file = tmp_path / "omnicache.toml"
    file.write_text("[caches.users]\nmax_sise = 5\n")
    for arguments in (["cache", "list"], ["config", "check"], ["entry", "get", "users", "a"]):
        refused = command("--config", str(file), *arguments)
        assert refused.code == 7
        assert f"{file}:2: caches.users: " in refused.err
        assert 'did you mean "max_size"' in refused.err


def test_errors_are_json_where_the_answer_is(command: Command):
    for arguments, code, name in [
        (["cache", "info", "nobody", "--format", "json"], 3, "CACHE_NOT_FOUND"),
        (["cache", "list", "--format", "json", "--namespace", "a b"], 8, "VALIDATION_ERROR"),
        (["cache", "list", "--wrong", "--format", "json"], 2, "USAGE_ERROR"),
        (["cache", "list", "--format=json", "--wrong"], 2, "USAGE_ERROR"),
    ]:
        refused = command(*arguments)
        assert refused.code == code
        assert refused.out == ""
        assert set(refused.error) == {"error", "message", "details", "timestamp"}
        assert refused.error["error"] == name
        assert datetime.fromisoformat(refused.error["timestamp"]).tzinfo is not None


def test_clear_removes_what_is_meant_and_counts(command: Command):
    ok(command("cache", "create", "users"))
    for key, tags in [("user:1", "a"), ("user:2", "a,b"), ("team:1", "b"), ("team:2", "c")]:
        ok(command("entry", "set", "users", key, "1", "--tags", tags))
    assert command("clear", "users").code == 2
    assert ok(command("clear", "users", "--pattern", "user:*", "--tags", "b", "--force")).out == "1 entry removed\n"
    assert ok(command("clear", "users", "--tags", "a,b", "--force")).out == "2 entries removed\n"
    assert ok(command("clear", "users", "--force")).out == "1 entry removed\n"
    assert ok(command("clear", "users", "--force")).out == "0 entries removed\n"
    assert ok(command("--quiet", "clear", "users", "--force")).out == ""


def test_statistics_in_every_format(command: Command):
    ok(command("cache", "create", "users"))
    ok(command("entry", "set", "users", "a", "1"))
    ok(command("entry", "get", "users", "a"))
    assert command("entry", "get", "users", "b").code == 4
    found = ok(command("stats", "users", "--format", "json")).json
    assert (found["cache_name"], found["hit_count"], found["miss_count"], found["hit_rate"]) == ("users", 1, 1, 0.5)
    assert {"eviction_count", "error_count", "total_size_bytes", "entry_count", "backend_status"} <= found.keys()
    table = dict(line.split("\t") for line in ok(command("stats", "users")).out.splitlines())
    assert (table["hits"], table["misses"], table["hit rate"]) == ("1", "1", "50.0%")
    lines = ok(command("stats", "users", "--format", "prometheus")).out.splitlines()
    assert 'omnicache_hits_total{cache="users",namespace="default"} 1' in lines
    watched = ok(command("stats", "users", "--format", "json", "--watch", "--interval", "0.1", "--count", "2")).out
    assert [json.loads(line)["entry_count"] for line in watched.splitlines()] == [1, 1]


def test_why_tells_what_is_known(command: Command):
    ok(command("cache", "create", "users"))
    ok(command("entry", "set", "users", "a", "1", "--ttl", "1h", "--tags", "x"))
    found = ok(command("why", "users", "a", "--format", "json")).json
    assert (found["found"], found["state"], found["ttl"], found["read_now"]) == (True, "fresh", 3600.0, "hit")
    assert [tag["name"] for tag in found["tags"]] == ["x"]
    table = dict(line.split("\t") for line in ok(command("why", "users", "a")).out.splitlines())
    assert (table["state"], table["tags"]) == ("fresh", "x")
    absent = dict(line.split("\t") for line in ok(command("why", "users", "b")).out.splitlines())
    assert absent["state"] == "absent"
    assert absent["a read now"].startswith("miss")


def test_the_configuration_is_checked_and_shown(command: Command, tmp_path: Path):
    assert "configuration\t-" in ok(command("config", "path")).out
    file = tmp_path / "omnicache.toml"
    file.write_text(
        '[caches.users]\nmax_size = 5\ndefault_ttl = "5m"\nbackend = "file:./var"\n'
        '[integrations.fastapi]\ndefault_cache = "users"\n'
    )
    run = ("--config", str(file))
    ok(command("cache", "create", "others"))
    checked = ok(command(*run, "config", "check")).out.splitlines()
    assert checked == [f"{file}: 1 cache, nothing wrong", f"{Definitions().path}: 1 cache, nothing wrong"]
    shown = ok(command(*run, "config", "show", "--format", "json")).json
    assert shown["path"] == str(file)
    assert shown["caches"]["users"]["default_ttl"] == 300.0
    assert set(shown["caches"]) == {"users", "others"}
    assert shown["integrations"] == {"fastapi": {"default_cache": "users"}}
    assert f"configuration\t{file}" in ok(command(*run, "config", "path")).out


def test_check_sees_what_only_all_options_together_can_be_wrong_about(command: Command, tmp_path: Path):
    file = tmp_path / "omnicache.toml"
    file.write_text('[caches.users]\nstrategy = "size"\n')
    refused = command("--config", str(file), "config", "check")
    assert refused.code == 7
    assert "caches.users" in refused.err
    assert "max_bytes" in refused.err


def test_a_damaged_registry_ends_with_7(command: Command):
    ok(command("cache", "create", "users"))
    Definitions().path.write_text("{")
    refused = command("cache", "list")
    assert refused.code == 7
    assert "caches.json:1" in refused.err


@pytest.mark.parametrize("problem", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_may_not_be_touched_ends_with_5(command: Command, monkeypatch: pytest.MonkeyPatch, problem: int):
    ok(command("cache", "create", "users"))

    def denied(*_args: object, **_options: object) -> None:
        raise OSError(problem, os.strerror(problem), "/somewhere/caches.json")

    # Whoever runs the tests may be allowed everything.
    monkeypatch.setattr(Definitions, "_write", denied)
    refused = command("cache", "create", "others")
    assert refused.code == 5
    assert os.strerror(problem) in refused.err
    monkeypatch.setattr(Definitions, "_read", denied)
    refused = command("cache", "list", "--format", "json")
    assert refused.code == 5
    assert refused.error["error"] == "PERMISSION_DENIED"


def test_help_and_version(command: Command):
    assert ok(command("--version")).out.startswith("omnicache 0.")
    paths = [
        [],
        *(["cache", name] for name in ("create", "list", "info", "delete")),
        *(["entry", name] for name in ("get", "set", "delete", "list")),
        *(["config", name] for name in ("check", "show", "path")),
        *([name] for name in ("clear", "stats", "why", "warm", "monitor", "serve", "completion")),
    ]
    for path in paths:
        text = ok(command(*path, "--help")).out
        assert "Examples:" in text, path
        assert "omnicache" in text.partition("Examples:")[2]
        assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "no command 'nope'"),
        (["cache", "lst"], "did you mean 'list'"),
        (["cache", "info"], "Missing argument 'NAME'"),
        (["entry", "get", "a", "b", "c"], "unexpected extra argument"),
        (["stats", "users", "--interval", "0"], "--interval"),
        (["cache", "list", "--format", "xml"], "--format"),
    ],
)
def test_wrong_use_is_one_line_and_2(command: Command, arguments: list[str], message: str):
    refused = command(*arguments)
    assert refused.code == 2
    assert message in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(command: Command, shell: str):
    assert "_OMNICACHE_COMPLETE" in ok(command("completion", shell)).out


def test_completion_knows_commands_and_caches(command: Command, monkeypatch: pytest.MonkeyPatch):
    ok(command("cache", "create", "users"))
    ok(command("cache", "create", "others"))
    monkeypatch.setenv("_OMNICACHE_COMPLETE", "bash_complete")
    for words, at, expected in [("omnicache e", 1, ["entry"]), ("omnicache entry get u", 3, ["users"])]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(at))
        assert command().out.splitlines() == [f"plain,{name}" for name in expected]
