"""Configuration from a file: the caches it describes, found by name, and what the integrations start from."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from . import _omnicache, _registry
from ._definitions import Definition
from ._options import Timeout
from ._places import anchored
from .exceptions import CacheConfigError
from .serializers import Compression

__all__ = ["Config", "arguments_of", "configure", "described", "find_file", "load", "setting", "wanted_file"]

FILE: Final = "omnicache.toml"
PROJECT: Final = "pyproject.toml"
_WITHIN: Final = ("tool", "omnicache")
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration says, checked and in normal form: seconds, bytes, absolute directories.

    Args:
        caches: What :meth:`Cache.from_config` takes, by the name of the cache.
        integrations: What each integration starts from, by its name.
        path: The file that it was read from, None for a dict, or if there is no file.

    >>> from omnicache import Cache
    >>> from omnicache.config import load
    >>> config = load({"caches": {"users": {"strategy": "lfu", "default_ttl": "5m"}}})
    >>> config.caches["users"]
    {'strategy': {'type': 'lfu'}, 'default_ttl': 300.0}
    >>> with Cache.from_config("users", config.caches["users"]) as cache:
    ...     cache.default_ttl
    300.0
    """

    caches: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    integrations: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    path: Path | None = None

    @property
    def definitions(self) -> list[Definition]:
        """The caches as definitions, in the order of their names."""
        return [
            Definition(
                name,
                options.get("namespace", _registry.DEFAULT_NAMESPACE),
                {key: value for key, value in options.items() if key != "namespace"},
                source=self.path,
            )
            for name, options in sorted(self.caches.items())
        ]


def find_file(start: Path | None = None) -> Path | None:
    """The configuration that holds for a directory, the current one if None.

    That is ``omnicache.toml``, or a ``pyproject.toml`` with a table ``[tool.omnicache]``, in it or in the nearest
    directory above it.

    Raises:
        CacheConfigError: A ``pyproject.toml`` on the way that names OmniCache is no TOML.
        OSError: A file on the way cannot be read.
    """
    here = (Path.cwd() if start is None else start).absolute()
    for directory in (here, *here.parents):
        if (directory / FILE).is_file():
            return directory / FILE
        project = directory / PROJECT
        if project.is_file() and _has_table(project):
            return project
    return None


def _has_table(project: Path) -> bool:
    text = _text(project)
    # Most of them do not name it, and need no reading.
    if "omnicache" not in text:
        return False
    try:
        return _omnicache.parse_file(text, name=str(project), within=_WITHIN) is not None
    except CacheConfigError:
        return True  # what is wrong is said when it is loaded


def load(source: str | os.PathLike[str] | Mapping[str, Any] | None = None) -> Config:
    """What a configuration says.

    Over a file go variables of the environment: ``OMNICACHE_CACHES__USERS__MAX_SIZE=500`` is ``max_size`` of
    ``[caches.users]``.

    Args:
        source: The path of a file (of one called ``pyproject.toml``, the table ``[tool.omnicache]`` counts), or a dict
            with the keys of one. None for the file that the variable ``OMNICACHE_CONFIG`` names, or else for what
            :func:`find_file` finds, which may be nothing.

    Raises:
        CacheConfigError: There is no such file, or something in it cannot be used. The message names the file and the
            line, or the variable, the keys that lead to the value, and for a wrong key the nearest right one.
        OSError: The file cannot be read.

    >>> from omnicache import CacheConfigError
    >>> from omnicache.config import load
    >>> try:
    ...     load({"caches": {"users": {"max_sise": 5}}})
    ... except CacheConfigError as error:
    ...     print(str(error).partition("?")[0])
    configuration: caches.users: there is no key "max_sise"; did you mean "max_size"
    """
    if isinstance(source, Mapping):
        return _from_table(source)
    path = wanted_file(source)
    parsed = _from_file(path)
    base = Path.cwd() if path is None else path.parent
    caches = {name: anchored(options, base) for name, options in parsed["caches"].items()}
    return Config(caches, parsed["integrations"], path)


def wanted_file(source: str | os.PathLike[str] | None = None) -> Path | None:
    """The path of the file that :func:`load` reads for this source, None for none."""
    if source is None:
        source = os.environ.get("OMNICACHE_CONFIG") or find_file()
    return None if source is None else Path(source).expanduser().absolute()


