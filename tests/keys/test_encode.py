"""Canonical bytes: every type, order that does not matter, the same in every process, and back again."""
# ruff: noqa: DTZ001 -- naive times are keys too

import datetime as dt
import functools
import json
import os
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, getcontext, localcontext
from pathlib import Path, PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicache import _omnicache as native
from tests.keys.strategies import (
    Color,
    Hostile,
    Level,
    Mode,
    Money,
    Pair,
    Point,
    Slotted,
    Text,
    User,
    berlin,
    builtins,
    function,
)

encode, decode, text = native.encode_key, native.decode_key, native.key_text


def identical(a: object, b: object) -> bool:
    """Equal with the same types all the way down; NaN is NaN, and the order of dicts and sets is free."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(identical, a, b))  # type: ignore[arg-type]
    if isinstance(a, dict | set | frozenset):
        return encode(a) == encode(b) and len(a) == len(b)  # type: ignore[arg-type]
    # The repr of the scalars is exact, and tells NaN, zones and digits; only the sign of zero is not kept.
    return repr(a) == repr(b) or (isinstance(a, float) and a == 0 == b)


@settings(max_examples=200)
@given(builtins)
def test_builtins_come_back_as_they_were(key: object) -> None:
    data = encode(key)
    back = decode(data)
    assert encode(back) == data
    if type(back) is not native.KeyPart:  # two NaN in one set, or a zone that is not told by its offset alone
        assert identical(back, key)


@given(builtins, builtins)
def test_no_bytes_are_the_front_of_others_by_accident(a: object, b: object) -> None:
    assert encode((a, b)) != encode((b,))
    assert (encode((a, b)) == encode((b, a))) == (encode(a) == encode(b))
    assert encode(((a,), b)) != encode((a, (b,)))
    assert (encode([a]) == encode([b])) == (encode(a) == encode(b))


@given(st.dictionaries(st.text(max_size=3) | st.integers(), st.integers(), max_size=8), st.randoms())
def test_order_does_not_matter(mapping: dict[object, int], random: "st.random.Random") -> None:  # type: ignore[name-defined]
    items = list(mapping.items())
    random.shuffle(items)
    assert encode(dict(items)) == encode(mapping)
    assert encode({key for key, _ in items}) == encode(set(mapping))
    assert encode(frozenset(key for key, _ in items)) == encode(frozenset(mapping))


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        key = decode(data)
    except ValueError:
        return
    assert encode(key) == data


DIFFERENT = [
    None, True, False, 1, 0, 1.0, 0.0, "1", "", b"1", b"", (1,), [1], {1}, frozenset({1}), {1: None}, (), [], {},
    set(), frozenset(), ((),), ([],), (1, 2), (2, 1), ("ab",), ("a", "b"), "a\0b", 2**64, -(2**64), float("nan"),
    float("inf"), "nan", "\ud800", Color.RED, Color.GREEN, Mode.READ, Mode.READ | Mode.WRITE, Mode(0), Level.LOW,
    dt.date(2024, 1, 2), dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 2, tzinfo=ZoneInfo("UTC")), dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(0), "Z")),
    berlin(2024, 10, 27, 2, 30), berlin(2024, 10, 27, 2, 30, fold=1), dt.datetime(2024, 1, 2, fold=1),
    dt.time(1, 2), dt.time(1, 2, tzinfo=dt.UTC), dt.time(1, 2, fold=1), dt.timedelta(0), dt.timedelta(1),
    Decimal(1), Decimal("1.0"), Decimal("1.00"), Decimal("-0"), Decimal(0), Decimal("0E+1"), Decimal("NaN"),
    Decimal("sNaN"), Decimal("Infinity"), uuid.UUID(int=1), uuid.UUID(int=2), PurePosixPath("a"), PureWindowsPath("a"),
    Point(1, 2), Pair(1, 2), User(1), User(1, "bob"), User(2), Slotted(1), Money(1), Money("1"), Text("1"),
    int, float, Color, User, function, len, functools.partial(function), functools.partial(function, 1),
    functools.partial(function, x=1), OrderedDict(a=1), {"a": 1}, defaultdict(int, a=1), Hostile("a"), "a",
]  # fmt: skip


def test_different_keys_have_different_bytes() -> None:
    seen: dict[bytes, int] = {}
    for at, key in enumerate(DIFFERENT):
        data = encode(key)
        assert data not in seen, (at, seen[data], data)
        seen[data] = at
        back = decode(data)
        assert encode(back) == data
        assert text(data) or key == ""
        assert repr(back)


def test_equal_keys_have_equal_bytes() -> None:
    for a, b in [
        (float("nan"), -float("nan")),
        (0.0, -0.0),
        (Color.CRIMSON, Color.RED),
        (User(1, note="x"), User(1, note="y")),
        (Path("a/b"), PurePosixPath("a//b/")),
        (Money([1]), Money([1])),
        (uuid.UUID(int=1), uuid.UUID("00000000-0000-0000-0000-000000000001")),
    ]:
        assert encode(a) == encode(b)


def test_bytes_are_readable_and_fixed() -> None:
    # These are on disk and on servers: if one of them changes, every cache out there is cold.
    assert encode("user:1") == b"suser:1"
    assert encode(("app:load", 1, None)) == b"(\x09sapp:load\x02i1\x01N"
    assert encode({"b": 1, "a": [True]}) == b"{\x02sa\x03[\x01T\x02sb\x02i1"
    assert encode(Color.RED) == b"e\x1btests.keys.strategies:ColorsRED"
    assert encode(2**64) == b"I\x01" + bytes(8)
    assert encode(dt.date(2024, 1, 2)) == b"Y2024-01-02"
    assert text(encode((1, "it's", {"a": b"\0"}))) == "(1, \"it's\", {'a': b'\\x00'})"
    assert text(encode(User(1))) == "tests.keys.strategies:User(id=1, name='ann')"
    assert text(b"\xff\xff") == "\\xff\\xff"


def test_bytes_are_the_same_in_every_process() -> None:
    code = (
        "import json, sys; from tests.keys.test_encode import DIFFERENT, encode;"
        "print(json.dumps([encode(key).hex() for key in DIFFERENT]))"
    )
    here = [encode(key).hex() for key in DIFFERENT]
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, cwd=Path.cwd())
        assert json.loads(run.stdout) == here


def test_decimals_do_not_depend_on_the_context() -> None:
    keys = [Decimal("1E+40"), Decimal("1.123456789123456789"), Decimal("123E-50")]
    here = [encode(key) for key in keys]
    with localcontext() as context:
        context.prec, context.capitals, context.Emax, context.Emin = 2, 0, 5, -5
        assert getcontext().capitals == 0
        assert [encode(key) for key in keys] == here
        assert [decode(data).as_tuple() for data in here] == [key.as_tuple() for key in keys]


def test_what_the_user_overrides_is_not_asked() -> None:
    class Odd(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

        def __str__(self) -> str:
            raise AssertionError

        def encode(self, *_: object) -> bytes:
            raise AssertionError

    class OddDict(dict):  # type: ignore[type-arg]
        def items(self) -> object:
            raise AssertionError

        __iter__ = keys = items

    class OddInt(int):
        def __index__(self) -> int:
            raise AssertionError

        to_bytes = bit_length = __index__

    assert encode(Odd("a\ud800")).endswith(b"sa\xed\xa0\x80")
    assert encode(OddDict(a=1)).endswith(b"{\x02sa\x02i1")
    assert encode(OddInt(2**64)).endswith(b"I\x01" + bytes(8))
    assert encode({"k": Hostile(1)})
    assert encode(Slotted(Hostile(1)))


def test_a_member_with_a_hash_of_its_own_is_hashed_once_by_python_and_not_by_us() -> None:
    class Counted:
        hashed = 0

        def __hash__(self) -> int:
            Counted.hashed += 1
            return 1

        def __eq__(self, other: object) -> bool:
            return self is other

        def __cache_key__(self) -> str:
            return "counted"

    members, mapping = {Counted()}, {Counted(): 1}
    before = Counted.hashed
    encode(members)
    encode(mapping)
    assert Counted.hashed == before


def test_a_container_may_change_while_it_is_encoded() -> None:
    class Changing:
        def __init__(self, clear: Callable[[], None]) -> None:
            self.clear = clear

        def __cache_key__(self) -> int:
            self.clear()
            return 1

    target: list[object] = [2]
    mapping: dict[object, object] = {"b": 2}
    members: set[object] = {2}
    target.append(Changing(target.clear))
    mapping["a"] = Changing(mapping.clear)
    members.add(Changing(members.clear))
    for container in (target, mapping, members):
        assert len(decode(encode(container))) == 2
        assert not container


def test_threads_may_change_a_container_while_it_is_encoded() -> None:
    mapping: dict[int, int] = {}
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            mapping.update(dict.fromkeys(range(100), 1))
            mapping.clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(500):
            decode(encode(mapping))
    finally:
        done.set()
        thread.join()


def test_pydantic_models_by_their_fields() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        id: int
        tags: list[str] = pydantic.Field(default_factory=list)
        _private: int = 1

    class Open(pydantic.BaseModel, extra="allow"):  # type: ignore[misc,name-defined,call-arg]
        id: int

    first, second = Model(id=1), Model(id=1)
    second._private = 2
    assert encode(first) == encode(second) != encode(Model(id=2))
    assert decode(encode(first)).value == {"id": 1, "tags": []}
    assert encode(Open(id=1)) != encode(Open(id=1, more=2)) != encode(Open(id=1, more=3))


def test_a_plain_key_imports_nothing() -> None:
    code = (
        "import sys; from omnicache import _omnicache as n; before = set(sys.modules);"
        "n.decode_key(n.encode_key(({1: 'a'}, 1.5))); assert set(sys.modules) == before, set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parts_stand_for_what_they_came_from() -> None:
    part = decode(encode(User(1)))
    assert type(part) is native.KeyPart
    assert (part.kind, part.type, part.value) == ("object", "tests.keys.strategies:User", {"id": 1, "name": "ann"})
    assert repr(part) == "<KeyPart tests.keys.strategies:User(id=1, name='ann')>"
    assert part == decode(encode(User(1)))
    assert part != decode(encode(User(2)))
    assert part != 1
    assert hash(part) == hash(decode(encode(User(1))))
    assert encode((part, 1)) == encode((User(1), 1))
    assert [decode(encode(key)).kind for key in (Color.RED, Money(1), User, function)] == [
        "enum", "custom", "class", "function",
    ]  # fmt: skip
    assert decode(encode(Color.RED)).value == "RED"
    assert decode(encode(Mode.READ | Mode.WRITE)).value == 3
    assert decode(encode(int)).value is None
    with pytest.raises(AttributeError):
        part.kind = "other"


def test_a_time_in_a_zone_that_is_not_known_here() -> None:
    data = b"D2024-01-02T00:00:00.000000~3600000000:Mars/Olympus"
    part = decode(data)
    assert (part.kind, part.type, part.value) == ("value", None, "2024-01-02T00:00:00+01:00[Mars/Olympus]")
    assert encode(part) == data


def test_a_tzinfo_of_the_users_own() -> None:
    class Odd(dt.tzinfo):
        def __init__(self, offset: object) -> None:
            self.offset = offset

        def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
            return self.offset  # type: ignore[return-value]

        def tzname(self, _: dt.datetime | None) -> str:
            return "odd"

        def dst(self, _: dt.datetime | None) -> None:
            return None

    hour = encode(dt.datetime(2024, 1, 2, tzinfo=Odd(dt.timedelta(hours=1))))
    assert hour == b"D2024-01-02T00:00:00.000000?3600000000:odd"
    assert encode(decode(hour)) == hour
    with pytest.raises(TypeError, match="less than a day"):
        encode(dt.datetime(2024, 1, 2, tzinfo=Odd(3)))


def test_local_types_of_values_are_fine() -> None:
    @dataclass
    class Local:
        id: int

    assert encode(Local(1)) != encode(Local(2))
