"""`Json`: text that other programs can read."""

from __future__ import annotations

import json
from typing import Any

from omnicache._omnicache import json_dumps, json_loads

from ._base import Serializer, as_bytes, unreadable


class Json(Serializer):
    """Writes JSON as UTF-8, readable by people and by programs in other languages.

    Only what comes back the same is written: ``None``, ``bool``, ``int``, finite ``float``, ``str``, ``list`` and
    ``dict`` with ``str`` keys. Anything else is an error that names the part.

    Args:
        lossy: Write all that :func:`json.dumps` does, though it comes back as something else: tuples as lists, keys as
            text, NaN and Infinity (which are no JSON), subclasses as their base.

    >>> Json().dumps({"name": "Zoë", "scores": [1, 2.5]}).decode()
    '{"name":"Zoë","scores":[1,2.5]}'
    >>> try:
    ...     Json().dumps({"at": (1, 2)})
    ... except CacheSerializationError as error:
    ...     print(error.path)
    ["at"]
    >>> Json(lossy=True).dumps({"at": (1, 2), 7: None})
    b'{"at":[1,2],"7":null}'
    """

    __slots__ = ("_lossy",)

    name = "json"
    code = 2

    def __init__(self, *, lossy: bool = False) -> None:
        self._lossy = bool(lossy)

    @property
    def lossy(self) -> bool:
        """Whether a value may come back as another."""
        return self._lossy

    def dumps(self, value: Any, /) -> bytes:
        """The JSON of `value`."""
        return json_dumps(value, self._lossy)

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> Any:  # noqa: ARG002
        """The value of this JSON, as :func:`json.loads` reads it."""
        data = as_bytes(data)
        try:
            return json_loads(data)
        except ValueError:
            pass  # not simple, or no JSON: the standard library has the last word
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise unreadable(data, "json", str(error)) from error

    def __repr__(self) -> str:
        return "Json(lossy=True)" if self._lossy else "Json()"
