"""`Compression`: fewer bytes for large values."""

from __future__ import annotations

from dataclasses import dataclass

from omnicache import _units
from omnicache._omnicache import compress, decompress
from omnicache.exceptions import CacheConfigError

LEVELS = range(1, 20)


@dataclass(frozen=True, slots=True)
class Compression:
    """Compresses the bytes of large values with zstd, and keeps the result where it is shorter.

    Args:
        level: From 1 (fastest) to 19 (smallest).
        threshold: Values of fewer bytes are left alone; an int or text such as ``"4KiB"``.
        max_bytes: What a value may have been before it was compressed: more is refused when it is read, so that a few
            bytes cannot fill the memory.

    Raises:
        CacheConfigError: A bad argument.

    >>> compression = Compression(threshold=100)
    >>> packed, compressed = compression.pack(b"spam" * 1000)
    >>> compressed, len(packed) < 100
    (True, True)
    >>> compression.unpack(packed) == b"spam" * 1000
    True
    >>> compression.pack(b"spam")
    (b'spam', False)
    """

    level: int = 3
    threshold: int = 2048
    max_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        if isinstance(self.level, bool) or self.level not in LEVELS:
            raise CacheConfigError(f"Compression: level: {self.level!r} is not a number from 1 to 19")
        for name in ("threshold", "max_bytes"):
            object.__setattr__(self, name, _units.size(getattr(self, name), f"Compression: {name}"))

    def pack(self, data: bytes) -> tuple[bytes, bool]:
        """The bytes to store, and whether they are compressed. Other threads run meanwhile if there are many."""
        if len(data) < self.threshold:
            return data, False
        packed = compress(data, self.level)
        return (data, False) if packed is None else (packed, True)

    def unpack(self, data: bytes) -> bytes:
        """What was compressed.

        Raises:
            CacheSerializationError: The bytes are damaged, or were more than `max_bytes`.
        """
        return decompress(data, self.max_bytes)
