"""Making caches: names, namespaces, configuration; a name is free again when its cache is gone."""

import gc
import inspect
import threading

import pytest

import omnicache
from omnicache import (
    Cache,
    CacheConfigError,
    CacheError,
    CacheExistsError,
    CacheNotFoundError,
    CacheStrategyError,
    LRUStrategy,
    ManualClock,
    MemoryBackend,
    TTLStrategy,
    delete_cache,
    get_cache,
    list_caches,
)


def test_a_name_is_enough():
    cache = Cache("users")
    assert (cache.name, cache.namespace, cache.strategy.name) == ("users", "default", "lru")
    assert (cache.max_size, cache.max_bytes, cache.default_ttl) == (None, None, None)
    assert cache.status == "active"


@pytest.mark.parametrize("name", ["a", "users-2", "A_b", "0", "a" * 500])
def test_good_names(name):
    assert Cache(name, namespace=name).name == name


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a:b", "é", "a\n", "\ud800", None, 5, b"a", ["a"]])
def test_bad_names(name):
    with pytest.raises(CacheConfigError, match="cache name"):
        Cache(name)
    with pytest.raises(CacheConfigError, match="namespace"):
        Cache("users", namespace=name)
    assert list_caches() == []


def test_a_name_is_taken_once_in_its_namespace():
    first = Cache("users")
    with pytest.raises(CacheExistsError, match=r"'users'.*'default'"):
        Cache("users")
    with pytest.raises(CacheError):
        Cache.from_config("users", {})
    assert Cache("users", namespace="other") is not first
    assert first.get("still usable", 1) == 1


def test_a_closed_cache_frees_its_name():
    with Cache("users"):
        pass
    Cache("users").close()
    Cache("users").close()


def test_a_collected_cache_frees_its_name():
    cache = Cache("users")
    cache["a"] = 1
    del cache
    assert list_caches() == []
    cache = Cache("users")
    cache["self"] = cache
    del cache
    gc.collect()
    Cache("users")


def test_a_cache_that_could_not_be_made_takes_no_name():
    for wrong in ({"max_size": 0}, {"jitter": 2}, {"copy": "x"}, {"strategy": "x"}, {"default_ttl": -1}):
        with pytest.raises(CacheError):
            Cache("users", **wrong)
    assert list_caches() == []
    Cache("users")


def test_closing_the_old_does_not_free_the_new():
    old = Cache("users")
    old.close()
    new = Cache("users")
    old.close()
    assert get_cache("users") is new


def test_get_cache_gets_or_makes():
    users = get_cache("users", max_size=5)
    assert users.max_size == 5
    assert get_cache("users") is users
    assert get_cache("users", max_size=9).max_size == 5
    assert get_cache("users", namespace="other") is not users
    made = Cache("orders")
    assert get_cache("orders") is made
    users.close()
    assert get_cache("users") is not users


def test_many_threads_get_one_cache():
    start, found = threading.Barrier(16), []

    def get():
        start.wait()
        found.append(get_cache("shared"))

    threads = [threading.Thread(target=get) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


def test_of_many_threads_one_makes_the_cache():
    start, made, refused = threading.Barrier(16), [], []

    def make():
        start.wait()
        try:
            made.append(Cache("shared"))
        except CacheExistsError:
            refused.append(1)

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 15)


def test_delete_cache_closes_and_frees():
    cache = Cache("users")
    cache["a"] = 1
    delete_cache("users")
    assert cache.closed
    with pytest.raises(CacheNotFoundError, match="no cache 'users'"):
        delete_cache("users")
    with pytest.raises(LookupError):
        delete_cache("users", namespace="nowhere")
    with pytest.raises(CacheConfigError):
        delete_cache("a b")


