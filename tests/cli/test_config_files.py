"""Configuration from files, the environment and dicts, and what `get_cache` makes of it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import omnicache
from omnicache import Cache, CacheConfigError, LRUStrategy, get_cache
from omnicache.config import Config, find_file, load, setting

TOML = """
[caches.users]
strategy = "lru"
max_size = 10_000
default_ttl = "5m"
fallback = "file:./var/users"
backend = { type = "tiered", far = { type = "filesystem", directory = "var" } }

[integrations.fastapi]
default_cache = "users"
response_cache_ttl = 300
"""


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMNICACHE_CONFIG", raising=False)
    yield
    omnicache.configure({})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "omnicache.toml"
    path.write_text(TOML)
    return path


def test_a_file_is_read_and_directories_count_from_it(file: Path):
    config = load(file)
    assert config == Config(
        {
            "users": {
                "strategy": {"type": "lru"},
                "max_size": 10_000,
                "default_ttl": 300.0,
                "backend": {"type": "tiered", "far": {"type": "filesystem", "directory": str(file.parent / "var")}},
                "fallback": f"file:{file.parent}/var/users",
            }
        },
        {"fastapi": {"default_cache": "users", "response_cache_ttl": 300.0}},
        file,
    )
    (definition,) = config.definitions
    assert (definition.name, definition.namespace, definition.backend) == ("users", "default", "tiered")
    assert definition.source == file
    with Cache.from_config("users", config.caches["users"]) as cache:
        cache["a"] = 1
    assert (file.parent / "var" / "default" / "users").is_dir()


def test_a_path_with_strange_characters(tmp_path: Path):
    directory = tmp_path / "a b%20#?ü"
    directory.mkdir()
    path = directory / "omnicache.toml"
    path.write_text('[caches]\nusers = "file:./x?max_bytes=1MiB"\n')
    with Cache.from_config("users", load(path).caches["users"]) as cache:
        assert cache.backend.directory == directory / "x"
        assert cache.backend.max_bytes == 1 << 20


def test_the_nearest_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inner = tmp_path / "src" / "package"
    inner.mkdir(parents=True)
    (tmp_path / "omnicache.toml").write_text("[caches.outer]\n")
    (inner / "pyproject.toml").write_text('[project]\ndependencies = ["omnicache"]\n')
    monkeypatch.chdir(inner)
    assert find_file() == tmp_path / "omnicache.toml"
    (tmp_path / "src" / "pyproject.toml").write_text("[tool.omnicache.caches.inner]\n")
    assert find_file() == tmp_path / "src" / "pyproject.toml"
    assert list(load().caches) == ["inner"]
    (tmp_path / "src" / "omnicache.toml").write_text("[caches.first]\n")
    assert list(load().caches) == ["first"]


def test_the_environment_names_the_file_and_goes_over_it(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMNICACHE_CONFIG", str(file))
    monkeypatch.setenv("OMNICACHE_CACHES__USERS__MAX_SIZE", "7")
    monkeypatch.setenv("OMNICACHE_CACHES__OTHER", "file:./other")
    config = load()
    assert config.caches["users"]["max_size"] == 7
    assert config.caches["other"] == {"backend": f"file:{file.parent}/other"}
    monkeypatch.setenv("OMNICACHE_CACHES__USERS__MAX_SIZE", "many")
    with pytest.raises(CacheConfigError, match=r"variable OMNICACHE_CACHES__USERS__MAX_SIZE: caches.users.max_size"):
        load()


def test_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMNICACHE_CACHES__USERS__DEFAULT_TTL", "5m")
    assert load() == Config({"users": {"default_ttl": 300.0}}, {}, None)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "omnicache.toml",
            "[caches.users]\nmax_sise = 5",
            r'omnicache\.toml:2: caches\.users: .*"max_sise".*"max_size"',
        ),
        (
            "pyproject.toml",
            "\n[tool.omnicache.cache]",
            r'pyproject\.toml:2: tool\.omnicache: |pyproject\.toml:2: .*"cache"',
        ),
        ("pyproject.toml", "[project]", r"no table \[tool\.omnicache\]"),
        ("omnicache.toml", "[caches.users", "it is no TOML"),
    ],
)
def test_an_error_says_where(tmp_path: Path, name: str, text: str, message: str):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CacheConfigError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(CacheConfigError, match="there is no such file"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(CacheConfigError, match="it is a directory"):
        load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(CacheConfigError, match=r"not UTF-8: .* at byte 5"):
        load(tmp_path / "binary.toml")


def test_a_dict_may_hold_objects():
    config = load(
        {"caches": {"users": {"strategy": LRUStrategy(5), "default_ttl": timedelta(minutes=5)}, "b": "memory"}}
    )
    assert config.caches == {"users": {"strategy": LRUStrategy(5), "default_ttl": 300.0}, "b": {"backend": "memory"}}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"cache": {}}, 'no section "cache"; did you mean "caches"'),
        ({"caches": []}, "a dict of caches by name"),
        ({"caches": {"a b": {}}}, "'a b' cannot be used"),
        ({"caches": {"users": {"max_sise": 5}}}, r'caches\.users: there is no key "max_sise"; did you mean "max_size"'),
        ({"caches": {"users": 5}}, r"caches\.users: an object of type int is no dict"),
        ({"integrations": {"fastapi": {"default_cach": "a"}}}, 'did you mean "default_cache"'),
    ],
)
def test_a_wrong_dict_is_named(table: dict[str, object], message: str):
    with pytest.raises(CacheConfigError, match=message):
        omnicache.configure(table)


def test_get_cache_finds_what_is_described():
    omnicache.configure(
        {
            "caches": {
                "users": {"max_size": 7, "namespace": "tenant", "timeout": {"hard": "2s"}},
                "limited": {"strategy": {"type": "lru", "max_size": 5}},
            }
        }
    )
    users = get_cache("users", max_size=3, copy="deep")
    assert (users.namespace, users.max_size) == ("tenant", 7)
    assert get_cache("users") is users
    assert get_cache("users", namespace="tenant") is users
    assert get_cache("users", namespace="other").max_size is None
    assert get_cache("limited", max_size=9).max_size == 5
    assert get_cache("unknown", max_size=3).max_size == 3
    users["list"] = []
    assert users["list"] is not users["list"]


def test_the_variable_alone_is_enough(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(omnicache.config._current, "_config", None)
    monkeypatch.setenv("OMNICACHE_CONFIG", str(file))
    assert get_cache("users").max_size == 10_000
    assert setting("fastapi", "default_cache", "default") == "users"
    assert setting("fastapi", "etag_headers", True) is True


def test_no_file_is_read_that_nobody_named(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(omnicache.config._current, "_config", None)
    monkeypatch.chdir(file.parent)
    assert get_cache("users").max_size is None


def test_what_fails_changes_nothing():
    omnicache.configure({"caches": {"users": {"max_size": 7}}})
    with pytest.raises(CacheConfigError):
        omnicache.configure({"caches": {"users": {"max_size": 0}}})
    assert get_cache("users").max_size == 7
