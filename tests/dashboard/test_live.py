"""Readings of all caches: shared by all who look, made only while somebody does."""

import asyncio
import json

import pytest

from omnicache import CacheBackendError
from omnicache._manage.models import CacheView, StatisticsView
from omnicache.admin._live import Live

VIEW = CacheView("users", "lru", None, None, "default", 1, None, "active", "memory")
STATISTICS = StatisticsView("users", 1, 1, 0.5, 0, 0, 10, 1, 0.0, "connected", None)


class Told:
    """A service that says what it is told to, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0
        self.error = self.trouble = None

    def caches(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [VIEW]

    def statistics(self, ref):
        if self.trouble is not None:
            raise self.trouble
        return STATISTICS


@pytest.fixture
def service():
    return Told()


async def first(live, count=1):
    found = []
    readings = live.readings()
    async for text in readings:
        found.append(json.loads(text))
        if len(found) == count:
            await readings.aclose()
    return found


async def test_nothing_is_read_while_nobody_looks(service):
    live = Live(service, 0.001)
    assert service.asked == 0
    await first(live)
    asked = service.asked
    assert (live.looking, live._task) == (0, None)
    await asyncio.sleep(0.02)
    assert service.asked == asked


async def test_who_looks_again_gets_a_new_reading(service):
    live = Live(service, 1000)
    await first(live)
    await first(live)
    assert service.asked == 2


async def test_all_who_look_share_the_readings(service):
    live = Live(service, 0.001)
    found = await asyncio.gather(*(first(live, 3) for _ in range(10)))
    assert all(len(one) == 3 for one in found)
    assert service.asked <= 4


async def test_readings_are_new_ones_in_order(service):
    found = await first(Live(service, 0.001), 5)
    times = [one["time"] for one in found]
    assert times == sorted(times)


async def test_who_is_slow_gets_the_newest(service):
    live = Live(service, 0.001)
    slow = live.readings()
    old = await anext(slow)
    *_, newest = await first(live, 5)
    now = json.loads(await anext(slow))
    assert now["time"] >= newest["time"] >= json.loads(old)["time"]
    await slow.aclose()


async def test_a_cache_without_statistics_says_why(service):
    service.trouble = CacheBackendError("no answer")
    (found,) = await first(Live(service))
    (cache,) = found["caches"]
    assert cache["statistics"] is None
    assert (cache["error"]["error"], cache["error"]["message"]) == ("BACKEND_ERROR", "no answer")


@pytest.mark.parametrize(
    ("error", "message"), [(CacheBackendError("no file"), "no file"), (ValueError("secret"), "unexpected ValueError")]
)
async def test_a_reading_that_fails_says_why_and_the_next_is_tried(service, error, message, caplog):
    service.error = error
    live = Live(service, 0.001)
    readings = live.readings()
    found = json.loads(await anext(readings))
    assert (found["caches"], found["error"]["message"]) == ([], message)
    assert len(caplog.records) >= isinstance(error, ValueError)
    service.error = None
    while json.loads(await anext(readings))["error"] is not None:
        pass
    await readings.aclose()


async def test_who_waits_long_is_told_that_somebody_is_there(service):
    readings = Live(service, 1000).readings(patience=0.001)
    assert await anext(readings) is not None or await anext(readings) is not None
    assert await anext(readings) is None
    assert await anext(readings) is None
    await readings.aclose()


async def test_closing_ends_it_for_everyone(service):
    live = Live(service, 1000)
    readers = [live.readings() for _ in range(3)]
    await asyncio.gather(*map(anext, readers))
    waiting = [asyncio.create_task(anext(reader, "the end")) for reader in readers]
    await asyncio.sleep(0)
    live.close()
    assert await asyncio.gather(*waiting) == ["the end"] * 3
    assert await first(live) == []
    assert (live.looking, live._task) == (0, None)
