"""A value that cannot be written: the message names the part, what it is and what to do."""

import collections
import copy
import enum
import io
import pathlib
import pickle
import sqlite3
import sys
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from omnicache.exceptions import CacheConfigError, CacheSerializationError, SchemaMismatch
from omnicache.serializers import Json, Native, Pickle, Raw, Serializer, Typed


class Opaque:
    pass


class Point(NamedTuple):
    x: Any
    y: Any = 0


@dataclass
class Order:
    id: int
    cursor: Any = None


class Basket(BaseModel):
    orders: list[Order]
    notes: dict[str, Any] = {}


def refused(serializer: Serializer, value: object) -> CacheSerializationError:
    with pytest.raises(CacheSerializationError) as caught:
        serializer.dumps(value)
    return caught.value


BAD = Opaque()
PATHS = [
    (BAD, ""),
    ([BAD], "[0]"),
    ({"orders": [0, 1, 2, {"cursor": BAD}]}, '["orders"][3]["cursor"]'),
    ((1, (BAD,)), "[1][0]"),
    ({7: BAD}, "[7]"),
    ({(1, 2): BAD}, "[<tuple>]"),
    ({BAD: 1}, ".keys()"),
    ({(1, BAD): 1}, ".keys()[1]"),
    ({1, BAD}, "{...}"),
    ({(1, BAD)}, "{...}[1]"),
    (frozenset({BAD}), "{...}"),
]


@pytest.mark.parametrize(("value", "path"), PATHS, ids=[path or "value" for _, path in PATHS])
def test_the_native_serializer_names_the_part(value: object, path: str) -> None:
    error = refused(Native(), value)
    assert error.path == path
    assert str(error).startswith(
        f"value{path} is of type tests.serializers.test_errors.Opaque, which the native serializer cannot write; "
    )


class Local:
    """Its instances cannot be pickled."""

    def __init__(self, inside: object = None) -> None:
        self.inside = inside

    def __reduce__(self) -> str:
        raise TypeError("not this one")


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: object) -> None:
        self.a = a


@pytest.mark.parametrize(
    ("value", "path"),
    [
        *((copy.copy(value), path) for value, path in PATHS),
        (Order(1, [BAD]), ".cursor[0]"),
        (Basket.model_construct(orders=[Order(1, BAD)]), ".orders[0].cursor"),
        (Point(1, BAD), ".y"),
        (Slotted({"k": BAD}), '.a["k"]'),
        ({"many": [Order(1), Order(2, (1, {"x": Point(BAD)}))]}, '["many"][1].cursor[1]["x"].x'),
    ],
)
def test_pickle_names_the_part(value: object, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reduce(self: object, protocol: object) -> str:
        raise TypeError("cannot pickle this one")

    monkeypatch.setattr(Opaque, "__reduce_ex__", reduce)
    error = refused(Pickle(b"0" * 16), value)
    assert error.path == path
    assert "tests.serializers.test_errors.Opaque, which pickle cannot write: cannot pickle this one" in str(error)
    assert isinstance(error.__cause__, TypeError)


@pytest.mark.parametrize(
    ("of", "value", "path"),
    [
        (Order, Order(1, BAD), ".cursor"),
        (list[Order], [Order(1), Order(2, {"k": [BAD]})], '[1].cursor["k"][0]'),
        (dict[str, Order], {"a": Order(1, BAD)}, '["a"].cursor'),
        (tuple[int, Order], (1, Order(1, BAD)), "[1].cursor"),
        (Point, Point(1, (BAD,)), ".y[0]"),
        (Basket, Basket(orders=[Order(1), Order(2, BAD)]), ".orders[1].cursor"),
        (Basket, Basket(orders=[], notes={"n": BAD}), '.notes["n"]'),
        (Order | Basket, Basket(orders=[Order(2, BAD)]), ".orders[0].cursor"),
        (Order | None, Order(1, BAD), ".cursor"),
        (list[Any], [1, BAD], "[1]"),
        (dict[str, list[int]], {"a": [1, BAD]}, '["a"][1]'),
    ],
)
def test_typed_names_the_part(of: object, value: object, path: str) -> None:
    error = refused(Typed(of), value)
    assert error.path == path
    assert "Opaque, which the native serializer cannot write" in str(error)


@pytest.mark.parametrize(
    ("of", "value", "said"),
    [
        (Order, {"id": 1}, "value is of type dict, not tests.serializers.test_errors.Order; "),
        (list[Order], [Order(1), Point(1)], "value[1] is of type tests.serializers.test_errors.Point, not tests"),
        (list[Order], (Order(1),), "value is of type tuple, not list["),
        (dict[int, Order], [1], "value is of type list, not dict["),
        (Order | Basket, 5, "value is of type int, not dataclass{"),
    ],
)
def test_typed_says_what_it_expected(of: object, value: object, said: str) -> None:
    assert str(refused(Typed(of), value)).startswith(said)


def test_a_cursor() -> None:
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    error = refused(Native(), {"orders": [0, 1, 2, {"cursor": cursor}]})
    assert str(error).startswith(
        'value["orders"][3]["cursor"] is of type sqlite3.Cursor, which the native serializer cannot write; '
    )
    assert refused(Typed(list[Order]), [Order(1, cursor)]).path == "[0].cursor"
    assert refused(Pickle(b"0" * 16), [Order(1, cursor)]).path == "[0].cursor"
    cursor.close()
    connection.close()


class Shade(enum.IntEnum):
    DARK = 1


class Text(str):
    __slots__ = ()


class Odd(tzinfo):
    pass


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (Order(1), "Typed(Order)"),
        (Basket(orders=[]), "Typed(Basket)"),
        (Point(1), "Typed(Point)"),
        (Shade.DARK, "Native(enums=[Shade])"),
        (Text("a"), "plain str"),
        (collections.OrderedDict(), "plain dict"),
        (collections.Counter(), "plain dict"),
        (collections.deque(), "list(...)"),
        ((x for x in ()), "list(...)"),
        (range(3), "list(...)"),
        (memoryview(b"a"), "bytes(...)"),
        (1j, "real and imag"),
        (pathlib.PurePosixPath("a"), "str(path)"),
        (io.BytesIO(), "store the data in it"),
        (len, "store its name"),
        (Opaque, "store its name"),
        (sys, "store its name"),
        (datetime(2026, 1, 1, tzinfo=Odd()), "datetime.timezone"),
        (b"x" * 5, None),
    ],
)
def test_the_message_says_what_to_do(value: object, advice: str | None) -> None:
    if advice is None:
        Native().dumps(value)
    else:
        assert advice in str(refused(Native(), [value]))


