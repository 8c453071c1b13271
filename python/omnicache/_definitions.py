"""Caches that are defined outside of any program: one JSON file that many processes read and change.

A change takes a lock, reads the file, and puts a new one in its place in one step, so that two at once lose nothing and
a reader never sees half of one. The file is its owner's alone, for an address in it may hold a password.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import _omnicache, _registry
from ._filelock import locked
from ._places import anchored, entries_directory, registry_file
from .backends import backend_from
from .exceptions import CacheConfigError, CacheExistsError, CacheNotFoundError
from .strategies import strategy_from

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Definition", "Definitions", "define"]

_VERSION: Final = 1
_SCHEMES: Final = {"file": "filesystem", **dict.fromkeys(("rediss", "valkey", "valkeys"), "redis")}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a cache is, before any process opens it.

    Args:
        name: Its name, unique among all definitions whatever their namespace.
        namespace: Where it lives.
        config: What :meth:`Cache.from_config` takes, as plain data in normal form, without the namespace.
        created_at: When it was defined; None if a configuration file describes it.
        source: The configuration file that describes it; None if it is in the registry file.
    """

    name: str
    namespace: str = _registry.DEFAULT_NAMESPACE
    config: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    source: Path | None = None

    def check_removable(self) -> None:
        """Raises for what only its configuration file can take back.

        Raises:
            CacheConfigError: A configuration file describes the cache.
        """
        if self.source is not None:
            raise CacheConfigError(f"the cache {self.name!r} is described in {self.source}; remove it there")

    @property
    def options(self) -> dict[str, Any]:
        """Everything that :meth:`Cache.from_config` takes beside the name."""
        return {**self.config, "namespace": self.namespace}

    @property
    def backend(self) -> str:
        """The kind of its backend: ``"filesystem"``, ``"memory"``, ``"redis"``, ``"tiered"``."""
        value = self.config.get("backend", "memory")
        if isinstance(value, Mapping):
            return str(value["type"])
        scheme = str(value).partition(":")[0].partition("+")[0]
        return _SCHEMES.get(scheme, scheme)


def define(
    name: str,
    *,
    namespace: str | None = None,
    backend: str | None = None,
    backend_config: Mapping[str, Any] | None = None,
    directory: Path | None = None,
    **config: Any,
) -> Definition:
    """A definition, checked as far as it can be without opening anything.

    Args:
        name: Letters, digits, ``_`` and ``-``.
        namespace: The same; None for ``"default"``.
        backend: ``"filesystem"`` (for None), ``"memory"``, ``"tiered"``, the type of another backend, or a URL.
        backend_config: The backend's own settings. Files without a ``"directory"``, and tiers without a ``"far"``, are
            given files below `directory`.
        directory: Where; None for the place beside the registry file.
        config: Further keys of :meth:`Cache.from_config`; None is as if not given.

    Raises:
        CacheConfigError, CacheStrategyError: Something cannot be used.

    >>> define("users", strategy="lfu", max_size=100, backend="memory").config
    {'strategy': {'type': 'lfu'}, 'max_size': 100, 'backend': 'memory'}
    """
    _registry.check_name("cache name", name)
    namespace = _registry.check_name("namespace", _registry.DEFAULT_NAMESPACE if namespace is None else namespace)
    place = _placed(backend or "filesystem", backend_config, directory or entries_directory())
    parsed = _omnicache.parse_config({**config, "backend": place})
    for key in ("backend", "fallback"):
        backend_from(parsed.get(key))
    strategy_from(parsed.get("strategy", "lru"), max_size=parsed.get("max_size"), max_bytes=parsed.get("max_bytes"))
    return Definition(name, namespace, anchored(parsed, Path.cwd()))


def _placed(backend: str, settings: Mapping[str, Any] | None, directory: Path) -> Any:
    """The backend as a configuration names it."""
    if settings is not None and not isinstance(settings, Mapping):
        raise CacheConfigError(f'backend settings: a table such as {{"max_bytes": "1GiB"}}, not {settings!r:.60}')
    given = dict(settings or {})
    if "type" in given:
        raise CacheConfigError('backend settings: "type" is said by the backend itself; leave it out')
    if ":" in backend:
        if given:
            raise CacheConfigError("backend settings: an address says everything itself; write them in it")
        return backend
    if backend == "filesystem":
        given.setdefault("directory", str(directory))
    elif backend == "tiered":
        given.setdefault("far", {"type": "filesystem", "directory": str(directory)})
    return {"type": backend, **given}