def test_everything_can_be_configured():
    cache = Cache.from_config(
        "users",
        {
            "strategy": {"type": "ttl", "default_ttl": "5m", "max_size": 50},
            "namespace": "tenant",
            "max_bytes": "1MiB",
            "default_idle": 60,
            "stale": "1h",
            "jitter": 0.1,
            "copy": "deep",
            "backend": "memory",
        },
    )
    assert cache.strategy == TTLStrategy("5m", 50, max_bytes="1MiB")
    assert (cache.namespace, cache.default_ttl) == ("tenant", 300.0)
    assert Cache.from_config({"name": "other", "max_size": 5}).name == "other"
    assert Cache.from_config("empty", {}).strategy.name == "lru"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_sise": 5}, 'no key "max_sise"; did you mean "max_size"'),
        ({"strategi": "lru"}, 'did you mean "strategy"'),
        ({"default-ttl": 5}, 'did you mean "default_ttl"'),
        ({"strategy": {"type": "lru", "max_sise": 5}}, 'did you mean "max_size"'),
        ({"strategy": "lruu"}, "lru"),
        ({"strategy": {"max_size": 5}}, "type"),
        ({"max_size": 0}, "max_size"),
        ({"max_size": "many"}, "max_size"),
        ({"default_ttl": "5 parsecs"}, "default_ttl"),
        ({"default_ttl": 0}, "default_ttl"),
        ({"jitter": 1.5}, "jitter"),
        ({"copy": "dep"}, "copy"),
        ({"namespace": "a b"}, "namespace"),
        ({"backend": "redis"}, "backend"),
        ({5: 6}, "."),
        ([], "no dict"),
        (None, "."),
        ("lru", "no dict"),
    ],
)
def test_a_wrong_configuration_is_named(config, message):
    with pytest.raises(CacheError, match=message):
        Cache.from_config("users", config) if config is not None else Cache.from_config({"max_size": 5})
    assert list_caches() == []


def test_backends_and_clocks():
    assert isinstance(Cache("a", backend="memory").backend, MemoryBackend)
    assert isinstance(Cache("b", backend=MemoryBackend()).backend, MemoryBackend)
    for wrong in ("mongo://localhost", 5):
        with pytest.raises(CacheConfigError, match="backend"):
            Cache("c", backend=wrong)
    clock = ManualClock()
    cache = Cache("d", clock=clock, default_ttl=5)
    cache["a"] = 1
    clock.advance(5)
    assert "a" not in cache
    with pytest.raises(TypeError, match="clock"):
        Cache("e", clock=5)


def test_limits_beside_a_strategy():
    assert Cache("a", strategy="lfu", max_size=5).strategy.max_size == 5
    assert Cache("b", strategy=LRUStrategy, max_size=5).max_size == 5
    assert Cache("c", strategy=LRUStrategy(5), max_size=5).max_size == 5
    with pytest.raises(CacheStrategyError, match="max_size: given twice"):
        Cache("d", strategy=LRUStrategy(5), max_size=6)


def test_a_cache_is_made_once():
    cache = Cache("first")
    cache["a"] = 1
    for name in ("first", "second"):
        with pytest.raises(CacheConfigError, match="'first' is made already"):
            cache.__init__(name)
    assert list_caches() == [cache]
    assert (cache.name, cache["a"]) == ("first", 1)


LOCAL = {"lifespan", "response"} | {
    "on",
    "off",
    "using",
    "cached",
    "configure",
    "set_strategy",
    "stats",
    "reset_stats",
    "from_config",
}
"""What is only local bookkeeping, and never has to wait; the first two come with the integrations, if they are used."""


def test_every_operation_has_a_twin_with_its_parameters():
    names = {name for name, method in inspect.getmembers(Cache, callable) if not name.startswith("_")}
    twins = {name for name in names if name[0] == "a" and name[1:] in names}
    assert names - twins - LOCAL == {name[1:] for name in twins}
    for name in twins:
        twin, plain = getattr(Cache, name), getattr(Cache, name[1:])
        assert inspect.iscoroutinefunction(twin)
        assert list(inspect.signature(twin).parameters)[:2] == list(inspect.signature(plain).parameters)[:2]
        assert twin.__doc__.startswith(f"As :meth:`Cache.{name[1:]}`")


def test_a_wrong_argument_is_named():
    with pytest.raises(TypeError, match="max_sze"):
        Cache("a", max_sze=5)
    with pytest.raises(TypeError, match="name"):
        Cache()
    assert list_caches() == []


def test_every_public_name_is_there():
    for name in set(omnicache.__all__) - {"DEFAULT", "MISSING"}:
        assert getattr(omnicache, name).__doc__
