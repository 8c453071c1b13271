"""Listing caches."""

import pytest

from omnicache import Cache, CacheConfigError, get_cache, list_caches


def test_caches_are_listed_in_the_order_of_their_names():
    caches = [Cache("b"), Cache("a"), Cache("c", namespace="other")]
    assert list_caches() == [caches[1], caches[0], caches[2]]
    assert list_caches("other") == [caches[2]]
    assert list_caches("default") == [caches[1], caches[0]]
    assert list_caches("nowhere") == []


def test_closed_and_collected_caches_are_not_listed():
    kept, closed = Cache("kept"), Cache("closed")
    Cache("collected")
    closed.close()
    assert list_caches() == [kept]


def test_a_listing_is_a_snapshot():
    Cache("a").close()
    cache = get_cache("a")
    listing = list_caches()
    listing.clear()
    assert list_caches() == [cache]


def test_what_no_registry_knows_is_not_listed():
    cache = Cache._anonymous("private")
    assert list_caches() == []
    cache.close()


@pytest.mark.parametrize("namespace", ["a b", "", 5])
def test_a_namespace_has_a_good_name(namespace):
    with pytest.raises(CacheConfigError):
        list_caches(namespace)


def test_many_caches():
    caches = [Cache(f"n{number:04}", namespace=f"s{number % 7}") for number in range(500)]
    assert len(list_caches()) == 500
    assert list_caches("s3") == caches[3::7]
    for cache in caches:
        cache["a"] = cache.name
    assert all(cache["a"] == cache.name for cache in caches)
