"""Refuses, at decoration, parameters whose annotation names a class that can never be a good key."""

from __future__ import annotations

import asyncio
import collections.abc
import concurrent.futures
import dataclasses
import io
import logging
import queue
import socket
import threading
import types
import typing
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any, Final, Union, get_args, get_origin
from uuid import UUID

from .exceptions import InvalidKeyError

__all__ = ["check_parameter"]

_NEVER: Final[tuple[type, ...]] = (
    collections.abc.Iterator,
    collections.abc.AsyncIterator,
    collections.abc.Awaitable,
    asyncio.AbstractEventLoop,
    asyncio.Queue,
    asyncio.StreamReader,
    asyncio.StreamWriter,
    asyncio.Lock,
    asyncio.Event,
    asyncio.Condition,
    asyncio.Semaphore,
    concurrent.futures.Executor,
    concurrent.futures.Future,
    io.IOBase,
    logging.Logger,
    logging.LoggerAdapter,
    queue.Queue,
    socket.socket,
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Thread,
    types.FrameType,
    types.TracebackType,
)
"""Things that are used up, or that are what they are only while they are open."""

_GOOD: Final[tuple[type, ...]] = (
    *(str, bytes, int, float, tuple, list, dict, set, frozenset, type, type(None)),
    *(Enum, date, time, timedelta, tzinfo, Decimal, UUID, PurePath),
)
_FILES: Final = (id(typing.IO), id(typing.TextIO), id(typing.BinaryIO))
_INTERFACES: Final = frozenset({"builtins", "typing", "typing_extensions", "abc", "collections.abc"})
_HEAP: Final = 1 << 9
"""The flag of a class that was made by a class statement (or as one is)."""


def check_parameter(function: str, name: str, annotation: Any) -> None:
    """Raises if no argument that fits `annotation` could be part of a key.

    Raises:
        InvalidKeyError: It names the parameter and the ways out.
    """
    bad = _bad(annotation)
    if bad is not None:
        raise InvalidKeyError(
            f"@cached: {function}(): the parameter {name!r} is a {bad.__qualname__}, which has nothing that could "
            "identify it in a key. Three ways out: leave it out of the key with "
            f'Annotated[{bad.__qualname__}, NoKey]; use a part of it with Annotated[{bad.__qualname__}, KeyBy("id")]; '
            "or give the class a __cache_key__() method (or make it a dataclass)"
        )


def _bad(annotation: Any) -> type[Any] | None:
    """The class that makes `annotation` useless as a key, None if some value may be useful."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bad(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        members = [member for member in get_args(annotation) if member is not type(None)]
        bad = [_bad(member) for member in members]
        return bad[0] if bad and all(bad) else None
    if any(known in (id(origin), id(annotation)) for known in _FILES):
        return io.IOBase
    found: object = origin if isinstance(origin, type) else annotation
    if not isinstance(found, type):
        return None
    cls: type[Any] = found
    return cls if _is_bad(cls) else None


def _is_bad(cls: type[Any]) -> bool:
    if hasattr(cls, "__cache_key__") or dataclasses.is_dataclass(cls):
        return False
    if hasattr(cls, "__pydantic_fields__") or hasattr(cls, "__pydantic_validator__"):
        return False
    if issubclass(cls, _NEVER):
        return True
    if issubclass(cls, _GOOD) or cls.__module__ in _INTERFACES:
        return False
    if not cls.__flags__ & _HEAP or type(cls).__module__ == "abc" or getattr(cls, "_is_protocol", False):
        return False  # not written in Python, or only an interface
    # What is passed may be of a class below it.
    return all(_is_bad(below) for below in cls.__subclasses__())
