"""The load's context: what a loader learns, and what it may say of its value."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from omnicache import MISSING, Cache, CacheConfigError, LoadContext, ManualClock, cached
from tests.freshness.ways import Way


def test_it_knows_the_key_and_the_value_that_will_be_replaced(way: Callable[..., Way], clock: ManualClock):
    one = way(context=True, ttl=10, stale_on_error=100, tags=["t"])
    seen: list[Any] = []

    def end(ctx: LoadContext) -> str:
        seen.append((ctx.key, ctx.stale_value, "t" in ctx.tags))
        return f"value {len(seen)}"

    for _ in range(2):
        one.script.will(end)
        one.ask()
        clock.advance(20)
    assert seen == [(one.key, MISSING, True), (one.key, "value 1", True)]


def test_it_sets_the_life_of_the_value(way: Callable[..., Way]):
    one = way(context=True, ttl=10)
    for ttl, left in (("2m", 120), (None, None), (3, 3)):

        def end(ctx: LoadContext, ttl: Any = ttl, left: Any = left) -> str:
            ctx.ttl = ttl
            assert ctx.ttl == left
            return "value"

        one.script.will(end)
        one.ask()
        assert one.cache.ttl(one.key) == left
        one.cache.delete(one.key)


def test_a_life_that_cannot_be_is_named(way: Callable[..., Way]):
    one = way(context=True)

    def end(ctx: LoadContext) -> None:
        ctx.ttl = -1

    one.script.will(end)
    with pytest.raises(CacheConfigError, match=r"ctx\.ttl.*negative"):
        one.ask()


def test_it_changes_the_tags(way: Callable[..., Way]):
    one = way(context=True, tags=["a", "b"])

    def end(ctx: LoadContext) -> str:
        ctx.tags.add("c")
        ctx.tags.discard("a")
        return "value"

    one.script.will(end)
    one.ask()
    tags = set(one.cache.entry(one.key).tags)
    assert {"b", "c"} <= tags
    assert "a" not in tags


@pytest.mark.parametrize("tag", [3, ""])
def test_a_tag_that_cannot_be_is_an_error(way: Callable[..., Way], tag: Any):
    one = way(context=True)

    def end(ctx: LoadContext) -> str:
        ctx.tags.add(tag)
        return "value"

    one.script.will(end)
    with pytest.raises((TypeError, CacheConfigError), match="tag"):
        one.ask()
    assert one.stored is None


def test_it_keeps_a_value_out(way: Callable[..., Way]):
    one = way(context=True)

    def end(ctx: LoadContext) -> str:
        ctx.skip()
        return "value"

    one.script.will(end)
    assert one.ask() == "value"
    assert one.stored is None


def test_not_modified_renews_the_old_value(way: Callable[..., Way], clock: ManualClock):
    one = way(context=True, ttl=10, stale=100)
    one.script.will_bring("old")
    one.ask()
    clock.advance(20)
    one.script.will(lambda ctx: ctx.not_modified())
    assert one.ask() == "old"
    one.settle()
    assert one.cache.ttl(one.key) == 10
    assert len(one.script.runs) == 2


def test_not_modified_without_an_old_value_is_an_error(way: Callable[..., Way]):
    one = way(context=True)
    one.script.will(lambda ctx: ctx.not_modified())
    with pytest.raises(CacheConfigError, match="no old value"):
        one.ask()


def test_a_kept_error_is_no_old_value(way: Callable[..., Way], clock: ManualClock):
    one = way(context=True, errors={LookupError: 10}, ttl=10, stale_on_error=100)
    one.script.will_raise(LookupError("no"))
    with pytest.raises(LookupError):
        one.ask()
    clock.advance(10)
    one.script.will(lambda ctx: ctx.stale_value)
    assert one.ask() is MISSING


# --- who is given one ---


class Callable1:
    def __call__(self, ctx: LoadContext) -> Any:
        return ctx.key


class Methods:
    def with_context(self, ctx: LoadContext) -> Any:
        return ctx.key

    def without(self) -> str:
        return "none"

    @classmethod
    def of_class(cls, ctx: LoadContext) -> Any:
        return ctx.key


def plain(ctx: Any) -> Any:
    return ctx.key


@pytest.mark.parametrize(
    "loader",
    [
        plain,
        lambda ctx, /: ctx.key,
        lambda ctx, more=3: ctx.key,
        Callable1(),
        Methods().with_context,
        Methods.of_class,
        functools.partial(lambda more, ctx: ctx.key, 3),
        functools.wraps(plain)(functools.partial(plain)),
    ],
)
def test_a_loader_with_a_required_parameter_is_given_the_context(make: Callable[..., Cache], loader: Any):
    assert make().get_or_set("key", loader) == "key"


@pytest.mark.parametrize(
    ("loader", "value"),
    [
        (lambda: "none", "none"),
        (lambda value="default": value, "default"),
        (lambda *args: args, ()),
        (lambda **kwargs: kwargs, {}),
        (Methods().without, "none"),
        (functools.partial(lambda ctx: ctx, "bound"), "bound"),
        (dict, {}),
        (int, 0),
    ],
)
def test_any_other_loader_is_not(make: Callable[..., Cache], loader: Any, value: Any):
    assert make().get_or_set("key", loader) == value


def test_a_mock_is_a_loader(make: Callable[..., Cache]):
    loader = Mock(return_value=3)
    assert make().get_or_set("key", loader) == 3
    loader.assert_called_once_with()


# --- in every place of a signature ---


def first(ctx: LoadContext, a: int, b: int = 2) -> Any:
    return ctx, a, b


def middle(a: int, ctx: LoadContext, b: int = 2) -> Any:
    return ctx, a, b


def last(a: int, b: int, ctx: LoadContext) -> Any:
    return ctx, a, b


def positional(a: int, ctx: LoadContext, /, b: int = 2) -> Any:
    return ctx, a, b


def keyword(a: int, b: int = 2, *, ctx: LoadContext) -> Any:
    return ctx, a, b


def with_default(a: int, b: int = 2, ctx: "LoadContext" = None) -> Any:  # type: ignore[assignment]
    return ctx, a, b


def before_rest(a: int, ctx: LoadContext, *rest: int) -> Any:
    return ctx, a, rest[0]


def after_rest(a: int, *rest: int, ctx: LoadContext, **named: int) -> Any:
    return ctx, a, rest[0] if rest else named["b"]


PLACES = [first, middle, last, positional, keyword, with_default, before_rest, after_rest]


@pytest.mark.parametrize("function", PLACES, ids=lambda function: function.__name__)
@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("call", [lambda f: f(1, 2), lambda f: f(1, b=2), lambda f: f(a=1, b=2)])
def test_a_parameter_for_the_context_is_nothing_to_callers(function: Any, colour: str, call: Any):
    if colour == "async":

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        made: Any = cached(coroutine)
    else:
        made = cached(function)
    assert "ctx" not in made.__signature__.parameters if hasattr(made, "__signature__") else True
    try:
        call(made.key)
    except TypeError:
        pytest.skip("this signature takes no such call")
    got = asyncio.run(call(made)) if colour == "async" else call(made)
    context, a, b = got
    assert isinstance(context, LoadContext)
    assert context.key == call(made.key)
    assert (a, b) == (1, 2)
    assert made.cache_info().misses == 1


def test_callers_cannot_pass_it():
    made = cached(keyword)
    with pytest.raises(TypeError):
        made(1, ctx=3)


def test_a_method_may_have_one():
    class Owner:
        @cached
        def load(self, a: int, ctx: LoadContext) -> Any:
            return ctx.stale_value, a

    owner = Owner()
    assert owner.load(1) == (MISSING, 1)
    assert owner.load.refresh(1) == ((MISSING, 1), 1)
