"""Which serializer a user's word for one means, custom ones, and compression."""

import copy
import enum
import json
import marshal
import pickle
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicache import _omnicache as native
from omnicache.exceptions import CacheConfigError, CacheSerializationError
from omnicache.serializers import Compression, Custom, Json, Native, Pickle, Raw, Serializer, Typed, serializer_from


@dataclass
class User:
    name: str


class Level(enum.Enum):
    LOW = 1


class Mine(Serializer):
    name, code = "mine", 200

    def dumps(self, value: Any, /) -> bytes:
        return str(value).encode()

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:
        return bytes(data).decode()


class Loose:
    """Has the two methods and nothing else."""

    def dumps(self, value: object) -> object:
        return value

    def loads(self, data: bytes) -> object:
        if data == b"bad":
            raise KeyError("bad")
        return data


@pytest.mark.parametrize(
    ("spec", "cls"),
    [
        (None, Native), ("native", Native), ("Native", Native), ("json", Json), ("raw", Raw), ("RawSerializer", Raw),
        (Native, Native), (Json, Json), (Native(), Native), (User, Typed), (list[User], Typed), (User | None, Typed),
        (dict[str, int], Typed), (int, Typed), (Any, Typed), (Mine, Mine), (Mine(), Mine), (Loose(), Custom),
        (marshal, Custom), (json, Json),
    ],
)  # fmt: skip
def test_what_each_word_means(spec: object, cls: type) -> None:
    assert type(serializer_from(spec)) is cls


@pytest.mark.parametrize("spec", ["pickle", pickle, Pickle])
def test_pickle_warns_however_it_is_asked_for(spec: object) -> None:
    with pytest.warns(RuntimeWarning, match="without a secret"):
        assert type(serializer_from(spec)) is Pickle


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("jsno", "did you mean 'json'"),
        ("pickel", "did you mean 'pickle'"),
        ("nativ", "did you mean 'native'"),
        ("xyzzy", "The names are 'native', 'json', 'pickle', 'raw'"),
        ("typed", "give the type itself"),
        (5, "an object of type int is none"),
        (object(), "dumps() and loads()"),
        (Typed, "needs arguments"),
        (Custom, "needs arguments"),
        (Serializer, "lacks dumps() or loads()"),
        (type("Half", (Serializer,), {"dumps": Mine.dumps}), "lacks dumps() or loads()"),
        (type("Stolen", (Mine,), {"code": 3}), "codes below 128"),
        (type("Wild", (Mine,), {"code": 256}), "128 to 255"),
        (type("Odd", (Mine,), {"fingerprint": b"short"}), "not 8 bytes"),
        (sqlite3.Connection, "has no form to be stored in"),
    ],
)
def test_wrong_words(spec: object, said: str) -> None:
    with pytest.raises(CacheConfigError) as caught:
        serializer_from(spec)
    assert said in str(caught.value)


def test_codes_are_fixed() -> None:
    """They stand beside every stored value: changing one makes a miss of each."""
    codes = {cls.name: cls.code for cls in (Native, Json, Pickle, Raw, Typed)}
    assert codes == {"native": 1, "json": 2, "pickle": 3, "raw": 4, "typed": 5}


def test_serializers_can_be_copied_and_pickled() -> None:
    value = {"a": [1, 2.5]}
    of = [Native(), Native(max_bytes=100), Json(lossy=True), Raw(), Pickle(b"0" * 16, allow=[User]), Custom(Loose())]
    for serializer in [*of, Typed(list[User])]:
        for copied in (copy.copy(serializer), copy.deepcopy(serializer), pickle.loads(pickle.dumps(serializer))):
            assert repr(copied) == repr(serializer)
            assert copied.fingerprint == serializer.fingerprint
    native = pickle.loads(pickle.dumps(Native(enums=[Level])))
    assert native.loads(native.dumps([Level.LOW, value])) == [Level.LOW, value]
    assert copy.deepcopy(Compression(level=5)) == Compression(level=5)


def test_custom_serializers() -> None:
    custom = Custom(Loose(), name="loose", code=129)
    assert (custom.name, custom.code, custom.fingerprint) == ("loose", 129, None)
    assert (Custom(Loose()).name, Custom(marshal).name, Custom(Loose()).code) == ("Loose", "marshal", 255)
    assert custom.loads(memoryview(custom.dumps(b"x"))) == b"x"
    with pytest.raises(CacheSerializationError, match="returned str instead of bytes"):
        custom.dumps("text")
    with pytest.raises(CacheSerializationError, match="KeyError") as caught:
        custom.loads(b"bad")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(CacheSerializationError, match="cannot be written by the serializer marshal: ValueError"):
        Custom(marshal).dumps(object())
    for wrong in (5, -1, 256, True, "x"):
        with pytest.raises(CacheConfigError, match="code"):
            Custom(Loose(), code=wrong)  # type: ignore[arg-type]
    with pytest.raises(CacheConfigError, match=r"no method dumps\(\)"):
        Custom(object())  # type: ignore[arg-type]


@given(st.binary(max_size=300).map(lambda data: data * 20), st.integers(1, 19))
def test_what_is_compressed_comes_back(data: bytes, level: int) -> None:
    compression = Compression(level=level, threshold=100)
    packed, compressed = compression.pack(data)
    assert (compression.unpack(packed) if compressed else packed) == data
    assert len(packed) < len(data) if compressed else packed is data


def test_small_and_random_bytes_are_left_alone() -> None:
    noise = random.Random(0).randbytes(5000)
    for data in (b"", b"x" * 2047, noise):
        assert Compression().pack(data) == (data, False)
    assert Compression().pack(b"x" * 2048)[1]


def test_nothing_grows_beyond_what_is_allowed() -> None:
    packed, _ = Compression().pack(bytes(10 << 20))
    assert len(packed) < 2000
    assert len(Compression(max_bytes="10MiB").unpack(packed)) == 10 << 20
    with pytest.raises(CacheSerializationError, match="more than the 10485759 allowed"):
        Compression(max_bytes=(10 << 20) - 1).unpack(packed)
    for bad in (packed[:-1], packed + b"x", b"", b"junk", packed[4:]):
        with pytest.raises(CacheSerializationError, match="cannot be decompressed"):
            Compression().unpack(bad)


@pytest.mark.parametrize(
    "options", [{"level": 0}, {"level": 20}, {"level": 1.5}, {"level": True}, {"threshold": 0}, {"max_bytes": "x"}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(CacheConfigError, match="Compression: "):
        Compression(**options)


def longest_stop(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that `work` takes, and the longest that another thread stood still meanwhile."""
    stops, done, running = [0.0], threading.Event(), threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not done.is_set():
            running.set()
            now = time.perf_counter()
            stops[0], last = max(stops[0], now - last), now

    thread = threading.Thread(target=watch)
    thread.start()
    running.wait()
    stops[0], start = 0.0, time.perf_counter()
    work()
    taken, stopped = time.perf_counter() - start, stops[0]
    done.set()
    thread.join()
    return taken, stopped


def test_other_threads_run_while_much_is_compressed() -> None:
    data = random.Random(0).randbytes(1 << 18) * 4
    native.compress(data, 19)
    # A busy machine stops threads too, but not each time for as long as this takes.
    measured = [longest_stop(lambda: native.compress(data, 19)) for _ in range(5)]
    assert any(stopped < taken / 2 for taken, stopped in measured), measured
