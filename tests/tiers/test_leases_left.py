"""The right to load a key, where whoever asked for it is not there any more when it is given."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from omnicache import Backend, Cache, FileSystemBackend, RedisBackend, TieredBackend
from tests.servers.shared import single

NUMBERS = itertools.count()


@pytest.fixture(params=["files", "redis", "tiered-files", "tiered-redis"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    kind = request.param.removeprefix("tiered-")
    far: Backend = FileSystemBackend(tmp_path) if kind == "files" else RedisBackend(single().url)
    return TieredBackend(far=far) if kind != request.param else far


async def test_it_is_given_back_wherever_a_caller_is_cancelled(backend: Backend):
    """After more and more turns of the loop, until all is done before the caller leaves."""
    with Cache(f"left-{next(NUMBERS)}", backend=backend, on_error="raise") as cache:
        await cache.aget_or_set("warm", lambda: 1)
        turns = left = 0
        while True:
            caller = asyncio.create_task(cache.aget_or_set(f"k{turns}", lambda: 1))
            for _ in range(turns):
                await asyncio.sleep(0)
            if caller.done():
                break
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)
            left += caller.cancelled()
            turns += 1 + turns // 20
        assert left > 3
        async with asyncio.timeout(10):
            while await cache._port.acall("leased", time.time()):  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
        assert await cache.aget_or_set("k0", lambda: 2) in (1, 2)
