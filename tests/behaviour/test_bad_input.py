"""Bad input is refused with an error that names what was wrong, and changes nothing."""

import math
import re
import sys
from fractions import Fraction

import pytest

from omnicache import (
    CacheConfigError,
    CacheError,
    CacheKeyError,
    CacheStrategyError,
    InvalidKeyError,
    LRUStrategy,
    SizeStrategy,
    TTLStrategy,
)
from tests.places import PLACES

NO_DURATIONS = [
    0, 0.0, -1, -0.5, math.nan, math.inf, -math.inf, True, False, "", "5", "5 parsecs", "1m1h", "-5s", "5s5s", b"5s",
    [5], {}, object(), 1e-12, 10**400, 1e300, "99999999999999999999s", 5j, "\ud800", Fraction(1, 2),
]  # fmt: skip
NO_LIMITS = [0, -1, 1.5, math.nan, math.inf, True, "5", "many", b"5", [5], object(), 10**400, -(10**400), 2**32]
NO_BYTES = [0, -1, 1.5, math.nan, True, "", "5", "5 bytes", "-5MiB", b"5MB", [5], 10**400, 2**61]
NO_FRACTIONS = [-0.1, 1.1, math.nan, math.inf, -math.inf, "0.5", True, [0.5], 10**400, 1j]


def show(value):
    return f"{type(value).__name__}-{str(value)[:12]!a}" if not isinstance(value, int) or value < 1000 else "huge"


@pytest.fixture(params=[(place, "lru") for place in PLACES], ids="-".join)
def setting(request):
    return request.param


@pytest.fixture
def box(placed, face):
    box = face(placed())
    box.set("there", 1)
    yield box
    assert dict(box.cache) == {"there": 1}
    assert box.ttl("there") is None


@pytest.mark.parametrize("ttl", NO_DURATIONS, ids=show)
def test_durations(box, make, ttl):
    for attempt in (
        lambda: box.set("there", 2, ttl),
        lambda: box.set("there", 2, ttl=ttl),
        lambda: box.set("there", 2, idle=ttl),
        lambda: box.set("there", 2, stale=ttl),
        lambda: box.add("new", 2, ttl),
        lambda: box.replace("there", 2, ttl),
        lambda: box.touch("there", ttl),
        lambda: box.incr("new", 1, ttl),
        lambda: box.get_or_set("new", 2, ttl),
        lambda: box.set_many({"new": 2}, ttl),
        lambda: box.warm({"new": 2}, ttl=ttl),
        lambda: box.cache.configure(default_ttl=ttl),
        lambda: box.cache.configure(default_idle=ttl),
        lambda: box.cache.configure(stale=ttl),
        lambda: make(default_ttl=ttl),
        lambda: make(default_idle=ttl),
        lambda: make(stale=ttl),
    ):
        with pytest.raises(CacheConfigError, match=r"(ttl|idle|stale): .+") as caught:
            attempt()
        assert len(str(caught.value)) < 400
    with pytest.raises(CacheStrategyError, match="default_ttl"):
        TTLStrategy(ttl)
    with pytest.raises(CacheStrategyError, match="cleanup_interval"):
        TTLStrategy(cleanup_interval=ttl)


@pytest.mark.parametrize("limit", NO_LIMITS, ids=show)
def test_numbers_of_entries(box, make, limit):
    for attempt in (
        lambda: make(max_size=limit),
        lambda: LRUStrategy(limit),
        lambda: box.cache.configure(max_size=limit),
    ):
        with pytest.raises(CacheStrategyError, match="max_size"):
            attempt()


@pytest.mark.parametrize("limit", NO_BYTES, ids=show)
def test_sizes(box, make, limit):
    for attempt in (
        lambda: make(max_bytes=limit),
        lambda: SizeStrategy(limit),
        lambda: box.cache.configure(max_bytes=limit),
    ):
        with pytest.raises(CacheStrategyError, match="max_bytes"):
            attempt()


@pytest.mark.parametrize("number", NO_FRACTIONS, ids=show)
def test_priorities_and_jitters(box, make, number):
    for attempt in (
        lambda: box.set("there", 2, priority=number),
        lambda: box.set("there", 2, jitter=number),
        lambda: box.add("new", 2, priority=number),
        lambda: box.get_or_set("new", 2, priority=number),
        lambda: make(jitter=number),
        lambda: box.cache.configure(jitter=number),
    ):
        with pytest.raises(CacheConfigError, match=r"(priority|jitter): a number from 0 to 1"):
            attempt()


@pytest.mark.parametrize(
    "wrong", ["", "lruu", "LRU cache", None, 5, object(), object, dict, {}, {"type": 5}, {"type": "lru", "x": 1}, []]
)
def test_strategies(box, make, wrong):
    with pytest.raises(CacheStrategyError):
        make(strategy=wrong)
    with pytest.raises(CacheStrategyError):
        box.cache.set_strategy(wrong)
    assert box.cache.strategy == LRUStrategy()


