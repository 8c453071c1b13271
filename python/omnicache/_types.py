"""Names for the types that arguments take."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, TypeAlias

from ._sentinels import DefaultType

__all__ = ["CopyMode", "Duration", "Ttl"]

Duration: TypeAlias = float | timedelta | str
"""Seconds, a ``timedelta``, or text such as ``"90s"``, ``"5m"``, ``"1h30m"``."""

Ttl: TypeAlias = Duration | DefaultType | None
"""A duration, ``None`` for ever, ``DEFAULT`` for what the cache was built with."""

CopyMode: TypeAlias = Literal["none", "shallow", "deep"]
"""What a read hands out: the very object, or a copy."""
