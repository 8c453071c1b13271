"""JSON: what comes back is what went in, or it is an error; with `lossy` it is what `json` itself does."""

import enum
import json
import math
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache.exceptions import CacheSerializationError
from omnicache.serializers import Json
from tests.serializers.strategies import exact, values

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
any_texts = st.text(st.characters(codec=None, categories=None), max_size=10)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
numbers |= st.sampled_from([0, -0.0, 0.0, 2**63 - 1, 2**63, 10**30, -(10**30), 1e16, 1e22, 1e300, 9.3e18, 5e-324])
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    __slots__ = ()


Point = namedtuple("Point", "x y")  # noqa: PYI024 - its parts may be anything
keys = any_texts | st.integers() | st.floats() | st.booleans() | st.none() | st.sampled_from([Level.LOW, Word("w")])
loose = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_texts | st.sampled_from([Level.LOW, Word("w")]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.builds(Point, inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=12,
)


@given(plain)
def test_what_went_in_comes_back(value: object) -> None:
    data = Json().dumps(value)
    assert exact(Json().loads(data)) == exact(value)
    assert exact(json.loads(data)) == exact(value)


@given(values)
def test_anything_comes_back_or_is_an_error(value: object) -> None:
    try:
        data = Json().dumps(value)
    except CacheSerializationError:
        return
    assert exact(Json().loads(data)) == exact(value)


@given(loose)
def test_lossy_is_what_the_standard_library_does(value: object) -> None:
    data = Json(lossy=True).dumps(value)
    expected = json.loads(json.dumps(value))
    assert exact(Json().loads(data)) == exact(expected)
    assert exact(json.loads(data)) == exact(expected)


@given(st.binary(max_size=60) | texts.map(str.encode) | plain.map(lambda value: json.dumps(value, indent=1).encode()))
def test_reading_is_what_the_standard_library_does(data: bytes) -> None:
    try:
        expected = json.loads(data)
    except (ValueError, RecursionError):
        with pytest.raises(CacheSerializationError, match="that the json serializer wrote"):
            Json().loads(data)
    else:
        assert exact(Json().loads(data)) == exact(expected)


@pytest.mark.parametrize(
    "text",
    [
        "-0", "-0.0", "1e400", "-1e400", "NaN", "[Infinity]", "1" * 400,
        "18446744073709551616", "9223372036854775808.0",
        '{"a":1,"b":2,"a":3}', '"\\ud800"', '"\\ud83d\\ude00"', "0.1e-7", "123456789.123456789e-5",
        "[" * 150 + "]" * 150,
        " [1] ", "[1]]", "[1,]", "01", "'a'", "", "\ufeff1", '{"a"}', "{1:2}", "1.7976931348623157e308", "1E5",
    ],
)  # fmt: skip
def test_corners(text: str) -> None:
    data = text.encode()
    try:
        expected = json.loads(data)
    except ValueError:
        with pytest.raises(CacheSerializationError):
            Json().loads(data)
    else:
        assert exact(Json().loads(data)) == exact(expected)


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ({"a": [1, (2,)]}, '["a"][1]', "would come back as a list"),
        ([math.nan], "[0]", "is NaN, which JSON has no word for"),
        ([-math.inf], "[0]", "is -Infinity"),
        ({"a": {1: 2}}, '["a"].keys()', "holds a key of type int"),
        ({"a": {(1, 2): 2}}, '["a"].keys()', "or the native serializer"),
        ([Level.LOW], "[0]", "plain int"),
        ([Word("w")], "[0]", "plain str"),
        ([Point(1, 2)], "[0]", "would come back as a list"),
        (OrderedDict(), "", "plain dict"),
        ([b"x"], "[0]", "is of type bytes, which the json serializer cannot write"),
        ({"x": {1, 2}}, '["x"]', "is of type set"),
        (["\ud800"], "[0]", "lone surrogate"),
        ({"\ud800": 1}, ".keys()", "lone surrogate"),
        ([1 << 20_000], "[0]", "more than 4,300 digits"),
    ],
)
def test_what_would_be_lost_is_an_error(value: Any, path: str, said: str) -> None:
    with pytest.raises(CacheSerializationError) as caught:
        Json().dumps(value)
    assert caught.value.path == path
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [[b"x"], {(1, 2): 3}, {b"k": 1}, [{1}], 1j, [1 << 20_000]])
def test_what_has_no_json_at_all(value: Any) -> None:
    with pytest.raises(CacheSerializationError):
        Json(lossy=True).dumps(value)


def test_the_longest_int() -> None:
    for number in (10**4299, 1 << 14_283, -(1 << 14_283)):
        assert Json().loads(Json().dumps(number)) == number


def test_what_it_says_of_itself() -> None:
    assert (Json().name, Json().code, Json().fingerprint) == ("json", 2, None)
    assert repr(Json(lossy=True)) == "Json(lossy=True)"
    assert Json().dumps({"ü": [True, None]}) == '{"ü":[true,null]}'.encode()
