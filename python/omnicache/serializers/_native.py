"""`Native`: the default serializer."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Self

from omnicache import _units
from omnicache._omnicache import NativeCodec
from omnicache.exceptions import CacheConfigError

from ._base import Serializer

MAX_BYTES = 2 << 30


class Native(NativeCodec, Serializer):
    """Writes the builtin types and returns exactly what went in: same types, same order, same bits.

    It knows ``None``, ``bool``, ``int`` of any size, ``float``, ``str``, ``bytes``, ``bytearray``, ``list``, ``tuple``,
    ``set``, ``frozenset``, ``dict`` with keys of any of these, ``datetime``, ``date``, ``time`` and ``timedelta`` with
    fixed offsets or ``ZoneInfo``, ``Decimal``, ``UUID``, and the members of the enums that it is given. Subclasses of
    these are refused rather than returned as their base. A value is a tree: an object that is in it twice comes back as
    two equal ones. The bytes are MessagePack, the same for equal values in every process.

    Args:
        enums: Enum classes whose members may be written. They are stored by name.
        max_bytes: A value that takes more is refused when it is written; an int, or text such as ``"16MiB"``. At most
            2 GiB.

    Raises:
        CacheConfigError: One of `enums` is no enum, or `max_bytes` is no such size.

    >>> from datetime import date
    >>> native = Native()
    >>> native.loads(native.dumps({"at": (date(2026, 1, 1), 2**100), 7: {b"x"}}))
    {'at': (datetime.date(2026, 1, 1), 1267650600228229401496703205376), 7: {b'x'}}
    >>> from enum import Enum
    >>> class Color(Enum):
    ...     RED = 1
    >>> native = Native(enums=[Color])
    >>> native.loads(native.dumps([Color.RED]))
    [<Color.RED: 1>]
    """

    __slots__ = ()

    name = "native"
    code = 1

    def __new__(cls, *, enums: Iterable[type[Enum]] = (), max_bytes: int | str = MAX_BYTES) -> Self:
        """As the class says."""
        if isinstance(enums, type):  # an Enum class is iterable itself
            raise CacheConfigError("enums: give the Enum classes as a list, such as Native(enums=[Color])")
        return super().__new__(cls, list(enums), _units.size(max_bytes, "Native: max_bytes"))

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        return (), {"enums": self.enums, "max_bytes": self.max_bytes}

    def __repr__(self) -> str:
        enums = f"enums=[{', '.join(enum.__qualname__ for enum in self.enums)}]" if self.enums else ""
        limit = f"max_bytes={self.max_bytes}" if self.max_bytes != MAX_BYTES else ""
        return f"Native({', '.join(filter(None, (enums, limit)))})"
