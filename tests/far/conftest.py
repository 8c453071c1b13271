"""What the tests of the far store share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omnicache._omnicache import FileStore


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., FileStore]]:
    """Opens stores in one directory; at the end they are checked and closed."""
    opened: list[FileStore] = []

    def open_store(name: str = "cache", **options: Any) -> FileStore:
        opened.append(FileStore(tmp_path / name, **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., FileStore]) -> FileStore:
    """A store of its own."""
    return open_store()
