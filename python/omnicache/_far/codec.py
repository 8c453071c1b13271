"""Values to payloads and back: the serializer of a cache, and its compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..exceptions import CacheSerializationError
from ..serializers import Compression, Serializer, serializer_from

if TYPE_CHECKING:
    from .._omnicache import FarEntry

__all__ = ["Codec"]

_LONGEST: Final = (1 << 31) - (1 << 20)
"""Bytes that a value may take outside the process."""

COMPRESSED: Final = 1


class Codec:
    """How the values of one cache travel."""

    __slots__ = ("compression", "serializer")

    def __init__(self, serializer: Any, compression: Compression | None) -> None:
        """`serializer` is whatever :func:`serializer_from` takes."""
        self.serializer: Final[Serializer] = serializer_from(serializer)
        self.compression: Final = compression

    def pack(self, value: Any) -> tuple[bytes, int]:
        """The payload and its flags.

        Raises:
            CacheSerializationError: The value cannot be written; the message names the part. Or it is too long.
        """
        data, flags = self.serializer.dumps(value), 0
        if self.compression is not None:
            data, compressed = self.compression.pack(data)
            flags = COMPRESSED if compressed else 0
        if len(data) > _LONGEST:
            raise CacheSerializationError(f"the value takes {len(data)} bytes, and at most {_LONGEST} are kept")
        return data, flags

    def unpack(self, entry: FarEntry) -> Any:
        """The value of an entry.

        Raises:
            CacheSerializationError: It was written by another serializer, for another shape, or is damaged.
        """
        serializer, data = self.serializer, entry.payload
        if data is None or entry.serializer != serializer.code:
            raise CacheSerializationError(
                f"the value was written by the serializer number {entry.serializer}, and {serializer.name} is "
                f"number {serializer.code}"
            )
        if entry.flags & COMPRESSED:
            data = (self.compression or _PLAIN).unpack(data)
        return serializer.loads(data, entry.schema)


_PLAIN: Final = Compression()
