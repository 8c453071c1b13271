"""JSON from strangers is read exactly, or refused by one exception."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache._manage.errors import InvalidInput
from omnicache._manage.strictjson import loads

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_it_is(value: object):
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.one_of(st.binary(), st.text(st.characters()), st.text(alphabet='[]{}",:\\0123eEu+-. truefalsn')))
def test_anything_else_is_refused_by_one_exception(data: bytes | str):
    try:
        value = loads(data)
    except InvalidInput:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        ("[" * 65 + "]" * 65, "nested deeper"),
        ("NaN", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("1e999", "too large"),
        ("9" * 10_000, "digit"),
        ('{"a":1,"a":2}', "twice"),
        ('{"x":{"b":1,"b":1}}', "twice"),
        ('"\\ud800"', "surrogate"),
        ('{"\\uDFFF":1}', "surrogate"),
        (b"\xff", "UTF-8"),
        ("", "line 1"),
        ("{", "line 1"),
        ("[1,]", "line 1"),
        ("\x00", "line 1"),
    ],
)
def test_what_is_refused_says_why(text: str | bytes, words: str):
    with pytest.raises(InvalidInput, match=words):
        loads(text)


@pytest.mark.parametrize("text", ["[" * 64 + "]" * 64, '"' + "[" * 1000 + '"', '"\\"[[["', '["\\ud83d\\ude00"]'])
def test_what_only_looks_hostile_is_read(text: str):
    assert loads(text) == json.loads(text)
