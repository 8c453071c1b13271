"""Errors as operators meet them: a code, the status of HTTP, the exit code of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..exceptions import (
    CacheBackendError,
    CacheClosedError,
    CacheConfigError,
    CacheError,
    CacheExistsError,
    CacheNotFoundError,
    CacheSerializationError,
    CacheStrategyError,
    CacheTimeoutError,
    InvalidKeyError,
    MissingKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AccessDenied", "InvalidInput", "Kind", "describe", "details_of", "exit_code", "kind_of", "raised"]

MESSAGE_LIMIT: Final = 2000


class InvalidInput(CacheError, ValueError):  # noqa: N818 - the name says what is wrong
    """What was asked for cannot be: a name, a key, a duration, a limit that makes no sense."""


class AccessDenied(CacheError, PermissionError):  # noqa: N818 - as above
    """The token is missing or wrong, or what was asked for is not allowed."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "permission denied"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error.

    Args:
        code: The same on the command line and in HTTP.
        status: The status of HTTP.
        exit: The exit code of the command line.
    """

    code: str
    status: int
    exit: int


GENERAL: Final = Kind("INTERNAL_ERROR", 500, 1)
# The first that fits is taken, so what derives from another stands before it.
_KINDS: Final[tuple[tuple[type[BaseException], Kind], ...]] = (
    (InvalidInput, Kind("VALIDATION_ERROR", 400, 8)),
    (AccessDenied, Kind("PERMISSION_DENIED", 403, 5)),
    (CacheNotFoundError, Kind("CACHE_NOT_FOUND", 404, 3)),
    (CacheClosedError, Kind("CACHE_CLOSED", 404, 3)),
    (MissingKeyError, Kind("ENTRY_NOT_FOUND", 404, 4)),
    (InvalidKeyError, Kind("INVALID_KEY", 400, 8)),
    (CacheExistsError, Kind("CACHE_EXISTS", 409, 1)),
    (CacheSerializationError, Kind("SERIALIZATION_ERROR", 400, 8)),
    (CacheTimeoutError, Kind("BACKEND_TIMEOUT", 504, 6)),
    (CacheBackendError, Kind("BACKEND_ERROR", 503, 6)),
    (CacheStrategyError, Kind("STRATEGY_ERROR", 400, 8)),
    (CacheConfigError, Kind("CONFIGURATION_ERROR", 500, 7)),
    (CacheError, Kind("CACHE_ERROR", 500, 1)),
    (PermissionError, Kind("PERMISSION_DENIED", 403, 5)),
    (ConnectionError, Kind("BACKEND_ERROR", 503, 6)),
    (TimeoutError, Kind("BACKEND_TIMEOUT", 504, 6)),
)
_BY_CODE: Final = {kind.code: error for error, kind in reversed(_KINDS) if issubclass(error, CacheError)}


def kind_of(error: BaseException) -> Kind:
    """What kind of error this is.

    >>> kind_of(CacheNotFoundError("there is no cache 'users'"))
    Kind(code='CACHE_NOT_FOUND', status=404, exit=3)
    """
    for known, kind in _KINDS:
        if isinstance(error, known):
            return kind
    return GENERAL


def exit_code(error: BaseException) -> int:
    """The exit code of the command line: 1, or 3 to 8 by the kind of error.

    >>> exit_code(CacheBackendError("no answer")), exit_code(RuntimeError())
    (6, 1)
    """
    return kind_of(error).exit


def describe(error: BaseException) -> str:
    """What went wrong, for a person; nothing but the type of an error that is not OmniCache's own.

    >>> describe(InvalidInput("limit: 1 to 1000, not 0"))
    'limit: 1 to 1000, not 0'
    """
    if isinstance(error, CacheError | OSError):
        text = str(error) or type(error).__name__
        return text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "..."
    return f"unexpected {type(error).__name__}"


def details_of(error: BaseException) -> dict[str, Any]:
    """What a program may want to know about an error besides its code."""
    if isinstance(error, MissingKeyError):
        return {"cache": error.cache, "key": error.key if isinstance(error.key, str) else repr(error.key)}
    if isinstance(error, CacheSerializationError) and error.path is not None:
        return {"path": error.path}
    return {}


def raised(code: str, message: str, details: Mapping[str, Any]) -> CacheError:
    """The exception that another process described by `code`, `message` and `details`.

    >>> raised("CACHE_EXISTS", "it exists", {})
    CacheExistsError('it exists')
    """
    error = _BY_CODE.get(code, CacheError)
    if error is MissingKeyError:
        return MissingKeyError(details.get("key", ""), str(details.get("cache", "")))
    return error(message)
