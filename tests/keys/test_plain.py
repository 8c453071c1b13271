"""Plain keys: the engine's hash and equality say exactly what the canonical bytes say."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings

from omnicache import _omnicache as native
from tests.keys.strategies import Color, Hostile, Point, Text, plain


@settings(max_examples=600)
@given(plain, plain)
def test_the_two_views_agree(a: object, b: object) -> None:
    same = native._plain_same(a, b)
    assert same == (native.encode_key(a) == native.encode_key(b))
    if same:
        assert native._plain_hash(a) == native._plain_hash(b)


def copy(key: object) -> object:
    """An equal key that shares no object with it, where Python lets us."""
    if type(key) is tuple:
        return tuple([copy(item) for item in key])
    if type(key) is str:
        return "".join(list(key)) if len(key) > 1 else key
    if type(key) is bytes:
        return bytes(bytearray(key))
    if type(key) is float:
        return -key if key == 0 or math.isnan(key) else key * 1.0
    if type(key) is int:
        return key + 2**100 - 2**100
    return key


@given(plain)
def test_a_copy_is_the_same_key(key: object) -> None:
    other = copy(key)
    assert native._plain_same(key, other)
    assert native._plain_hash(key) == native._plain_hash(other)
    assert native.encode_key(key) == native.encode_key(other)


@given(plain, plain)
def test_a_call_is_hashed_without_its_tuple(a: object, b: object) -> None:
    assert native._plain_fold(a) == native._plain_hash((a,))
    assert native._plain_fold("m:f", a, b) == native._plain_hash(("m:f", a, b))


def test_types_are_told_apart() -> None:
    keys = [1, 1.0, True, "1", b"1", (1,), None, 0, 0.0, False, "", b"", (), ((),)]
    for a in keys:
        assert [b for b in keys if native._plain_same(a, b)] == [a]
    assert len({native._plain_hash(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "key",
    [Text("a"), Color.RED, Point(1, 2), [1], {}, {1}, object(), 1j, (1, [2]), bytearray(b"a"), int, Hostile("a")],
    ids=lambda key: type(key).__name__,
)
def test_everything_else_is_not_plain(key: object) -> None:
    assert native._plain_hash(key) is None
    assert native._plain_hash((1, key)) is None
    assert not native._plain_same(key, key)


def test_depth_has_a_limit() -> None:
    key: object = 1
    for _ in range(16):
        key = (key,)
    assert native._plain_hash(key) is not None
    assert native._plain_hash((key,)) is None


def test_hashes_are_spread() -> None:
    for keys in (
        [f"user:{n}" for n in range(100_000)],
        list(range(-50_000, 50_000)),
        [n << 32 for n in range(100_000)],
        [n / 8 for n in range(100_000)],
        [("m:f", n % 300, n // 300) for n in range(100_000)],
    ):
        hashes = [native._plain_hash(key) for key in keys]
        # 100,000 draws from 2**32 collide about once; low and high bits alone must spread as well.
        assert len(set(hashes)) > 99_980
        for bits in ({value & 0xFFFF for value in hashes}, {value >> 16 for value in hashes}):
            assert len(bits) > 50_000  # at random, 65536 * (1 - exp(-100000 / 65536)) = 51288


def test_hashes_differ_between_processes() -> None:
    code = "from omnicache import _omnicache as n; print(n._plain_hash(12345), n._plain_hash(()))"
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)}
    assert len(runs) == 3
