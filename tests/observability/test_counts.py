"""What a cache counts only grows, whatever happens while it is asked: else graphs of it would jump."""

import pytest

from omnicache import CacheBackendError, FileSystemBackend, StoreBackend

GROW = ("hit_count", "miss_count", "set_count", "delete_count", "eviction_count", "expiration_count")


class Store(StoreBackend):
    """A store in a dict, which calls `meanwhile` whenever it is listed, and fails while it is `down`."""

    def __init__(self):
        self.data, self.down, self.meanwhile = {}, False, lambda: None

    def _up(self):
        if self.down:
            raise OSError("down")

    def get(self, key):
        self._up()
        return self.data.get(key)

    def set(self, key, data, ttl):
        self._up()
        self.data[key] = data

    def delete(self, key):
        self._up()
        return self.data.pop(key, None) is not None

    def scan(self, prefix):
        self._up()
        self.meanwhile()
        return [key for key in self.data if key.startswith(prefix)]


@pytest.fixture
def store():
    return Store()


def test_reads_while_a_store_is_asked_are_no_fewer_misses(make, store):
    cache = make(backend=store)
    cache["a"] = 1
    for _ in range(5):
        cache.get("nothing")
    before = cache.stats()
    store.meanwhile = lambda: [cache.get("a") for _ in range(50)]
    during = cache.stats()
    store.meanwhile = lambda: None
    after = cache.stats()
    assert before.miss_count == during.miss_count == after.miss_count == 5
    assert after.hit_count == 50


def test_counts_stay_while_a_store_is_down(make, tmp_path):
    cache = make(backend=FileSystemBackend(tmp_path), max_size=2)
    cache.update((number, number) for number in range(10))
    before = cache.stats()
    assert before.eviction_count == 8

    def fail(*_):
        raise CacheBackendError("down")

    cache._port.primary.stats = cache._port.primary.count = fail
    during = cache.stats()
    assert during.error_count > 0
    assert all(getattr(during, name) >= getattr(before, name) for name in GROW)


def test_resetting_begins_anew(make, store):
    cache = make(backend=store)
    cache.get("nothing")
    assert cache.stats().miss_count == 1
    cache.reset_stats()
    assert cache.stats().miss_count == 0