class Odd:
    """Nothing of it may run."""

    def __hash__(self):
        raise AssertionError("hashed")

    def __eq__(self, other):
        raise AssertionError("compared")

    def __repr__(self):
        raise AssertionError("shown")


class OddText(str):
    """A str that is not exactly one."""

    __slots__ = ()
    __hash__ = None

    def __eq__(self, other):
        raise AssertionError("compared")


LOOP: list = []
LOOP.append(LOOP)
IMPOSSIBLE = [
    (object(), "key is of type object"),
    (Odd(), r"key is of type .*\bOdd,"),
    ((1, [2, Odd()]), r"key\[1\]\[1\] is of type .*\bOdd,"),
    ({"a": {"b": Odd()}}, r'key\["a"\]\["b"\] is of type .*\bOdd,'),
    (lambda: 1, "lambda"),
    (LOOP, "key"),
    ([LOOP], "key"),
    (1j, "complex"),
    (iter([]), "key"),
    (sys, "module"),
    (NotImplemented, "key"),
    (..., "key"),
    (bytearray(b"x"), "bytearray"),
    (memoryview(b"x"), "memoryview"),
    (range(3), "range"),
    (slice(1), "slice"),
]


@pytest.mark.parametrize(("key", "message"), IMPOSSIBLE, ids=[type(key).__name__ for key, _ in IMPOSSIBLE])
def test_keys_that_cannot_be_used(box, key, message):
    cache = box.cache
    for attempt in (
        lambda: box.get(key),
        lambda: box.set(key, 1),
        lambda: box.add(key, 1),
        lambda: box.delete(key),
        lambda: box.pop(key, None),
        lambda: box.touch(key),
        lambda: box.ttl(key),
        lambda: box.incr(key),
        lambda: box.entry(key),
        lambda: box.get_or_set(key, 1),
        lambda: box.get_many([key]),
        lambda: box.set_many([(key, 1)]),
        lambda: box.delete_many([key]),
        lambda: box.invalidate([key]),
        lambda: cache[key],
        lambda: cache.__setitem__(key, 1),
        lambda: cache.__delitem__(key),
        lambda: key in cache,
    ):
        with pytest.raises(InvalidKeyError, match=message) as caught:
            attempt()
        assert isinstance(caught.value, CacheKeyError | TypeError)
        assert len(str(caught.value)) < 600


def test_keys_that_a_dict_refuses_work_by_value(placed, face):
    box = face(placed())
    keys = [[1, 2], {"a": [1]}, {1, 2}, [[]], [{}], [set()], ([1],)]
    for number, key in enumerate(keys):
        box.set(key, number)
    assert box.get([1, 2]) == 0
    assert box.get({"a": [1]}) == 1
    assert box.get({2, 1}) == 2
    assert box.get(([1],)) == 6
    assert box.get((1, 2)) is None
    assert box.get(frozenset({1, 2})) is None
    mutable = [1]
    box.set(mutable, "before")
    mutable.append(2)
    assert box.get([1]) == "before"
    assert len(box.cache) == 8


def test_huge_keys(placed, face):
    box = face(placed())
    deep = ()
    for _ in range(14):
        deep = (deep, 1)
    keys = ["x" * 10_000_000, b"y" * 10_000_000, 10**10_000, -(10**10_000), deep, tuple(range(100_000)), [1] * 10_000]
    for number, key in enumerate(keys):
        box.set(key, number)
        assert box.get(key) == number
    assert box.get("x" * 10_000_000) == 0
    assert box.get(10**10_000) == 2
    assert box.get(10**10_000 + 1) is None
    assert len(box.entries(pattern="xx*")) == 1
    assert len(box.cache.keys()) == len(keys)
    for key in keys:
        assert box.delete(key) is True


@pytest.mark.parametrize("depth", [17, 60, 500, 50_000])
@pytest.mark.parametrize("kind", [tuple, list, dict])
def test_deep_keys_work_or_are_refused(placed, face, depth, kind):
    box = face(placed())
    key = kind()
    for _ in range(depth):
        key = {"k": key} if kind is dict else kind([key])
    try:
        box.set(key, 1)
    except InvalidKeyError as error:
        assert depth > 17
        assert len(str(error)) < 1_000  # noqa: PT017
    else:
        assert box.get(key) == 1
        assert len(box.cache.keys()) == 1
        assert len(box.entries(pattern="*")) == 1
        assert depth < 50_000
    while key:  # from the outside, for its own destructor is recursive
        key = key["k"] if kind is dict else key[0]


def test_keys_with_surrogates(placed, face):
    box = face(placed())
    for number, key in enumerate(("\ud800", "a\udfffb", ("\ud800",), ["\ud800"], {"\ud800": 1})):
        box.set(key, number)
        assert box.get(key) == number
    assert len(box.keys()) == 5
    assert len(box.entries(pattern="*")) == 5
    assert [entry.key for entry in box.entries(pattern="a\udfff?")] == ["a\udfffb"]
    assert box.get("\ud801") is None
    assert box.get("?") is None
    assert box.get("\ufffd") is None


