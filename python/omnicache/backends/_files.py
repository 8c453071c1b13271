"""The backend that keeps entries in files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from .._units import duration, size
from ..exceptions import CacheConfigError
from ._base import Backend

__all__ = ["FileSystemBackend"]


@dataclass(frozen=True, slots=True)
class FileSystemBackend(Backend):
    """Entries live in files below a directory, shared by all processes of the machine, and survive restarts.

    Each cache has a directory of its own below it: ``directory/namespace/name``. A read is a lookup in mapped memory.

    Args:
        directory: Where; it is made if it is not there, for its owner alone. Not on a network file system.
        max_bytes: Entries are evicted until their keys and values weigh no more; an int or text such as ``"1GiB"``;
            None for no limit.
        durability: ``"process"``: what was written survives the end of any process, killed or not, but a crash of the
            machine empties the cache. ``"system"``: every write that returned is on the disk, which costs time.
        timeout: How long a write waits for those of others, of which one may hang; a duration. Reads never wait.

    Raises:
        CacheConfigError: An argument cannot be used.

    >>> import tempfile
    >>> from omnicache import Cache, FileSystemBackend
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with Cache("on-disk", backend=FileSystemBackend(directory)) as cache:
    ...         cache["a"] = {"any": ("value", 1)}
    ...     with Cache("on-disk", backend=FileSystemBackend(directory)) as cache:
    ...         cache["a"]
    {'any': ('value', 1)}
    """

    directory: Any
    max_bytes: Any = None
    durability: Literal["process", "system"] = "process"
    timeout: Any = 5.0
    name: ClassVar[str] = "filesystem"

    def __post_init__(self) -> None:
        if not isinstance(self.directory, (str, os.PathLike)) or not str(self.directory):
            raise CacheConfigError(f"FileSystemBackend: directory: a path, not {self.directory!r}")
        object.__setattr__(self, "directory", Path(self.directory))
        if self.max_bytes is not None:
            object.__setattr__(self, "max_bytes", size(self.max_bytes, "FileSystemBackend: max_bytes"))
        if self.durability not in {"process", "system"}:
            raise CacheConfigError(f'FileSystemBackend: durability: "process" or "system", not {self.durability!r}')
        object.__setattr__(self, "timeout", duration(self.timeout, "FileSystemBackend: timeout"))
