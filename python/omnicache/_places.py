"""Where OmniCache keeps what belongs to a user rather than to a program: the registry file, and files of its caches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["anchored", "entries_directory", "home", "registry_file"]


def home() -> Path:
    """The directory: ``OMNICACHE_HOME``, or ``omnicache`` below ``XDG_STATE_HOME``, or ``~/.local/state/omnicache``.

    A relative ``XDG_STATE_HOME`` is ignored, as its specification says.
    """
    if given := os.environ.get("OMNICACHE_HOME"):
        return Path(given).expanduser().absolute()
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    if not state.is_absolute():
        state = Path.home() / ".local" / "state"
    return state / "omnicache"


def registry_file() -> Path:
    """The file of the caches that were defined from outside."""
    return home() / "caches.json"


def entries_directory() -> Path:
    """Where the entries of such a cache live unless its definition says otherwise."""
    return home() / "entries"


def anchored(config: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """`config` with what its backends say of directories counted from `base` and not from the process's own."""
    made = dict(config)
    for name in ("backend", "fallback"):
        if name in made:
            made[name] = _backend(made[name], base)
    return made


def _backend(value: Any, base: Path) -> Any:
    if isinstance(value, str) and value.startswith("file:"):
        url = urlsplit(value)
        if url.netloc:
            return value
        path = base / unquote(url.path)
        return f"file:{quote(str(path))}{'?' + url.query if url.query else ''}"
    if isinstance(value, dict):
        value = dict(value)
        if isinstance(value.get("directory"), (str, os.PathLike)):
            value["directory"] = str(base / value["directory"])
        for name in ("near", "far"):
            if name in value:
                value[name] = _backend(value[name], base)
    return value