class Definitions:
    """The definitions of a registry file, and of a configuration file beside it, which only its author changes.

    Args:
        path: The registry file; None for the user's own, below :func:`omnicache._places.home`. It need not be there.
        described: What a configuration file describes; it goes before the registry file.

    Every method may raise OSError: the file cannot be read or written; and CacheConfigError: what is in it cannot be
    understood.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, described: Iterable[Definition] = ()) -> None:
        self.path: Final = registry_file() if path is None else Path(path).absolute()
        self._described: Final = {definition.name: definition for definition in described}

    @property
    def directory(self) -> Path:
        """Where the entries of a cache in files live unless its definition says otherwise."""
        return self.path.parent / "entries"

    def list(self, namespace: str | None = None) -> list[Definition]:
        """All of them, or those of a namespace, in the order of their names."""
        found = {**self._read(), **self._described}
        return [found[name] for name in sorted(found) if namespace in {None, found[name].namespace}]

    def get(self, name: str) -> Definition:
        """The definition of that name.

        Raises:
            CacheNotFoundError: There is none.
        """
        found = self._described.get(name) or self._read().get(name)
        if found is None:
            raise CacheNotFoundError(f"there is no cache {_shown(name)}; `omnicache cache list` names those there are")
        return found

    def create(self, definition: Definition) -> Definition:
        """Adds a definition; returns it with the time of this moment.

        Raises:
            CacheExistsError: The name is taken.
        """
        _registry.check_name("cache name", definition.name)
        made = replace(definition, created_at=datetime.now(UTC).replace(microsecond=0), source=None)
        with self._changing() as found:
            if made.name in found or made.name in self._described:
                raise CacheExistsError(f"a cache {made.name!r} exists already; delete it first, or choose another name")
            found[made.name] = made
        return made

    def delete(self, name: str) -> Definition:
        """Removes a definition, and returns what it was. Entries are not touched.

        Raises:
            CacheNotFoundError: There is none.
            CacheConfigError: A configuration file describes the cache.
        """
        if name in self._described:
            self._described[name].check_removable()
        with self._changing() as found:
            if name not in found:
                raise CacheNotFoundError(
                    f"there is no cache {_shown(name)}; `omnicache cache list` names those there are"
                )
            return found.pop(name)

    def _changing(self) -> _Change:
        return _Change(self)

    def _read(self) -> dict[str, Definition]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError as error:
            raise CacheConfigError(f"{self.path}: it is not UTF-8: {error}") from None
        try:
            return _parsed(json.loads(text))
        except json.JSONDecodeError as error:
            raise CacheConfigError(f"{self.path}:{error.lineno}: it is no JSON: {error.msg}") from None
        except (TypeError, KeyError, ValueError) as error:
            raise CacheConfigError(f"{self.path}: {error}; mend the file or move it away") from None

    def _write(self, found: dict[str, Definition]) -> None:
        caches = {
            name: {
                "namespace": definition.namespace,
                "created_at": None if definition.created_at is None else definition.created_at.isoformat(),
                "config": definition.config,
            }
            for name, definition in sorted(found.items())
        }
        # Made with mode 0600.
        handle, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": _VERSION, "caches": caches}, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync(self.path.parent)


class _Change:
    """The definitions under the lock; what was made of them is written unless the block raised."""

    def __init__(self, owner: Definitions) -> None:
        self._owner = owner
        self._lock = locked(owner.path.with_suffix(".lock"))

    def __enter__(self) -> dict[str, Definition]:
        self._owner.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.__enter__()
        try:
            self._found = self._owner._read()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self._found

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            if kind is None:
                self._owner._write(self._found)
        finally:
            self._lock.__exit__(None, None, None)


def _parsed(data: Any) -> dict[str, Definition]:
    """The definitions in the file's data.

    Raises:
        TypeError, KeyError, ValueError: It is something else.
    """
    if not isinstance(data, dict) or not isinstance(data.get("caches"), dict):
        raise TypeError('there is no table "caches" in it')
    if data.get("version") != _VERSION:
        raise ValueError(f"it has version {data.get('version')!r}; this OmniCache reads {_VERSION}")
    found = {}
    for name, row in data["caches"].items():
        _registry.check_name("cache name", name)
        if not isinstance(row, dict) or not isinstance(row.get("config"), dict):
            raise TypeError(f'the cache {name!r} has no table "config"')
        created = row.get("created_at")
        found[name] = Definition(
            name,
            _registry.check_name("namespace", row.get("namespace", _registry.DEFAULT_NAMESPACE)),
            row["config"],
            None if created is None else datetime.fromisoformat(created),
        )
    return found


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= 60 else text[:60] + "..."  # noqa: PLR2004 - enough to know it by


def _sync(directory: Path) -> None:
    """Has the directory's own entry for the new file reach the disk, where directories can be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