def test_a_zone_without_a_key() -> None:
    with (pathlib.Path(zoneinfo.TZPATH[0]) / "Europe/Berlin").open("rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    assert "ZoneInfo with a key" in str(refused(Native(), datetime(2026, 1, 1, tzinfo=zone)))


@pytest.mark.parametrize(
    ("module", "name", "base", "methods", "advice"),
    [
        ("numpy", "float64", float, ["item", "tolist"], ".item()"),
        ("numpy", "int32", object, ["item", "tolist"], ".item()"),
        ("numpy", "ndarray", object, ["item", "tolist"], ".tolist()"),
        ("pandas", "DataFrame", object, ["to_dict"], ".to_dict()"),
    ],
)
def test_values_of_numpy_and_pandas(module: str, name: str, base: type, methods: list[str], advice: str) -> None:
    """Classes that look like theirs, which are not installed here."""
    cls = type(name, (base,), {"__module__": module, **dict.fromkeys(methods, lambda self: None)})
    assert advice in str(refused(Native(), [cls()]))


def test_values_that_contain_themselves() -> None:
    loop: list[object] = [1]
    loop.append({"again": (loop,)})
    for value, path in ((loop, '[1]["again"][0]'), ({"a": [loop]}, '["a"][0][1]["again"][0]')):
        error = refused(Native(), value)
        assert error.path == path
        assert "contains itself" in str(error)
        assert "contains itself" in str(refused(Json(lossy=True), value))
    assert str(refused(Native(), {"a": [loop]})).startswith(
        'value["a"][0][1]["again"][0] is the same object as value["a"][0], so it contains itself; '
    )
    mapping: dict[str, object] = {}
    mapping["self"] = mapping
    assert refused(Native(), mapping).path == '["self"]'
    order = Order(1)
    order.cursor = [order]
    for of in (Order, list[Order]):
        refused(Typed(of), order if of is Order else [order])


@dataclass
class Node:
    value: int
    next: "Node | None" = None


def test_dataclasses_that_contain_themselves() -> None:
    node = Node(1)
    node.next = node
    assert "contains itself" in str(refused(Typed(Node), node))
    chain = None
    for number in range(3000):
        chain = Node(number, chain)
    assert "nested too deep" in str(refused(Typed(Node), chain))


def test_long_paths_are_cut_in_the_middle() -> None:
    value: object = BAD
    for number in range(40):
        value = [value] if number % 2 else {"k": value}
    said = str(refused(Native(), value))
    assert len(said) < 400
    assert '[0]["k"]...' in said


def test_a_value_that_would_fill_the_memory() -> None:
    value: object = "x" * 1000
    for _ in range(60):
        value = [value, value]
    error = refused(Native(max_bytes="16MiB"), value)
    assert "larger than 16 MiB as bytes" in str(error)
    numbers = [1.5] * 1000
    assert "larger than 9000 bytes" in str(refused(Native(max_bytes=9000), numbers))
    assert len(Native(max_bytes=9003).dumps(numbers)) == 9003
    for wrong in (0, -1, "x", 4 << 30, None):
        with pytest.raises(CacheConfigError, match="max_bytes"):
            Native(max_bytes=wrong)  # type: ignore[arg-type]
    assert repr(Native(max_bytes=9000)) == "Native(max_bytes=9000)"


def test_what_is_no_error_of_the_value_passes() -> None:
    class Stopping(enum.Enum):
        ONE = 1

        def __getattribute__(self, name: str) -> object:
            if name == "_name_":
                raise KeyboardInterrupt
            return super().__getattribute__(name)

    with pytest.raises(KeyboardInterrupt):
        Native(enums=[Stopping]).dumps([Stopping.ONE])


def test_a_repr_is_never_used() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise AssertionError("repr was called")

        __str__ = __repr__

    for make in (lambda bad: [bad], lambda bad: {bad: 1}, lambda bad: (1, {"k": bad})):
        refused(Native(), make(Hostile()))
        refused(Json(), make(Hostile()))


@pytest.mark.parametrize(
    "error", [CacheSerializationError("why"), CacheSerializationError("is bad", "[0]"), SchemaMismatch("other")]
)
def test_errors_can_be_copied(error: CacheSerializationError) -> None:
    for copied in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(copied), str(copied), copied.path) == (type(error), str(error), error.path)


@pytest.mark.parametrize("value", ["text", 5, None, [b"a"], Opaque()])
def test_raw_takes_bytes_alone(value: object) -> None:
    error = refused(Raw(), value)
    assert ("text.encode()" in str(error)) == isinstance(value, str)
    for good in (b"a", bytearray(b"a"), memoryview(b"a")):
        assert Raw().loads(Raw().dumps(good)) == b"a"
