"""Hypothesis strategies for keys, and types of users' own to use as keys."""

import datetime as dt
import enum
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath, PureWindowsPath
from typing import ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

# Few and close values, so that two draws are often equal or nearly so.
close_floats = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, float("nan"), -float("nan"), float("inf"), 1e300])
close_ints = st.sampled_from([0, 1, -1, 2, -2, 2**30 - 1, 2**30, -(2**30), 2**60, 2**63 - 1, 2**63, -(2**63), 2**64])
close_texts = st.sampled_from(["", "0", "1", "a", "ab", "é", "日本", "😀", "\ud800", "\ud83d\ude00", "a\0", "None"])
texts = st.text(st.characters(codec=None, categories=None), max_size=20)

plain_scalars = (
    st.none()
    | st.booleans()
    | close_ints
    | st.integers()
    | close_floats
    | st.floats()
    | close_texts
    | texts
    | st.sampled_from([b"", b"a", b"ab", b"0"])
    | st.binary(max_size=20)
)
plain = st.recursive(plain_scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)

zones = st.none() | st.timezones() | st.integers(-1439, 1439).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
zones |= st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-12), dt.timedelta(hours=12)), st.text(max_size=4))
segments = st.text(st.characters(exclude_characters="/\\:\0", codec="utf-8"), min_size=1, max_size=5)

scalars = (
    plain_scalars
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.times(timezones=zones)
    | st.timedeltas()
    | st.decimals().filter(lambda number: not number.is_snan())  # a signalling NaN has no hash
    | st.sampled_from(["1.0", "1.00", "-0", "0E+3", "1E-30", "NaN7", "-Infinity"]).map(Decimal)
    | st.uuids()
    | st.lists(segments, max_size=3).map(lambda parts: PurePosixPath("/", *parts))
    | st.lists(segments, max_size=3).map(lambda parts: PureWindowsPath("C:/", *parts))
)
hashable = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3), max_leaves=6
)
builtins = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashable, inner, max_size=3)
    ),
    max_leaves=8,
)


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1  # noqa: PIE796 -- an alias


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


class Pair(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class User:
    id: int
    name: str = "ann"
    note: str = field(default="", compare=False)
    kind: ClassVar[str] = "user"


@dataclass(slots=True)
class Slotted:
    id: object


class Money:
    def __init__(self, cents: object) -> None:
        self.cents = cents

    def __cache_key__(self) -> object:
        return self.cents


class Text(str):
    __slots__ = ()


class Hostile:
    """Runs into an error wherever an engine should not look."""

    def __init__(self, key: object) -> None:
        self.key = key

    def __cache_key__(self) -> object:
        return self.key

    def __eq__(self, other: object) -> bool:
        raise AssertionError("__eq__ was called")

    def __hash__(self) -> int:
        raise AssertionError("__hash__ was called")

    def __repr__(self) -> str:
        raise AssertionError("__repr__ was called")


def function() -> None: ...


def berlin(*fields: int, fold: int = 0) -> dt.datetime:
    return dt.datetime(*fields, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)  # type: ignore[misc,arg-type]
