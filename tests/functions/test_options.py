"""What may be cached, and with which options: all else is refused at decoration."""

import pytest

from omnicache import CacheConfigError, CacheStrategyError, CustomStrategy, LRUStrategy, SizeStrategy, cached


def generator():
    yield 1


async def async_generator():
    yield 1


@pytest.mark.parametrize("wrong", [generator, async_generator, staticmethod(len), classmethod(len), property(len), "x"])
def test_what_cannot_be_cached(wrong):
    with pytest.raises(CacheConfigError, match="@cached"):
        cached(wrong)


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": 0}, {"ttl": "soon"}, {"tags": "one"}, {"tags": [1]}, {"jitter": 2}, {"priority": -1}, {"idle": -1},
        {"cache": "x", "maxsize": 3}, {"cache": "x", "strategy": "lfu"}, {"cache": 5}, {"key": 5}, {"tags": 5},
        {"prefix": 5}, {"prefix": ""}, {"version": 1.5}, {"version": object()}, {"version": True},
    ],
)  # fmt: skip
def test_options_that_cannot_be_used(options):
    with pytest.raises(CacheConfigError, match="@cached"):
        cached(**options)(abs)


class Newest(CustomStrategy):
    def victims(self, candidates, need):
        return [entry.key for entry in candidates[-need:]]


@pytest.mark.parametrize(
    ("strategy", "maxsize"),
    [
        ("lfu", 1024), (LRUStrategy, 1024), ({"type": "lfu"}, 1024), (LRUStrategy(), 1024), (LRUStrategy(5), 5),
        ({"type": "lfu", "max_size": 7}, 7), (Newest(3), 3), (SizeStrategy("1MiB"), None),
    ],
)  # fmt: skip
def test_a_strategy_may_bring_its_own_limit(strategy, maxsize):
    assert cached(strategy=strategy)(abs).cache_parameters() == {"maxsize": maxsize, "typed": True}


def test_a_cache_of_no_entries():
    with pytest.raises(CacheStrategyError):
        cached(maxsize=0)(abs)
    with pytest.raises(TypeError):
        cached(max_size=1)
