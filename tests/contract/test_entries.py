"""Listing entries."""

from datetime import UTC, datetime, timedelta

import pytest

from omnicache import CacheConfigError, CacheEntry


@pytest.fixture
def cache(make):
    cache = make()
    for number in range(10):
        cache.set(f"user:{number}", number, tags=["user", f"even:{number % 2 == 0}"], ttl=60)
    cache.set("page:1", "page", tags=["page"])
    return cache


def test_all_entries_are_listed(cache):
    entries = cache.entries()
    assert len(entries) == 11
    assert all(isinstance(entry, CacheEntry) for entry in entries)
    assert {entry.key: entry.value for entry in entries} == dict(cache)


def test_by_pattern(cache):
    assert {entry.key for entry in cache.entries(pattern="user:[1-3]")} == {"user:1", "user:2", "user:3"}
    assert cache.entries(pattern="nothing") == []


def test_by_tags(cache):
    assert len(cache.entries(tags=["user"])) == 10
    assert len(cache.entries(tags=["page", "even:True"])) == 6
    assert cache.entries(tags=["nobody"]) == []
    assert cache.entries(tags=[]) == []


def test_by_both(cache):
    found = cache.entries(pattern="*[12]", tags=["even:True", "page"])
    assert {entry.key for entry in found} == {"user:2", "page:1"}


def test_up_to_a_limit(cache):
    assert len(cache.entries(limit=3)) == 3
    assert len(cache.entries(limit=0)) == 0
    assert len(cache.entries(limit=10**30)) == 11
    assert len(cache.entries(pattern="user:*", limit=4)) == 4


@pytest.mark.parametrize("limit", [-1, 1.5, "5", True])
def test_a_limit_is_a_whole_number(cache, limit):
    with pytest.raises(CacheConfigError, match="limit"):
        cache.entries(limit=limit)


@pytest.mark.parametrize("wrong", [{"pattern": 5}, {"pattern": b"*"}, {"tags": "user"}, {"tags": 5}, {"tags": [5]}])
def test_wrong_conditions_are_refused(cache, wrong):
    for method in (cache.entries, cache.clear, cache.delete_many, cache.invalidate):
        with pytest.raises(TypeError):
            method(**wrong)
    assert len(cache) == 11


def test_what_an_entry_says(cache):
    now = datetime.now(UTC)
    entry = cache.entry("user:4")
    assert (entry.key, entry.value, entry.hits, entry.ttl, entry.priority) == ("user:4", 4, 0, 60.0, 0.5)
    assert set(entry.tags) == {"user", "even:True"}
    assert abs(entry.created_at - now) < timedelta(seconds=10)
    assert entry.created_at == entry.updated_at
    assert timedelta(seconds=50) < entry.expires_at - now < timedelta(seconds=70)
    assert cache.entry("page:1").expires_at is None
    with pytest.raises(AttributeError):
        entry.value = 5


def test_entries_are_snapshots(cache):
    entry = cache.entry("page:1")
    cache["page:1"] = "new"
    del cache["user:1"]
    assert entry.value == "page"
    assert cache.entry("page:1").version > entry.version


def test_listing_counts_no_read_and_changes_no_order(make):
    cache = make(max_size=3)
    cache.update({"a": 1, "b": 2, "c": 3})
    cache.entries()
    cache.entry("a")
    cache["d"] = 4
    assert "a" not in cache
    assert cache.stats().hit_count == 0
