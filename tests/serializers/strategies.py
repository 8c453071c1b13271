"""Values that the native serializer writes, as Hypothesis draws them, and a comparison that misses no difference."""

import datetime as dt
import enum
import math
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    CRIMSON = 1  # noqa: PIE796 -- an alias


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "y"


class Mode(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4


ENUMS: list[type[enum.Enum]] = [Color, Level, Word, Mode]

edges = [0, 1, -1, 31, -32, -33, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31, 2**32 - 1, 2**32]
edges += [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -(2**64), 10**100, -(10**100)]
ints = st.sampled_from(edges) | st.integers()
floats = st.sampled_from([0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324]) | st.floats()
texts = (
    st.text(st.characters(codec=None, categories=None), max_size=40)
    | st.sampled_from(["", "a", "é", "日本", "😀", "\ud800", "\ud83d\ude00", "a\0b"])
    | st.integers(30, 300).map(lambda size: "x" * size)
)
offsets = st.timedeltas(dt.timedelta(hours=-23, minutes=-59), dt.timedelta(hours=23, minutes=59))
zones = (
    st.none()
    | st.just(dt.UTC)
    | offsets.map(dt.timezone)
    | st.builds(dt.timezone, offsets, texts)
    | st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]).map(ZoneInfo)
)
times = st.times(timezones=zones) | st.builds(
    lambda time, fold: time.replace(fold=fold), st.times(timezones=zones), st.integers(0, 1)
)
datetimes = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold), st.datetimes(), zones, st.integers(0, 1)
)
decimals = st.decimals() | st.sampled_from(["1.0", "1.00", "-0", "0E+3", "NaN123", "sNaN7", "-Infinity"]).map(Decimal)
uuids = st.uuids() | st.builds(
    lambda number, safe: uuid.UUID(int=number.int, is_safe=safe), st.uuids(), st.sampled_from(uuid.SafeUUID)
)
members: st.SearchStrategy[object] = st.one_of(*(st.sampled_from(list(cls)) for cls in ENUMS))
members |= st.sampled_from([Mode.READ | Mode.WRITE, Mode(0), ~Mode.READ])

scalars = (
    st.none() | st.booleans() | ints | floats | texts | st.binary(max_size=300)
    | datetimes | st.dates() | times | st.timedeltas() | decimals | uuids | members
)  # fmt: skip
# A signalling NaN has no hash.
hashable = st.recursive(
    scalars.filter(lambda value: not (isinstance(value, Decimal) and value.is_snan())),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
values = st.recursive(
    scalars | hashable | st.sets(hashable, max_size=4) | st.binary(max_size=40).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=5)
        | st.dictionaries(st.sampled_from(["id", "name", "tags"]), inner)
    ),
    max_leaves=20,
)


def exact(value: object) -> object:
    """What tells two values apart that `==` may call equal: types, order, signs, bits, names, zones, folds."""
    shown: Callable[[object], object] | None = {
        float: lambda number: struct.pack(">d", number),
        dict: lambda mapping: [(exact(key), exact(item)) for key, item in mapping.items()],
        list: lambda items: [exact(item) for item in items],
        tuple: lambda items: [exact(item) for item in items],
        set: lambda items: sorted(repr(exact(item)) for item in items),
        frozenset: lambda items: sorted(repr(exact(item)) for item in items),
        uuid.UUID: lambda number: (number.int, number.is_safe),
        dt.datetime: lambda moment: (repr(moment), moment.fold, type(moment.tzinfo)),
        dt.time: lambda time: (repr(time), time.fold, type(time.tzinfo)),
    }.get(type(value))
    return type(value), shown(value) if shown else repr(value)
