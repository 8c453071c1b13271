"""get_or_set: what is missing is loaded, once."""

import asyncio

import pytest

from omnicache import MISSING, CacheConfigError, ReentrantLoadError


class Loader:
    """Counts its runs."""

    def __init__(self, result="loaded"):
        self.runs = 0
        self.result = result

    def __call__(self):
        self.runs += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_what_is_missing_is_loaded_once(box):
    loader = Loader()
    assert box.get_or_set("a", loader) == "loaded"
    assert box.get_or_set("a", loader) == "loaded"
    assert box.get("a") == "loaded"
    assert loader.runs == 1


def test_a_plain_value_is_its_own_loader(box):
    assert box.get_or_set("a", 5) == 5
    assert box.get_or_set("a", 6) == 5
    assert box.get_or_set("n", None) is None
    assert box.get("n", MISSING) is None


def test_none_is_loaded_once(box):
    loader = Loader(None)
    assert box.get_or_set("a", loader) is None
    assert box.get_or_set("a", loader) is None
    assert loader.runs == 1


def test_a_load_takes_the_options_of_set(box, clock):
    loader = Loader()
    box.get_or_set("a", loader, 10, tags=["x"], priority=0.9)
    box.get_or_set("b", loader, ttl="10s", idle=5)
    assert box.ttl("a") == 10.0
    assert box.entry("a").tags == ("x",)
    clock.advance(5)
    assert "b" not in box.cache
    clock.advance(5)
    assert box.get_or_set("a", loader) == "loaded"
    assert loader.runs == 3


def test_the_ttl_counts_from_when_the_value_is_there(box, clock):
    def slow():
        clock.advance(100)
        return 1

    box.get_or_set("a", slow, ttl=10)
    assert box.ttl("a") == 10.0


def test_an_error_is_raised_and_forgotten(box):
    loader = Loader(ValueError("no"))
    for runs in (1, 2):
        with pytest.raises(ValueError, match=r"^no$"):
            box.get_or_set("a", loader)
        assert loader.runs == runs
    assert box.get("a", MISSING) is MISSING
    loader.result = 3
    assert box.get_or_set("a", loader) == 3
    stats = box.cache.stats()
    assert (stats.load_count, stats.load_error_count) == (3, 2)


@pytest.mark.parametrize("wrong", [{"tgs": ["x"]}, {"ttl": 0}, {"priority": 2}, {"tags": "x"}, {"jitter": -1}])
def test_wrong_options_are_refused_before_the_loader_runs(box, wrong):
    loader = Loader()
    with pytest.raises((TypeError, CacheConfigError)):
        box.get_or_set("a", loader, **wrong)
    assert loader.runs == 0
    assert box.cache.stats().load_error_count == 0


def test_a_loader_that_asks_for_its_own_key_is_told(box):
    def again():
        return box.cache.get_or_set("a", again)

    with pytest.raises(ReentrantLoadError, match=r"'a'.* -> .*'a'"):
        box.get_or_set("a", again)
    assert box.get_or_set("a", 1) == 1


def test_a_loader_may_load_other_keys_and_use_the_cache(box):
    def total():
        box.cache["seen"] = True
        parts = [box.cache.get_or_set(f"part{n}", lambda n=n: n) for n in range(5)]
        del box.cache["seen"]
        return sum(parts)

    assert box.get_or_set("total", total) == 10
    assert len(box.cache) == 6


def test_what_is_written_during_a_load_is_newer(box):
    def load():
        box.cache["a"] = "newer"
        return "older"

    assert box.get_or_set("a", load) == "older"
    assert box.get("a") == "newer"


@pytest.mark.parametrize("how", ["delete", "invalidate", "invalidate hard", "invalidate pattern", "clear", "del"])
def test_what_was_removed_during_its_load_is_returned_but_not_stored(box, how):
    def load():
        cache = box.cache
        if how == "delete":
            cache.delete("a")
        elif how == "invalidate":
            cache.invalidate(["a"])
        elif how == "invalidate hard":
            cache.invalidate(["a"], hard=True)
        elif how == "clear":
            cache.clear()
        elif how == "del":
            cache.pop("a", None)
        else:
            return pytest.skip("a pattern is matched with the keys that are there")
        return "older"

    assert box.get_or_set("a", load) == "older"
    assert box.get("a", MISSING) is MISSING
    assert box.get_or_set("a", "new") == "new"
    assert box.get("a") == "new"


def test_a_tag_that_was_invalidated_during_a_load_is_honoured(box):
    def load():
        box.cache.invalidate(tags=["x"])
        return "older"

    assert box.get_or_set("a", load, tags=["x", "y"]) == "older"
    assert box.get("a", MISSING) is MISSING
    assert box.get_or_set("b", load, tags=["y"]) == "older"
    assert box.get("b") == "older"


def test_a_cache_that_is_closed_during_a_load_loses_nobodys_value(box):
    def load():
        box.cache.close()
        return 5

    assert box.get_or_set("a", load) == 5
    assert box.cache.closed


@pytest.mark.parametrize("value", [None, 5])
def test_a_cache_that_is_closed_by_a_callback_loses_nobodys_value(box, value):
    box.cache.on("set", lambda event: box.cache.close())
    assert box.get_or_set("a", lambda: value) is value


def test_a_coroutine_function_is_awaited_not_called(make):
    cache = make()

    async def load():
        return 1

    with pytest.raises(TypeError, match="await aget_or_set"):
        cache.get_or_set("a", load)
    with pytest.raises(TypeError, match="coroutine function"):
        cache.get_or_set("a", lambda: load())  # noqa: PLW0108 - not seen to be a coroutine function
    assert asyncio.run(cache.aget_or_set("a", load)) == 1
    assert asyncio.run(cache.aget_or_set("b", lambda: load())) == 1  # noqa: PLW0108 - as above
    assert cache.get("a") == 1


def test_loads_are_counted(box):
    box.get_or_set("a", 1)
    box.get_or_set("a", 1)
    stats = box.cache.stats()
    assert (stats.load_count, stats.load_error_count, stats.coalesced_count) == (1, 0, 0)
    assert (stats.hit_count, stats.miss_count, stats.set_count) == (1, 1, 1)


def test_a_key_that_cannot_be_used_is_told_before_the_loader_runs(box):
    loader = Loader()
    with pytest.raises(TypeError, match="key"):
        box.get_or_set(object(), loader)
    assert loader.runs == 0


def test_keys_that_are_no_plain_builtins_are_loaded_once(box):
    loader = Loader()
    for _ in range(2):
        assert box.get_or_set([1, {"a": 2}], loader) == "loaded"
    assert loader.runs == 1
