"""Namespaces share nothing."""

import threading

from omnicache import Cache, delete_cache, get_cache, list_caches


def test_the_same_names_and_keys_in_two_namespaces():
    one, two = Cache("users", namespace="one"), Cache("users", namespace="two")
    one.set("a", 1, tags=["x"])
    two.set("a", 2, tags=["x"])
    assert (one["a"], two["a"]) == (1, 2)
    one.invalidate(tags=["x"])
    assert "a" not in one
    assert two["a"] == 2
    one["a"] = 3
    assert one.clear() == 1
    assert two["a"] == 2
    assert one.stats().delete_count == 1
    assert two.stats().delete_count == 0
    assert get_cache("users", namespace="two") is two
    delete_cache("users", namespace="one")
    assert two["a"] == 2
    assert list_caches("one") == []


def test_every_way_to_remove_touches_only_its_own():
    tenants = [get_cache("data", namespace=f"tenant-{number}", max_size=100) for number in range(10)]
    for cache in tenants:
        for key in range(50):
            cache.set(f"k:{key}", cache.namespace, tags=["all"])
    tenants[0].clear()
    tenants[1].clear(tags=["all"])
    tenants[2].clear(pattern="k:*")
    tenants[3].delete_many(pattern="*")
    tenants[4].invalidate(tags=["all"], hard=True)
    tenants[5].configure(max_size=1)
    tenants[6].close()
    tenants[7].set_strategy("tinylfu")
    assert [len(cache) for cache in tenants] == [0, 0, 0, 0, 0, 1, 0, 50, 50, 50]
    assert all(value == cache.namespace for cache in tenants[:6] + tenants[7:] for value in cache.values())


def test_tenants_on_threads_do_not_meet():
    problems = []

    def work(tenant):
        with Cache("data", namespace=f"t{tenant}", max_size=50) as cache:
            for turn in range(2_000):
                cache[turn % 70] = (tenant, turn)
                value = cache.get((turn * 7) % 70)
                if value is not None and value[0] != tenant:
                    problems.append(value)
                if turn % 500 == 499:
                    cache.clear()

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list_caches() == []
