"""Types for the tests of `Typed`, at the top level as annotations want them."""

import datetime as dt
import enum
import ipaddress
import pathlib
import uuid
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, PrivateAttr, RootModel, SecretStr, field_validator

T = TypeVar("T")
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: float = 0.0


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - one without annotations


@dataclass
class Plain:
    id: int
    name: str = "ann"


@dataclass(frozen=True, slots=True)
class Frozen:
    id: UserId
    tags: frozenset[str] = frozenset()


@dataclass
class Everything:
    kind: ClassVar[str] = "all"
    seed: InitVar[int]
    plain: Plain
    frozen: Frozen
    point: Point
    pair: Pair
    color: Color
    when: dt.datetime
    price: Decimal
    key: uuid.UUID
    path: pathlib.PurePosixPath
    here: pathlib.Path
    address: ipaddress.IPv4Address
    many: list[Plain]
    seen: set[Frozen]
    by_name: dict[str, Plain | None]
    by_frozen: dict[Frozen, list[Point]]
    row: tuple[int, Plain, str]
    rows: tuple[Frozen, ...]
    either: Plain | Frozen | int | None
    sequence: Sequence[Plain]
    mapping: Mapping[str, Point]
    word: Literal["a", "b"]
    noted: Annotated[list[Plain], "noted"]
    anything: Any
    _: KW_ONLY
    made: int = field(init=False)
    runs: int = 0

    def __post_init__(self, seed: int) -> None:
        self.made = seed
        self.runs += 1


@dataclass
class Tree:
    value: int
    children: "list[Tree]" = field(default_factory=list)
    parent: "Tree | None" = None


@dataclass
class Box(Generic[T]):
    content: T


class Movie(TypedDict):
    title: str
    lead: Plain
    year: NotRequired[int]


class Person(BaseModel):
    id: int
    name: str = Field("ann", alias="fullName")
    address: "Address | None" = None
    colors: set[Color] = set()


class Address(BaseModel):
    street: str
    point: Point = Point(1)


class Runs(BaseModel):
    """Its validator must not run twice."""

    model_config = ConfigDict(extra="allow")
    text: str
    _secret: int = PrivateAttr(default=0)
    _unset: int = PrivateAttr()

    @field_validator("text")
    @classmethod
    def exclaim(cls, text: str) -> str:
        return text + "!"


class Linked(BaseModel):
    url: HttpUrl
    home: pathlib.Path


class Secret(BaseModel):
    password: SecretStr


class Numbers(RootModel[list[int]]):
    pass


class Page(BaseModel, Generic[T]):
    items: list[T]


Person.model_rebuild()