def test_keys_that_are_nearly_builtins(placed, face):
    class Number(int):
        __hash__ = None

    class Pair(tuple):
        __slots__ = ()
        __hash__ = None

    box = face(placed())
    for key in (OddText("a"), Number(5), Pair((1, 2))):
        try:
            box.set(key, "odd")
        except InvalidKeyError:
            continue
        assert box.get(key) == "odd"
    assert box.get("a") is None
    assert box.get(5) is None
    assert box.get((1, 2)) is None


@pytest.mark.parametrize("tags", ["one", b"one", 5, [5], [None], [b"x"], object()])
def test_tags(box, tags):
    for attempt in (
        lambda: box.set("there", 2, tags=tags),
        lambda: box.add("new", 2, tags=tags),
        lambda: box.get_or_set("new", 2, tags=tags),
        lambda: box.set_many({"new": 2}, tags=tags),
        lambda: box.clear(tags=tags),
        lambda: box.delete_many(tags=tags),
        lambda: box.invalidate(tags=tags),
        lambda: box.entries(tags=tags),
    ):
        with pytest.raises(TypeError, match="tag"):
            attempt()


def test_an_empty_tag(box):
    with pytest.raises(CacheConfigError, match="empty"):
        box.set("there", 2, tags=["a", ""])


@pytest.mark.parametrize("tag", ["\ud800", "a\udfff"])
def test_tags_that_could_not_be_told_apart(box, tag):
    for attempt in (lambda: box.set("there", 2, tags=[tag]), lambda: box.invalidate(tags=[tag])):
        with pytest.raises(CacheConfigError, match=r"tags: .*surrogate"):
            attempt()


@pytest.mark.parametrize("pattern", [5, b"a*", ["a*"], object()], ids=show)
def test_patterns(box, pattern):
    for attempt in (
        lambda: box.clear(pattern=pattern),
        lambda: box.delete_many(["there"], pattern=pattern),
        lambda: box.invalidate(["there"], pattern=pattern),
        lambda: box.entries(pattern=pattern),
    ):
        with pytest.raises(TypeError, match=f"pattern: a str such as .*, not {type(pattern).__name__}"):
            attempt()


def test_one_bad_condition_leaves_the_others_unused(box):
    for method in (box.delete_many, box.invalidate):
        for wrong in ({"tags": [5]}, {"tags": [""]}, {"pattern": 5}):
            with pytest.raises((TypeError, CacheConfigError)):
                method(["there"], **wrong)


@pytest.mark.parametrize("keys", [5, 1.5, object()], ids=show)
def test_keys_that_are_no_iterable(box, keys):
    for method in ("get_many", "delete_many", "invalidate"):
        with pytest.raises(TypeError, match=f"{method}: keys: an iterable of keys, not one {type(keys).__name__}"):
            getattr(box, method)(keys)


@pytest.mark.parametrize("pair", [(1,), (1, 2, 3), 5, None, "abc"], ids=repr)
def test_items_that_are_no_pairs(box, pair):
    for method in ("set_many", "warm"):
        with pytest.raises(
            (TypeError, ValueError), match=f"{method}: item 1 is no .* pair but {re.escape(repr(pair))}"
        ):
            getattr(box, method)([("there", 1), pair])
        with pytest.raises(TypeError, match=f"{method}: a mapping or an iterable"):
            getattr(box, method)(5)


@pytest.mark.parametrize("wrong", ["tll", "tag", "prioritty", "idel", "stael", "jiter", "nothing_like_it"])
def test_wrong_keywords_are_named_with_the_nearest(box, wrong):
    nearest = {
        "tll": "ttl",
        "tag": "tags",
        "prioritty": "priority",
        "idel": "idle",
        "stael": "stale",
        "jiter": "jitter",
    }
    for method in (box.set, box.add, box.replace, box.get_or_set):
        with pytest.raises(TypeError, match=f"'{wrong}'.*'{nearest.get(wrong, '')}"):
            method("new", 1, **{wrong: 5})
    with pytest.raises(TypeError, match=wrong):
        box.cache.configure(**{wrong: 5})


def test_arguments_that_are_missing_or_too_many(box):
    cache = box.cache
    for attempt in (
        cache.get,
        lambda: cache.set("there"),
        cache.set,
        lambda: cache.get("there", 1, 2),
        lambda: cache.set("there", 2, 5, 6),
        lambda: cache.get("there", other=1),
        cache.delete,
        lambda: cache.clear("there"),
        cache.get_many,
        lambda: cache.set_many(5),
        lambda: cache.get_many(5),
        lambda: cache.warm(5),
        lambda: cache.update(5),
    ):
        with pytest.raises(TypeError):
            attempt()


def test_the_native_base_is_not_for_itself():
    from omnicache import _omnicache

    with pytest.raises((TypeError, CacheError, AttributeError)):
        _omnicache.Core().set(object(), 1)