def _from_file(path: Path | None) -> dict[str, Any]:
    """The sections of a file, or of none, under what the environment says."""
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("OMNICACHE_"))
    if path is None:
        return _omnicache.parse_file("", name="the environment", variables=variables) or {}
    text = _text(path)
    within = _WITHIN if path.name == PROJECT else ()
    parsed = _omnicache.parse_file(text, name=str(path), within=within, variables=variables)
    if parsed is None:
        raise CacheConfigError(f"{path}: there is no table [tool.omnicache] in it")
    return parsed


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise CacheConfigError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise CacheConfigError(f"{path}: it is a directory; name the file in it") from None
    except UnicodeDecodeError as error:
        raise CacheConfigError(f"{path}: it is not UTF-8: {error.reason} at byte {error.start}") from None


def _from_table(table: Mapping[str, Any]) -> Config:
    """Caches may hold objects here, which no file can; so each of them is read as :meth:`Cache.from_config` does."""
    given = dict(table)
    caches = given.pop("caches", {})
    if not isinstance(caches, Mapping):
        raise CacheConfigError(f"configuration: caches: a dict of caches by name, not {type(caches).__name__}")
    parsed = _omnicache.parse_sections(given)
    made = {}
    for name, options in caches.items():
        _registry.check_name("configuration: caches: cache name", name)
        table = {"backend": options} if isinstance(options, str) else options
        try:
            made[name] = anchored(_omnicache.parse_config(dict(table) if isinstance(table, Mapping) else table), Path())
        except CacheConfigError as error:
            problem = str(error).removeprefix("configuration: ")
            raise CacheConfigError(f"configuration: caches.{name}: {problem}") from None
    return Config(made, parsed["integrations"])


def arguments_of(config: Any) -> dict[str, Any]:
    """What :class:`Cache` takes, from a configuration.

    Raises:
        CacheConfigError: Something in it cannot be used.
    """
    parsed = _omnicache.parse_config(config)
    if "timeout" in parsed:
        parsed["timeout"] = Timeout(**parsed["timeout"])
    if isinstance(parsed.get("compression"), dict):
        parsed["compression"] = Compression(**parsed["compression"])
    return parsed


# --- what this process is configured with ---


class _Current:
    """The configuration in force; what ``OMNICACHE_CONFIG`` names, once someone asks, unless another one was set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._config: Config | None = None

    def get(self) -> Config:
        config = self._config
        if config is None:
            with self._lock:
                if self._config is None:
                    self._config = load() if os.environ.get("OMNICACHE_CONFIG") else Config()
                config = self._config
        return config

    def set(self, config: Config | None) -> None:
        with self._lock:
            self._config = config

    def renew_lock(self) -> None:
        """No other thread of the parent can hold a new one."""
        self._lock = threading.Lock()


_current: Final = _Current()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_current.renew_lock)


def configure(source: str | os.PathLike[str] | Mapping[str, Any] | None = None) -> Config:
    """Has the caches of a configuration made as it describes them when :func:`get_cache` is asked for them.

    Caches that live already stay as they are. Without a call, ``OMNICACHE_CONFIG`` in the environment is enough.

    Args:
        source: As for :func:`omnicache.config.load`.

    Raises:
        CacheConfigError, OSError: As for :func:`omnicache.config.load`; then nothing is changed.

    >>> import omnicache
    >>> _ = omnicache.configure({"caches": {"described": {"max_size": 10, "default_ttl": "5m"}}})
    >>> cache = omnicache.get_cache("described")
    >>> cache.max_size, cache.default_ttl
    (10, 300.0)
    >>> cache.close()
    >>> _ = omnicache.configure({})
    """
    config = load(source)
    _current.set(config)
    return config


def described(name: str) -> dict[str, Any] | None:
    """What the configuration in force says of a cache, if it says anything."""
    return _current.get().caches.get(name)


def setting(integration: str, name: str, default: Any) -> Any:
    """What the configuration in force says an integration starts from, `default` if it says nothing."""
    return _current.get().integrations.get(integration, _EMPTY).get(name, default)
