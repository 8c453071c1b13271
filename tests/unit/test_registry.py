"""Names: taken once, free again when the cache is gone, whatever thread or process asks."""

import gc
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from omnicache import _registry
from omnicache._registry import Registry, check_name
from omnicache.exceptions import CacheConfigError, CacheExistsError, CacheNotFoundError


class Thing:
    """Stands for a cache."""


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_a_name_is_taken_once_in_each_namespace(registry: Registry):
    first, second = Thing(), Thing()
    registry.claim("a", "users", first)
    registry.claim("a", "users", first)
    registry.claim("b", "users", second)
    with pytest.raises(CacheExistsError, match=r"get_cache\('users', namespace='a'\) returns it"):
        registry.claim("a", "users", second)
    assert registry.find("a", "users") is first
    assert registry.find("b", "users") is second
    assert registry.find("a", "orders") is None


def test_a_released_name_is_free_but_only_its_owner_can_release_it(registry: Registry):
    first, second = Thing(), Thing()
    registry.claim("a", "users", first)
    assert not registry.release("a", "users", second)
    assert registry.release("a", "users", first)
    assert not registry.release("a", "users", first)
    registry.claim("a", "users", second)
    assert registry.find("a", "users") is second


def test_a_collected_cache_frees_its_name_and_leaves_nothing(registry: Registry):
    thing = Thing()
    thing.me = thing  # type: ignore[attr-defined]
    registry.claim("a", "users", thing)
    del thing
    gc.collect()
    assert registry._caches == {}
    successor = Thing()
    registry.claim("a", "users", successor)
    gc.collect()
    assert registry.find("a", "users") is successor


def test_the_living_are_listed_in_order(registry: Registry):
    things = {(space, name): Thing() for space in "ba" for name in "yx"}
    for (space, name), thing in things.items():
        registry.claim(space, name, thing)
    assert registry.live() == [things[key] for key in sorted(things)]
    assert registry.live("a") == [things["a", "x"], things["a", "y"]]
    assert registry.live("c") == []


def test_one_of_many_threads_wins(registry: Registry):
    winners: list[Thing] = []
    start = threading.Barrier(16)

    def claim() -> None:
        thing = Thing()
        start.wait()
        try:
            registry.claim("a", "users", thing)
        except CacheExistsError:
            return
        winners.append(thing)

    threads = [threading.Thread(target=claim) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert registry.find("a", "users") is winners[0]


def test_a_finalizer_may_release_while_the_lock_is_held(registry: Registry):
    class Closing:
        def __del__(self) -> None:
            registry.release("a", "other", self)
            registry.claim("a", "other", survivor)

    survivor = Thing()
    closing = Closing()
    closing.me = closing  # type: ignore[attr-defined]
    del closing
    with registry._lock:
        gc.collect()
    assert registry.find("a", "other") is survivor


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_inherits_the_names_though_another_thread_held_the_lock():
    thing = Thing()
    _registry.claim("fork", "users", thing)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            other = Thing()
            _registry.claim("fork", "churn", other)
            _registry.release("fork", "churn", other)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                try:
                    inherited = _registry.find("fork", "users") is thing
                    late = Thing()
                    _registry.claim("fork", "late", late)
                    os._exit(0 if inherited and _registry.live("fork")[-1] is thing else 1)
                finally:
                    os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
        _registry.release("fork", "users", thing)


@pytest.mark.parametrize("name", ["a", "users-2", "A_b", "0"])
def test_good_names_pass(name: str):
    assert check_name("cache name", name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\n", "a/b", "é", "\u0663", "a" * 100 + "!", "\ud800", None, 5, b"a"]
)
def test_bad_names_are_refused(name: object):
    with pytest.raises(CacheConfigError, match=r"^cache name: ") as caught:
        check_name("cache name", name)
    assert len(str(caught.value)) < 200
    str(caught.value).encode()


class StandIn:
    """What the public functions need of a cache."""

    def __init__(self, name: str, *, namespace: str, **options: object) -> None:
        self.name, self.namespace, self.options = name, namespace, options
        _registry.claim(namespace, name, self)

    def close(self) -> None:
        _registry.release(self.namespace, self.name, self)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The public functions over the stand-in, apart from the module that others use."""
    module = ModuleType("omnicache.cache")
    module.Cache = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "omnicache.cache", module)
    path = Path(_registry.__file__).with_name("registry.py")
    spec = importlib.util.spec_from_file_location("omnicache.registry_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    under_test = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(under_test)
    return under_test


def test_get_list_and_delete(public: ModuleType):
    users = public.get_cache("users", namespace="public", max_size=5)
    assert users.options == {"max_size": 5}
    assert public.get_cache("users", namespace="public", max_size=7) is users
    orders = public.get_cache("orders", namespace="public")
    assert public.list_caches("public") == [orders, users]
    assert {orders, users} <= set(public.list_caches())
    public.delete_cache("users", namespace="public")
    assert public.list_caches("public") == [orders]
    with pytest.raises(CacheNotFoundError, match="no cache 'users' in the namespace 'public'"):
        public.delete_cache("users", namespace="public")
    assert public.get_cache("users", namespace="public") is not users
    for wrong in ({"name": "a b"}, {"name": "a", "namespace": ""}):
        for function in (public.get_cache, public.delete_cache):
            with pytest.raises(CacheConfigError):
                function(**wrong)
    with pytest.raises(CacheConfigError):
        public.list_caches("a b")


def test_threads_that_get_one_name_share_one_cache(public: ModuleType):
    start = threading.Barrier(8)
    found: list[object] = []

    def get() -> None:
        start.wait()
        found.append(public.get_cache("shared", namespace="public"))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
