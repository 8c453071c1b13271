"""What is removed with a cache, and what is not."""

from pathlib import Path

import pytest

from omnicache import Cache, CacheConfigError, FileSystemBackend
from omnicache._definitions import Definition, Definitions
from omnicache._manage.service import Service


def test_what_a_configuration_describes_keeps_its_entries(tmp_path: Path):
    backend = {"type": "filesystem", "directory": str(tmp_path / "entries")}
    described = Definition("pages", config={"backend": backend}, source=tmp_path / "omnicache.toml")
    definitions = Definitions(tmp_path / "registry.json", described=[described])
    with Cache("pages", backend=FileSystemBackend(tmp_path / "entries")) as cache:
        cache["a"] = 1
    service = Service(definitions, live=False)
    with pytest.raises(CacheConfigError, match=r"'pages' is described in .*omnicache\.toml; remove it there"):
        service.delete("pages")
    service.close()
    with Cache("pages", backend=FileSystemBackend(tmp_path / "entries")) as cache:
        assert dict(cache.items()) == {"a": 1}
