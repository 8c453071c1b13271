"""Values that stand for no value: one for what is absent, one for what is left to the cache."""

from __future__ import annotations

import enum
from typing import Final, Literal, TypeAlias

__all__ = ["DEFAULT", "MISSING", "DefaultType", "MissingType"]


class _Sentinel(enum.Enum):
    MISSING = "MISSING"
    DEFAULT = "DEFAULT"

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __bool__(self) -> bool:
        return self is not _Sentinel.MISSING


MISSING: Final = _Sentinel.MISSING
"""No value, where ``None`` could be one. It is falsy.

>>> from omnicache import Cache, MISSING
>>> with Cache("absent-or-none") as cache:
...     cache.set("a", None)
...     cache.get("a", MISSING), cache.get("b", MISSING)
(None, MISSING)
"""

DEFAULT: Final = _Sentinel.DEFAULT
"""What the cache was built with."""

MissingType: TypeAlias = Literal[_Sentinel.MISSING]
DefaultType: TypeAlias = Literal[_Sentinel.DEFAULT]
