"""`Raw`: bytes as they are."""

from __future__ import annotations

from typing import Any

from omnicache.exceptions import CacheSerializationError

from ._base import Serializer, as_bytes


class Raw(Serializer):
    """Stores bytes as they are, for values that are encoded already: images, rendered pages, protobuf messages.

    ``bytearray`` and ``memoryview`` are accepted and come back as ``bytes``.

    >>> Raw().loads(Raw().dumps(b"<html>"))
    b'<html>'
    >>> try:
    ...     Raw().dumps("<html>")
    ... except CacheSerializationError as error:
    ...     print(error)
    value is text, and the raw serializer stores bytes; store text.encode(), or use the native serializer
    """

    __slots__ = ()

    name = "raw"
    code = 4

    def dumps(self, value: Any, /) -> bytes:
        """`value` itself, as bytes."""
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        if isinstance(value, str):
            what, advice = "text", "store text.encode(), or use the native serializer"
        else:
            what, advice = f"of type {type(value).__name__}", "use the native serializer"
        raise CacheSerializationError(f"is {what}, and the raw serializer stores bytes; {advice}", "")

    def loads(self, data: bytes | bytearray | memoryview, fingerprint: bytes | None = None) -> bytes:  # noqa: ARG002
        """The bytes themselves."""
        return as_bytes(data)
