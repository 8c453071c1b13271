"""Damaged bytes are an error: never a crash, never another kind of error, never much memory."""

import contextlib
import resource
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicache.exceptions import CacheSerializationError
from omnicache.serializers import Compression, Json, Native, Pickle, Typed
from tests.serializers.strategies import ENUMS, exact, values
from tests.support import in_child

NATIVE = Native(enums=ENUMS)
SECRET = b"0123456789abcdef"


def read(data: bytes) -> object:
    """The value, or the error; anything else that is raised fails the test."""
    try:
        return NATIVE.loads(data)
    except CacheSerializationError as error:
        return error


@settings(max_examples=1000)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    read(data)


@settings(max_examples=300)
@given(values, st.data())
def test_changed_bytes(value: object, data: st.DataObject) -> None:
    changed = bytearray(NATIVE.dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["flip", "set", "insert", "remove", "double"])):
            case "flip":
                changed[at] ^= 1 << data.draw(st.integers(0, 7))
            case "set":
                changed[at] = data.draw(st.sampled_from(list(b"\0\x7f\x80\x90\xc0\xc1\xc7\xc9\xdd\xdf\xff")))
            case "insert":
                changed.insert(at, data.draw(st.integers(0, 255)))
            case "remove" if len(changed) > 1:
                del changed[at]
            case "double":
                changed[at:at] = changed[at:]
    found = read(bytes(changed))
    if not isinstance(found, CacheSerializationError):
        # What can be read is a value like any other.
        assert exact(NATIVE.loads(NATIVE.dumps(found))) == exact(found)


@given(values, st.data())
def test_cut_or_longer_bytes(value: object, data: st.DataObject) -> None:
    good = NATIVE.dumps(value)
    cut = good[: data.draw(st.integers(0, len(good) - 1))]
    longer = good + data.draw(st.binary(min_size=1, max_size=5))
    for bad in (cut, longer):
        with pytest.raises(CacheSerializationError, match=rf"these {len(bad)} bytes are not a value that the native "):
            NATIVE.loads(bad)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "end too early, at byte 0"),
        (b"\xc1", "no meaning"),
        (b"\x01\x02", "longer than its value"),
        (b"\xa2a", "end too early"),
        (b"\xdd\xff\xff\xff\xff", "end too early"),
        (b"\xdf\xff\xff\xff\xff", "end too early"),
        (b"\xc6\xff\xff\xff\xff", "end too early"),
        (b"\xc7\x05\x00\x91\x01", "end too early"),
        (b"\xc7\x03\x00\x91\x01\x01", "longer than its value"),
        (b"\xc7\x01\x00\x01", "cannot be"),
        (b"\xd4\x63\x00", "another program"),
        (b"\xa1\xff", "UnicodeDecodeError"),
        (b"\x82\x01\x01\x01\x01", "twice"),
        (b"\x82\x01\x01\xc3\x01", "twice"),
        (b"\xc7\x03\x01\x92\x01\x01", "twice"),
        (b"\x81\x90\x01", "unhashable"),
        (b"\xc7\x02\x01\x91\x90", "unhashable"),
        (b"\x91" * 200, "too deep"),
        (b"\xc7\x02\x0a1x", "InvalidOperation"),
        (b"\xc7\x04\x061234", "year"),
        (b"\xd6\x06\x07\xea\x0d\x01", "month"),
        (b"\xd6\x06\x07\xea\x02\x1e", "day"),
        (b"\xc7\x03\x0babc", "end too early"),
        (b"\xc7\x0a\x07\x01\x01\x01\x00\x00\x00\x03XYZ", "ZoneInfo"),
        (b"\xc7\x0e\x07\x01\x01\x01\x00\x00\x00\x03../../x", "ZoneInfo"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, why: str) -> None:
    with pytest.raises(CacheSerializationError, match=why):
        NATIVE.loads(data)


@pytest.mark.parametrize("data", ["text", None, 5, [1]])
def test_no_bytes_at_all(data: object) -> None:
    for serializer in (NATIVE, Json(), Typed(int), Pickle(SECRET)):
        with pytest.raises(TypeError, match="a stored value is bytes, not "):
            serializer.loads(data)  # type: ignore[arg-type]


BOMBS = [
    b"\xdd\x00\xff\xff\xff" * 120,  # lists that claim sixteen million items each
    b"\xdf\x00\xff\xff\xff" * 120,
    b"\xc9\x7f\xff\xff\xff\x00" * 100,
    b"\xdd\x00\x0f\xff\xff" * 120 + bytes(1 << 20),  # each claims all that follows
    b"\xdc\xff\xff" * 100 + bytes(70_000),
    b"\xc9\x7f\xff\xff\xff\x03" + bytes(100),
]


@in_child
def test_no_claim_takes_memory() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for bomb in BOMBS:
        read(bomb)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
    assert grown < 40 << 10, f"{grown} KiB"


@given(st.binary(max_size=300), st.booleans())
def test_other_serializers(data: bytes, signed: bool) -> None:
    for serializer in (Json(), Typed(dict[str, int]), Pickle(SECRET) if signed else Pickle(allow=[])):
        with contextlib.suppress(CacheSerializationError):
            serializer.loads(data)


@given(st.binary(max_size=300))
def test_compressed_bytes(data: bytes) -> None:
    compression = Compression(threshold=1, max_bytes=1000)
    for bad in (data, b"\x28\xb5\x2f\xfd" + data):
        with contextlib.suppress(CacheSerializationError):
            assert len(compression.unpack(bad)) <= 1000


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@in_child
def test_too_little_memory_is_an_error_too() -> None:
    """A value that does not fit into memory raises `MemoryError` and leaves everything usable."""
    value = b"x" * (200 << 20)
    data = NATIVE.dumps(value)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), resource.RLIM_INFINITY))
    for work in (lambda: NATIVE.loads(data), lambda: NATIVE.dumps(value), lambda: NATIVE.dumps([value, "text"])):
        with pytest.raises(MemoryError):
            work()
    assert NATIVE.loads(NATIVE.dumps([1])) == [1]
