"""Sixty-four threads, a thousand tasks, and both at once ask for one cold key: its loader runs once."""

import asyncio
import logging
import threading

import pytest

from omnicache import Cache
from tests.support import in_child


def quiet():
    """A busy machine is no news: asyncio's debug mode, which these child processes run in, would report slow steps."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)


class Gate:
    """A loader that counts its runs and returns when it may."""

    def __init__(self):
        self.runs = 0
        self.open = threading.Event()

    def __call__(self):
        self.runs += 1
        assert self.open.wait(20)
        return ["value"]

    async def awaited(self):
        self.runs += 1
        while not self.open.is_set():  # noqa: ASYNC110 - threads wait for the same event
            await asyncio.sleep(0.001)
        return ["value"]


def wanting(cache):
    return sum(flight.wanting for flight in cache._flights.running())


def until_wanting(cache, count):
    pause = threading.Event()
    while wanting(cache) < count:
        pause.wait(0.001)


def started(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


@in_child
def test_sixty_four_threads():
    cache, gate, found = Cache("stampede"), Gate(), []
    threads = started(64, lambda: found.append(cache.get_or_set("cold", gate)))
    until_wanting(cache, 63)
    gate.open.set()
    for thread in threads:
        thread.join()
    assert gate.runs == 1
    assert len(found) == 64
    assert all(value is found[0] for value in found)
    stats = cache.stats()
    assert (stats.load_count, stats.coalesced_count, stats.set_count) == (1, 63, 1)


@in_child
async def test_a_thousand_tasks():
    quiet()
    cache, gate = Cache("stampede"), Gate()
    tasks = [asyncio.create_task(cache.aget_or_set("cold", gate.awaited)) for _ in range(1_000)]
    while wanting(cache) < 1_000:  # noqa: ASYNC110 - the cache tells nobody that a caller has come
        await asyncio.sleep(0.001)
    gate.open.set()
    found = await asyncio.gather(*tasks)
    assert gate.runs == 1
    assert all(value is found[0] for value in found)
    assert cache.stats().coalesced_count == 999


def mixed(lead):
    quiet()
    cache, gate, found = Cache("stampede"), Gate(), []

    async def tasks(count):
        made = [asyncio.create_task(cache.aget_or_set("cold", gate.awaited)) for _ in range(count)]
        found.extend(await asyncio.gather(*made))

    def ask():
        found.append(cache.get_or_set("cold", gate))

    first = started(1, ask if lead == "thread" else lambda: asyncio.run(tasks(1)))
    pause = threading.Event()
    while not gate.runs:
        pause.wait(0.001)
    threads = started(64, ask) + started(4, lambda: asyncio.run(tasks(250)))
    until_wanting(cache, 1_064)
    gate.open.set()
    for thread in first + threads:
        thread.join()
    assert gate.runs == 1
    assert len(found) == 1_065
    assert all(value is found[0] for value in found)
    assert cache.stats().load_count == 1


@in_child
def test_threads_and_tasks_of_four_loops_behind_a_thread():
    mixed("thread")


@in_child
def test_threads_and_tasks_of_four_loops_behind_a_task():
    mixed("task")


@in_child
def test_many_keys_at_once():
    cache, runs, lock = Cache("stampede"), [], threading.Lock()
    start = threading.Barrier(32)

    def load(key):
        with lock:
            runs.append(key)
        return key * 2

    def ask():
        start.wait()
        for key in range(200):
            assert cache.get_or_set(key, lambda key=key: load(key)) == key * 2

    threads = started(32, ask)
    for thread in threads:
        thread.join()
    assert sorted(runs) == list(range(200))


@in_child
def test_an_error_reaches_all_who_wait_and_no_one_later():
    cache, gate, errors = Cache("stampede"), threading.Event(), []

    def load():
        gate.wait(20)
        raise ValueError("no")

    def ask():
        with pytest.raises(ValueError, match=r"^no$") as caught:
            cache.get_or_set("cold", load)
        errors.append(caught.value)

    threads = started(16, ask)
    until_wanting(cache, 15)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(errors) == 16
    assert cache.get_or_set("cold", lambda: 5) == 5
    assert cache.stats().load_error_count == 1
