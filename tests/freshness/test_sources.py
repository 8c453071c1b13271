"""Where options come from, how they are checked, and the tags that are made of arguments."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from omnicache import MISSING, Cache, CacheConfigError, ManualClock, Options, Timeout, cached
from tests.freshness.ways import until

# --- where options come from ---


def test_a_call_goes_before_the_function_before_the_cache_before_the_library(make: Callable[..., Cache]):
    cache = make(default_ttl=1000, options=Options(stale=7, refresh_at=0.5), stale_on_error=9, jitter=0)
    assert cache._options.stale == 7
    assert cache._options.stale_on_error == 9
    assert cache._options.retry_after == 5
    cache.get_or_set("cache", lambda: 1)
    cache.get_or_set("call", lambda: 1, 5)
    cache.get_or_set("bundle", lambda: 1, options=Options(ttl=6))
    cache.get_or_set("field", lambda: 1, options=Options(ttl=6), ttl=8)

    @cache.cached(ttl=30)
    def function() -> int:
        return 1

    function()
    lives = [cache.ttl(key) for key in ("cache", "call", "bundle", "field", function.key())]
    assert [round(left) for left in lives] == [1000, 5, 6, 8, 30]


def test_the_caches_tags_are_those_of_its_functions_unless_they_have_some(make: Callable[..., Cache]):
    cache = make(tags=["all"])

    @cache.cached
    def plain() -> int:
        return 1

    @cache.cached(tags=["own"])
    def tagged() -> int:
        return 1

    plain(), tagged(), plain.put(3)
    assert "all" in cache.entry(plain.key()).tags
    assert "own" in cache.entry(tagged.key()).tags
    assert "all" not in cache.entry(tagged.key()).tags
    cache.invalidate(tags=["all"])
    assert plain.peek() is MISSING
    assert tagged.peek() == 1


def test_configure_changes_how_loads_behave(make: Callable[..., Cache], clock: ManualClock):
    cache = make(default_ttl=10, clock=clock)
    cache.configure(stale_on_error=100)
    cache.get_or_set("a", lambda: "old")
    clock.advance(20)
    assert cache.get_or_set("a", lambda: 1 / 0) == "old"
    with pytest.raises(CacheConfigError, match="timeout"):
        cache.configure(timeout="soon", ttl=3)
    assert cache.default_ttl == 10


def test_plain_writes_take_their_life_from_the_cache_field_by_field(make: Callable[..., Cache], clock: ManualClock):
    cache = make(stale_on_error=100, refresh_at=0.5, clock=clock)
    cache.set("a", "old", ttl=10, stale=1)
    clock.advance(50)
    assert cache.get_or_set("a", lambda: 1 / 0) == "old", "a write's own stale= leaves the cache's stale_on_error="
    cache.set("b", "old", ttl=10, tags=["t"])
    clock.advance(5)
    assert cache.get_or_set("b", lambda: "new") == "old"
    until(lambda: cache.get("b") == "new")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"stale": 0}, ["stale", "None"]),
        ({"ttl": "5"}, ["ttl", '"5s"']),
        ({"refresh_at": 1}, ["refresh_at", "between 0 and 1", '"auto"']),
        ({"refresh_at": "often"}, ["refresh_at", '"auto"']),
        ({"timeout": -1}, ["timeout", "negative"]),
        ({"jitter": 2}, ["jitter", "from 0 to 1"]),
        ({"priority": True}, ["priority", "from 0 to 1"]),
        ({"store_if": 3}, ["store_if", "a function"]),
        ({"errors": 3}, ["errors", "exception types"]),
        ({"errors": {int: 3}}, ["errors", "int"]),
        ({"errors": {LookupError: 0}}, ["errors", "LookupError"]),
        ({"copy": "shalow"}, ["copy", '"shallow"']),
        ({"tags": [""]}, ["tags", "empty"]),
    ],
)
def test_what_cannot_be_used_is_named(given: dict[str, Any], words: list[str]):
    for build in (lambda: Options(**given), lambda: Cache("refused", **given), lambda: cached(**given)):
        with pytest.raises(CacheConfigError) as caught:
            build()
        assert all(word in str(caught.value) for word in words), caught.value
    with Cache("refuses") as cache:
        cache["a"] = 1
        with pytest.raises(CacheConfigError):
            cache.get_or_set("b", lambda: 1, **given)


@pytest.mark.parametrize("name", ["stael", "stale_on_eror", "refresh", "time_out", "tll"])
def test_an_unknown_option_is_named_with_the_nearest(name: str):
    with pytest.raises(TypeError, match="nearest"):
        cached(**{name: 1})
    with pytest.raises(TypeError, match="nearest"):
        Cache("unknown", **{name: 1})
    with Cache("knows") as cache, pytest.raises(TypeError, match="nearest"):
        cache.get_or_set("a", lambda: 1, **{name: 1})


def test_a_timeout_is_checked():
    assert Timeout(soft="50ms", hard=timedelta(seconds=2)) == Timeout(soft=0.05, hard=2.0)
    with pytest.raises(CacheConfigError, match="shorter"):
        Timeout(soft=2, hard=1)
    assert Options(timeout="2s").timeout == Timeout(hard=2)
    assert Options(timeout=None).timeout == Timeout()


def test_a_function_for_tags_is_for_functions():
    with pytest.raises(CacheConfigError, match="arguments"):
        Cache("tagged", tags=lambda: ["a"])
    with Cache("tags") as cache, pytest.raises(CacheConfigError, match="arguments"):
        cache.get_or_set("a", lambda: 1, tags=lambda: ["a"])
    with pytest.raises(TypeError, match="one str"):
        Options(tags="abc")


# --- tags of functions ---


def test_tags_are_made_from_the_arguments():
    @cached(tags=lambda number, *, kind="x": [f"{kind}:{number}"])
    def other(number: int, *, kind: str = "x") -> int:
        return number

    class User:
        name = "ada"

    user = User()
    made = cached(key=lambda user, team="red": (user.name, team), tags=["user:{user.name}", "team:{team}", "users"])(
        lambda user, team="red": user.name
    )
    made(user)
    assert set(made.cache.entry(made.key(user)).tags) == {"users", "user:ada", "team:red"}
    made.put("bob", user, "blue")
    assert set(made.cache.entry(made.key(user, team="blue")).tags) == {"users", "user:ada", "team:blue"}
    other(3), other(3, kind="y")
    assert other.cache.entry(other.key(3)).tags == ("x:3",)
    other.cache.invalidate(tags=["x:3"])
    assert other.peek(3) is MISSING
    assert other.peek(3, kind="y") == 3


@pytest.mark.parametrize("template", ["user:{usr}", "user:{}", "user:{0}", "user:{user"])
def test_a_template_that_fits_no_parameter_is_refused_at_decoration(template: str):
    with pytest.raises(CacheConfigError, match="tags"):

        @cached(tags=[template])
        def load(user: int) -> int:
            return user
