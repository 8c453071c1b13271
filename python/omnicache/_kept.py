"""Exceptions that are kept in the place of a value, and raised again for each caller."""

from __future__ import annotations

import copy as copying

__all__ = ["again", "bare"]


def bare(error: Exception) -> Exception:
    """The exception without the frames that it passed, which would live as long as it is kept."""
    made = _copy(error)
    made.__traceback__ = made.__context__ = None
    return made


def again(error: Exception) -> Exception:
    """Another one like it, for every caller its own traceback."""
    return _copy(error).with_traceback(None)


def _copy(error: Exception) -> Exception:
    kind = type(error)
    try:
        made = copying.copy(error)
    except Exception:  # noqa: BLE001 - the exception's own code: its __init__ wants more than what it calls its args
        made = kind.__new__(kind, *error.args)
        made.__dict__.update(error.__dict__)
    if type(made) is not kind:
        return error
    made.__cause__, made.__suppress_context__ = error.__cause__, error.__suppress_context__
    return made
