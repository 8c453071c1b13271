"""copy=: what a read hands out."""

import asyncio
import threading

import pytest

from omnicache import CacheConfigError


def reads(box, key):
    """Every way to be handed a value."""
    yield box.get(key)
    yield box.cache[key]
    yield box.get_or_set(key, None)
    yield box.get_many([key])[key]
    yield box.entry(key).value
    yield box.entries()[0].value
    yield dict(box.cache.items())[key]
    yield box.cache.values()[0]
    yield box.cache.setdefault(key, None)


def test_without_copies_it_is_the_very_object(box):
    value = {"n": [1]}
    box.set("a", value)
    assert all(found is value for found in reads(box, "a"))


def test_a_deep_copy_shares_nothing(on):
    box = on(copy="deep")
    value = {"n": [1]}
    box.set("a", value)
    value["n"].append(2)
    for found in reads(box, "a"):
        assert found == {"n": [1]}
        found["n"].append(3)
        found["m"] = 4
    assert box.get("a") == {"n": [1]}
    assert box.pop("a") == {"n": [1]}


def test_a_shallow_copy_shares_what_it_holds(on):
    box = on(copy="shallow")
    value = {"n": [1]}
    box.set("a", value)
    for found in reads(box, "a"):
        assert found is not value
        assert found["n"] is value["n"]
        found["m"] = 4
    assert box.get("a") == {"n": [1]}


def test_a_loaded_value_is_copied(on):
    box = on(copy="deep")
    value = [1]
    first = box.get_or_set("a", lambda: value)
    first.append(2)
    value.append(3)
    assert box.get("a") == [1]


def test_each_waiter_gets_a_copy_of_its_own(make):
    cache = make(copy="deep")
    gate = threading.Event()
    found = []

    def ask():
        found.append(cache.get_or_set("a", lambda: gate.wait(10) and [1]))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while sum(flight.wanting for flight in cache._flights.running()) < 7:
        threading.Event().wait(0.001)
    gate.set()
    for thread in threads:
        thread.join()
    assert len({id(value) for value in found}) == 8

    async def tasks():
        async def load():
            await asyncio.sleep(0)
            return [2]

        return await asyncio.gather(*(cache.aget_or_set("b", load) for _ in range(8)))

    loaded = asyncio.run(tasks())
    assert len({id(value) for value in loaded}) == 8


def test_copying_can_be_turned_on_and_off(box):
    value = [1]
    box.set("a", value)
    box.cache.configure(copy="deep")
    assert box.get("a") == value
    assert box.get("a") is not value
    box.cache.configure(copy="none")
    assert box.get("a") is value


@pytest.mark.parametrize("mode", ["dep", None, True, 1])
def test_there_are_three_modes(make, mode):
    with pytest.raises(CacheConfigError, match="copy"):
        make(copy=mode)


def test_a_value_that_cannot_be_copied_is_the_callers_error(on):
    box = on(copy="deep")
    with pytest.raises(TypeError):
        box.set("a", threading.Lock())
    assert len(box.cache) == 0
