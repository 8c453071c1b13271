"""Serializers: how values become bytes where a cache keeps them outside the process.

| serializer | what it writes | what comes back |
|---|---|---|
| :class:`Native` | builtin types, dates, decimals, UUIDs, enums by opt-in | exactly what went in |
| :class:`Typed` | dataclasses, pydantic models, typed dicts, named tuples, generics of them | exactly what went in |
| :class:`Json` | what JSON knows | exactly what went in, unless ``lossy=True`` |
| :class:`Raw` | bytes | bytes |
| :class:`Pickle` | nearly anything | an equal object, if nobody else can write to the store |

A cache takes any of them, or what :func:`serializer_from` accepts.

>>> native = serializer_from("native")
>>> native.loads(native.dumps({"a": (1, 2.5)}))
{'a': (1, 2.5)}
"""

from __future__ import annotations

from ._base import Custom, Serializer
from ._compression import Compression
from ._json import Json
from ._native import Native
from ._parse import serializer_from
from ._pickle import Pickle
from ._raw import Raw
from ._typed import Typed

__all__ = [
    "Compression",
    "Custom",
    "Json",
    "Native",
    "Pickle",
    "Raw",
    "Serializer",
    "Typed",
    "serializer_from",
]
