"""Pickles that only the process that made them reads: signed with a secret that never leaves it."""

from __future__ import annotations

import hmac
import pickle
import secrets
from typing import Any

__all__ = ["BrokenSealError", "is_sealed", "opened", "sealed"]

_SECRET = secrets.token_bytes(32)
_MAGIC = b"omnicache-sealed:"
_SIGNATURE = 32


class BrokenSealError(Exception):
    """A pickle that this process did not make; it was not read."""


def sealed(value: object) -> bytes:
    """The value, pickled and signed."""
    data = pickle.dumps(value)
    return _MAGIC + hmac.digest(_SECRET, data, "sha256") + data


def is_sealed(kept: object) -> bool:
    """Whether this is what :func:`sealed` returns."""
    return isinstance(kept, bytes) and kept.startswith(_MAGIC)


def opened(kept: bytes) -> Any:
    """The value.

    Raises:
        BrokenSealError: Another process made it.

    >>> opened(sealed({1, 2})) == {1, 2}
    True
    """
    signature, data = kept[len(_MAGIC) :][:_SIGNATURE], kept[len(_MAGIC) + _SIGNATURE :]
    if not hmac.compare_digest(signature, hmac.digest(_SECRET, data, "sha256")):
        raise BrokenSealError
    return pickle.loads(data)  # noqa: S301 - the signature says that this very process wrote it
