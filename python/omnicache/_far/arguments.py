"""What callers give to a cache whose entries leave the process, checked as the cache in memory checks it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .._omnicache import encode_key
from .._options import checked_tags
from ..exceptions import CacheConfigError, InvalidKeyError

__all__ = ["counted", "encoded", "keys_of", "pattern_of", "tags_of"]

_LONGEST: Final = 1 << 20
"""Bytes that a key may take outside the process."""


def encoded(key: Any) -> bytes:
    """A key as every process writes it.

    Raises:
        InvalidKeyError: It cannot be used, or is too long to leave the process.
    """
    data = encode_key(key)
    if len(data) > _LONGEST:
        raise InvalidKeyError(
            f"the key takes {len(data)} bytes, and outside the process at most {_LONGEST} are kept; use a digest of it"
        )
    return data


def keys_of(keys: Any, method: str) -> list[Any]:
    """The keys that `keys` gives; one key by mistake is an error: its letters are not meant."""
    if not isinstance(keys, (str, bytes)):
        try:
            return list(keys)
        except TypeError:
            if isinstance(keys, Iterable):
                raise
    raise TypeError(f"{method}: keys: an iterable of keys, not one {type(keys).__name__}; write [key]")


def tags_of(tags: Any) -> list[str]:
    """A ``tags`` argument."""
    checked = list(dict.fromkeys(checked_tags(tags, "tags")))
    for tag in checked:
        try:
            tag.encode()
        except UnicodeEncodeError:
            # Two of them could not be told apart.
            raise CacheConfigError(f"tags: {tag!r} is no text: a tag has no lone surrogates") from None
    return checked


def pattern_of(pattern: Any) -> str | None:
    """A ``pattern`` argument."""
    if pattern is not None and not isinstance(pattern, str):
        raise TypeError(f'pattern: a str such as "user:*", not {type(pattern).__name__}')
    return pattern


def counted(value: object, name: str) -> None:
    """Raises TypeError for what cannot be counted with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"incr: {name} is an int or a float, not {type(value).__name__}; use set() to replace it")
