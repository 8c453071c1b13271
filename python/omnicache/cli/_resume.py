"""How far a filling came, kept in a file so that the next one can go on from there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .._places import home

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Mark"]


class Mark:
    """The number of rows of a source that are done, for one cache.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, *names: str) -> Self:
        """The mark of what these names stand for: the server, the cache, the source."""
        # The names may hold secrets, which are not kept.
        digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]
        return cls(home() / "warm" / f"{digest}.json")

    def read(self) -> int:
        """How many rows are done; 0 if nothing is known."""
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))["rows"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return rows if isinstance(rows, int) and rows > 0 else 0

    def write(self, rows: int) -> None:
        """So many are done."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"rows": rows}, file)
        Path(temporary).replace(self._path)

    def remove(self) -> None:
        """All are done, or it begins anew."""
        self._path.unlink(missing_ok=True)
