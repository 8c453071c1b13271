"""``cached`` where a result cannot be written, or the cache fails."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from omnicache import Cache, CacheClosedError, FileSystemBackend, StoreBackend, TieredBackend
from omnicache.exceptions import CacheSerializationError
from omnicache.integrations.fastapi import cached
from tests.integrations.site import Opaque

_names = iter(range(10**9))


@pytest.fixture
def kept():
    with Cache(f"kept_values_{next(_names)}") as made:
        yield made


def test_serializers(kept: Cache, caplog: pytest.LogCaptureFixture):
    ran = []

    def make(value: Any, **options: Any):
        def function():
            ran.append(1)
            return value

        return cached(cache=kept, key_prefix=f"s{next(_names)}", **options)(function)

    as_json = make({"a": [1]}, serializer="json")
    assert as_json() == as_json() == {"a": [1]}
    assert as_json() is not as_json()
    assert len(ran) == 1

    skipped = make({1, 2}, serializer="json")
    assert skipped() == skipped() == {1, 2}
    assert len(ran) == 3
    assert sum("cannot be kept" in record.message for record in caplog.records) == 1

    raising = make({1, 2}, serializer="json", on_serialization_error="raise")
    with pytest.raises(TypeError, match="set"):
        raising()

    ran.clear()
    pickled = make({1, 2}, serializer="json", on_serialization_error="pickle")
    assert pickled() == pickled() == {1, 2}
    assert len(ran) == 1
    (key,) = [key for key in kept if key[0] == pickled.key()[0]]
    kept[key] = kept[key][:30] + b"forged" + kept[key][36:]
    assert pickled() == {1, 2}
    assert len(ran) == 2


def test_a_cache_that_fails_is_passed_by(kept: Cache, caplog: pytest.LogCaptureFixture):
    @cached(cache=kept)
    def plain() -> int:
        return 1

    @cached(cache=kept)
    async def awaited() -> int:
        return 1

    @cached(cache=kept, on_cache_error="raise")
    def strict() -> int:
        return 1

    kept.close()
    assert plain() == 1
    assert asyncio.run(awaited()) == 1
    assert any(record.levelno == logging.WARNING for record in caplog.records)
    with pytest.raises(CacheClosedError):
        strict()


class Gone(StoreBackend):
    """A store that is down, to a cache that says so."""

    def __init__(self) -> None:
        self.tries = 0

    def get(self, key: str) -> bytes | None:
        self.tries += 1
        return None

    def set(self, key: str, data: bytes, ttl: float | None) -> None:
        self.tries += 1
        raise OSError("down")

    def delete(self, key: str) -> bool:
        raise OSError("down")

    def scan(self, prefix: str) -> list[str]:
        raise OSError("down")


@pytest.mark.parametrize("color", ["async", "plain"])
@pytest.mark.parametrize("mode", ["degrade", "circuit_breaker"])
def test_a_function_is_not_called_again_because_its_result_was_not_kept(color: str, mode: Any):
    ran = []
    store = Gone()
    with Cache(f"kept_values_{next(_names)}", backend=store, on_error="raise") as gone:

        def plain() -> int:
            ran.append(1)
            return len(ran)

        async def awaited() -> int:
            return plain()

        made: Any = cached(cache=gone, on_cache_error=mode)(plain if color == "plain" else awaited)
        for number in range(1, 21):
            assert (made() if color == "plain" else asyncio.run(made())) == number
    tries = store.tries
    assert len(ran) == 20
    assert tries <= 20 if mode == "circuit_breaker" else tries > 0


@pytest.mark.parametrize("kind", ["filesystem", "tiered"])
@pytest.mark.parametrize("color", ["async", "plain"])
def test_results_that_a_far_cache_cannot_write(kind: str, color: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = FileSystemBackend(tmp_path)
    backend = files if kind == "filesystem" else TieredBackend(far=files)
    with Cache(f"kept_values_{next(_names)}", backend=backend) as far:
        ran: list[str] = []

        def make(mode: str) -> Any:
            def plain() -> Opaque:
                ran.append(mode)
                return Opaque(mode)

            async def awaited() -> Opaque:
                return plain()

            function: Any = plain if color == "plain" else awaited
            made = cached(cache=far, key_prefix=mode, on_serialization_error=mode)(function)
            return made if color == "plain" else lambda: asyncio.run(made())

        skipped, pickled, raising = make("skip"), make("pickle"), make("raise")
        assert [skipped().name, skipped().name] == ["skip", "skip"]
        assert sum("cannot be kept" in record.message for record in caplog.records) == 1
        assert [pickled().name, pickled().name] == ["pickle", "pickle"]
        with pytest.raises(CacheSerializationError):
            raising()
        assert ran == ["skip", "skip", "pickle", "raise"]
