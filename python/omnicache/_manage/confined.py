"""What a cache may not have that somebody makes over a network: files elsewhere, and serializers that run code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_confined"]


def check_confined(config: Mapping[str, Any], root: Path) -> None:
    """Raises if `config`, in normal form, reaches beyond `root`.

    Raises:
        InvalidInput: It does.
    """
    if _names_pickle(config.get("serializer")):
        raise InvalidInput("serializer: pickle runs what it reads, so it cannot be chosen from outside")
    top = os.path.realpath(root)
    for name in ("backend", "fallback"):
        for directory in _directories(config.get(name)):
            place = os.path.realpath(directory)
            if os.path.commonpath([top, place]) != top:
                raise InvalidInput(
                    f"{name}: a directory elsewhere cannot be chosen from outside; leave it out, or name one below the "
                    "directory of the server's own files"
                )


def _names_pickle(serializer: object) -> bool:
    if isinstance(serializer, Mapping):
        return any(map(_names_pickle, serializer.values()))
    return isinstance(serializer, str) and "pickle" in serializer.lower()


def _directories(backend: object) -> Iterator[str]:
    """The directories that a backend's configuration names."""
    if isinstance(backend, str) and backend.startswith("file:"):
        yield unquote(urlsplit(backend).path)
    elif isinstance(backend, Mapping):
        for name, value in backend.items():
            if name == "directory":
                yield os.fspath(value)
            else:
                yield from _directories(value)
