"""Keys as text: every key has one text, every such text one key."""

import datetime as dt
import decimal
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache import Cache
from omnicache._manage.errors import InvalidInput
from omnicache._manage.keytext import key_of, path_text, text_of
from omnicache._omnicache import encode_key

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(),
    st.text(st.characters()),
    st.text(st.characters()).map("json:".__add__),
    st.text().map("key:".__add__),
    st.dates(),
    st.uuids(),
    st.decimals(allow_nan=False),
)
KEYS = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner).map(tuple), st.frozensets(inner, max_size=3)), max_leaves=8
)


@given(KEYS)
def test_a_key_comes_back_from_its_text(key: object):
    text = text_of(key)
    text.encode()
    assert encode_key(key_of(text)) == encode_key(key)
    assert text_of(key_of(text)) == text


@given(st.lists(KEYS, max_size=8))
def test_two_keys_have_two_texts(keys: list[object]):
    by_bytes = {encode_key(key): text_of(key) for key in keys}
    assert len(set(by_bytes.values())) == len(by_bytes)


@given(st.text(st.characters()).filter(lambda text: not text.startswith(("json:", "key:"))))
def test_text_stands_for_itself(text: str):
    assert key_of(text) == text


@given(st.one_of(st.text(st.characters()), st.sampled_from(["", ".", "..", "bulk"])))
def test_what_a_path_carries_is_the_same_key(text: str):
    try:
        key = key_of(text)
    except InvalidInput:
        return
    assert key_of(path_text(text)) == key
    assert path_text(text) not in {"", ".", "..", "bulk"}


@given(
    st.text().map("json:".__add__) | st.text().map("key:".__add__) | st.binary().map(lambda data: "key:" + data.hex())
)
def test_anything_after_a_prefix_is_a_key_or_refused(text: str):
    try:
        key = key_of(text)
    except InvalidInput:
        return
    encode_key(key)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("user:1", "user:1"),
        ("a/b c", "a/b c"),
        ("", ""),
        (1, "json:1"),
        (True, "json:true"),
        (None, "json:null"),
        (1.0, "json:1.0"),
        (("user", 1), 'json:["user",1]'),
        ((), "json:[]"),
        ("json:1", 'json:"json:1"'),
        ("naïve", "naïve"),
    ],
)
def test_texts_that_people_read(key: object, text: str):
    assert text_of(key) == text
    assert key_of(text) == key


@pytest.mark.parametrize("key", [b"x", frozenset({1}), dt.date(2026, 1, 1), uuid.uuid4(), decimal.Decimal(1)])
def test_what_json_lacks_is_addressed_all_the_same(key: object):
    with Cache("addressed") as cache:
        cache[key] = 1
        assert text_of(cache.keys()[0]).startswith("key:")
        assert cache[key_of(text_of(cache.keys()[0]))] == 1


def test_a_key_that_is_too_long_is_refused():
    with pytest.raises(InvalidInput, match="100001 characters"):
        key_of("x" * 100_001)


def test_the_deepest_key_has_a_text():
    key: object = 1
    for _ in range(63):
        key = (key,)
    assert key_of(text_of(key)) == key
