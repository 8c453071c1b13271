"""What is refused at decoration, because no argument could be a good key, and what is not."""

import abc
import asyncio
import dataclasses
import enum
import io
import logging
import re
import socket
import threading
import typing
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TextIO, TypeVar
from uuid import UUID

import pytest

from omnicache import CacheKeyError, KeyBy, NoKey, cached

T = TypeVar("T")


class Session: ...


class Box(Generic[T]): ...


class Keyed:
    def __cache_key__(self): ...


class Base: ...


class KeyedBelow(Base):
    def __cache_key__(self): ...


@dataclasses.dataclass
class Data:
    x: int


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    a: int


class Typed(typing.TypedDict):
    a: int


class Shape(Protocol):
    side: int


class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


def taking(annotation):
    def function(argument): ...

    function.__annotations__["argument"] = annotation
    return function


def name_of(annotation):
    return re.sub(r" at 0x\w+", "", str(annotation))  # an address is another in each of xdist's workers


BAD = [
    Session, Optional[Session], Session | None, Session | Box, Box, Box[int], "Session", "Session | None",  # noqa: UP045
    Annotated[Session, "said otherwise"], Iterator[int], Generator[int, None, None], AsyncIterator[int], IO[str],
    TextIO, io.StringIO, socket.socket, logging.Logger, type(threading.Lock()), threading.Event, asyncio.Lock,
    asyncio.Queue, asyncio.AbstractEventLoop,
]  # fmt: skip

GOOD = [
    Any, object, T, int, str, bytes, float, bool, None, list[int], dict[str, Session], list[Session], tuple[int, ...],
    set, frozenset[str], Keyed, Base, KeyedBelow, Data, Colour, Pair, Typed, Shape, Abstract, datetime, Decimal, UUID,
    Path, type, type[Session], Callable[[int], int], Iterable[int], Sequence[int], Mapping[str, int], Literal["a"],
    NewType("Id", int), int | Session, "NotThere", "int | NotThere", list["Session"], Annotated[Session, NoKey],
    Annotated[Session, NoKey()], Annotated[Session, KeyBy("id")], "Annotated[Session, NoKey]", memoryview, range,
]  # fmt: skip


@pytest.mark.parametrize("annotation", BAD, ids=name_of)
def test_refused(annotation):
    with pytest.raises(CacheKeyError, match=r"'argument'.*NoKey.*KeyBy.*__cache_key__"):
        cached(taking(annotation))


@pytest.mark.parametrize("annotation", GOOD, ids=name_of)
def test_allowed(annotation):
    cached(taking(annotation))


def test_a_key_of_ones_own_answers_for_it():
    cached(key=lambda argument: 1)(taking(Session))


def test_coroutine_functions_are_checked_too():
    async def function(argument: Session): ...

    with pytest.raises(CacheKeyError, match="'argument'"):
        cached(function)


def test_a_pydantic_model_is_a_key():
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        x: int

    f = cached(taking(Model))
    f(Model(x=1))
    f(Model(x=1))
    assert f.cache_info()[:2] == (1, 1)


def test_a_class_of_the_function_itself():
    class Local: ...

    def function(argument: "Local"):
        return Local

    with pytest.raises(CacheKeyError, match="'argument'"):
        cached(function)
