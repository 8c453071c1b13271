"""The registry file: what is defined is found by the next process, and two at once lose nothing."""

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from omnicache import (
    Cache,
    CacheBackendError,
    CacheConfigError,
    CacheExistsError,
    CacheNotFoundError,
    CacheStrategyError,
)
from omnicache._definitions import Definition, Definitions, define
from omnicache._filelock import locked


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    return Definitions(tmp_path / "home" / "caches.json")


def test_what_is_defined_is_found(definitions: Definitions):
    assert definitions.list() == []
    made = definitions.create(
        define("users", strategy="lfu", max_size=5, default_ttl="5m", directory=definitions.directory)
    )
    again = Definitions(definitions.path)
    assert again.list() == [made] == [again.get("users")]
    assert made.created_at is not None
    assert made.config == {
        "strategy": {"type": "lfu"},
        "max_size": 5,
        "default_ttl": 300.0,
        "backend": {"type": "filesystem", "directory": str(definitions.directory)},
    }
    with Cache.from_config("users", made.options) as cache:
        cache["a"] = 1
    assert again.delete("users") == made
    assert definitions.list() == []


def test_names_are_unique_whatever_the_namespace(definitions: Definitions):
    definitions.create(define("b", namespace="red"))
    definitions.create(define("a"))
    with pytest.raises(CacheExistsError, match="'b' exists already"):
        definitions.create(define("b", namespace="blue"))
    assert [definition.name for definition in definitions.list()] == ["a", "b"]
    assert [definition.name for definition in definitions.list("red")] == ["b"]


def test_what_is_not_there_is_named(definitions: Definitions):
    for action in (definitions.get, definitions.delete):
        with pytest.raises(CacheNotFoundError, match="no cache 'nobody'"):
            action("nobody")


def test_what_a_file_describes_goes_first_and_stays(definitions: Definitions, tmp_path: Path):
    described = Definition("users", "tenant", {"max_size": 5}, source=tmp_path / "omnicache.toml")
    both = Definitions(definitions.path, [described])
    assert both.get("users") is described
    with pytest.raises(CacheExistsError):
        both.create(define("users"))
    with pytest.raises(CacheConfigError, match=r"described in .*omnicache\.toml; remove it there"):
        both.delete("users")


def test_the_file_is_its_owners_alone(definitions: Definitions):
    definitions.create(define("users"))
    assert stat.S_IMODE(definitions.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(definitions.path.parent.stat().st_mode) == 0o700
    assert {path.name for path in definitions.path.parent.iterdir()} == {"caches.json", "caches.lock"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n", r"caches\.json:2: it is no JSON"),
        ("[]", 'no table "caches"'),
        ('{"version": 2, "caches": {}}', "version 2; this OmniCache reads 1"),
        ('{"version": 1, "caches": {"a/b": {"config": {}}}}', "'a/b' cannot be used"),
        ('{"version": 1, "caches": {"a": {"config": 5}}}', 'no table "config"'),
        ('{"version": 1, "caches": {"a": {"config": {}, "created_at": "noon"}}}', "noon"),
        ('{"version": 1, "caches": {"a": {"config": {}, "created_at": 5}}}', "mend the file"),
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(definitions: Definitions, text: str, message: str):
    definitions.path.parent.mkdir()
    definitions.path.write_text(text)
    with pytest.raises(CacheConfigError, match=message):
        definitions.list()
    with pytest.raises(CacheConfigError, match=message):
        definitions.create(define("users"))
    assert definitions.path.read_text() == text


def test_bytes_that_are_no_text(definitions: Definitions):
    definitions.path.parent.mkdir()
    definitions.path.write_bytes(b"\xff")
    with pytest.raises(CacheConfigError, match="not UTF-8"):
        definitions.list()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_size": 0}, "max_size"),
        ({"max_sise": 5}, 'did you mean "max_size"'),
        ({"strategy": "size"}, "max_bytes"),
        ({"namespace": "../up"}, "namespace"),
        ({"backend": "memory", "backend_config": {"directory": "x"}}, "directory"),
        ({"backend": "floppy"}, "floppy"),
        ({"backend_config": {"type": "memory"}}, "leave it out"),
        ({"backend_config": [1]}, "a table"),
        ({"backend": "file:./x", "backend_config": {"max_bytes": 5}}, "an address says"),
    ],
)
def test_a_wrong_definition_is_refused(options: dict[str, object], message: str):
    with pytest.raises((CacheConfigError, CacheStrategyError), match=message):
        define("users", **options)


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "a\0b", 5])
def test_a_bad_name_is_refused(name: object):
    with pytest.raises(CacheConfigError, match="cache name"):
        define(name)


def test_backends_are_given_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    here = define("a", backend_config={"directory": "var", "max_bytes": "1KiB"})
    assert here.config["backend"] == {"type": "filesystem", "directory": str(tmp_path / "var"), "max_bytes": 1024}
    assert define("a", backend="file:./var").config["backend"] == f"file:{tmp_path}/var"
    tiered = define("a", backend="tiered", directory=tmp_path)
    assert tiered.config["backend"]["far"] == {"type": "filesystem", "directory": str(tmp_path)}
    kinds = [
        definition.backend
        for definition in (here, define("a", backend="file:/x"), tiered, define("a", backend="memory"))
    ]
    assert kinds == ["filesystem", "filesystem", "tiered", "memory"]


def test_home_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMNICACHE_HOME", str(tmp_path / "mine"))
    assert Definitions().path == tmp_path / "mine" / "caches.json"
    monkeypatch.delenv("OMNICACHE_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Definitions().path == tmp_path / "omnicache" / "caches.json"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Definitions().path == tmp_path / ".local" / "state" / "omnicache" / "caches.json"


def _create(path: Path, first: int, count: int) -> None:
    definitions = Definitions(path)
    for number in range(first, first + count):
        definitions.create(Definition(f"cache-{number}"))
        if number % 3 == 0:
            definitions.delete(f"cache-{number}")


def test_two_processes_at_once_lose_nothing(definitions: Definitions):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_create, args=(definitions.path, first, 30)) for first in (0, 30, 60)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert {item.name for item in definitions.list()} == {f"cache-{n}" for n in range(90) if n % 3}
    json.loads(definitions.path.read_text())


def test_a_change_that_fails_leaves_no_trace(definitions: Definitions, monkeypatch: pytest.MonkeyPatch):
    definitions.create(define("a"))
    before = definitions.path.read_text()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        definitions.create(define("b"))
    assert definitions.path.read_text() == before
    assert {path.name for path in definitions.path.parent.iterdir()} == {"caches.json", "caches.lock"}


def test_a_lock_is_waited_for_only_so_long(tmp_path: Path):
    path = tmp_path / "caches.lock"
    with locked(path), pytest.raises(CacheBackendError, match="another process"), locked(path, patience=0):
        pass
    with locked(path):
        pass
