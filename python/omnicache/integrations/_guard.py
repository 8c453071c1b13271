"""What happens when the cache itself fails: the application answers all the same, unless the user wants to see it."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Literal, TypeAlias, get_args

from .._logged import logged
from ..exceptions import CacheConfigError

__all__ = ["Guard", "OnCacheError"]

OnCacheError: TypeAlias = Literal["degrade", "circuit_breaker", "raise"]

_log = logging.getLogger("omnicache.integrations")
_SILENCE = 60.0  # seconds between two lines in the log
_PATIENCE = 5  # failures in a row that open the breaker
_REST = 30.0  # seconds for which it stays open


class Guard:
    """Awaits operations of a cache and answers for their failures.

    Args:
        mode: ``"degrade"``: a failure is logged and the operation has found or done nothing. ``"circuit_breaker"``: the
            same, and after five in a row the cache is left alone for 30 seconds. ``"raise"``: the request fails.

    Raises:
        CacheConfigError: There is no such mode.
    """

    __slots__ = ("_failures", "_mode", "_open_until", "_silent_until")

    def __init__(self, mode: OnCacheError) -> None:
        if mode not in get_args(OnCacheError):
            raise CacheConfigError(f'on_cache_error: "degrade", "circuit_breaker" or "raise", not {mode!r}')
        self._mode = mode
        self._failures = 0
        self._open_until = self._silent_until = 0.0

    @property
    def resting(self) -> bool:
        """Whether the cache is to be left alone just now."""
        return self._open_until > 0.0 and monotonic() < self._open_until

    @property
    def raises(self) -> bool:
        """Whether failures are raised."""
        return self._mode == "raise"

    async def __call__(self, operation: Coroutine[Any, Any, Any], default: Any = None) -> Any:
        """The result of the operation, or `default` if it fails or is not to be tried."""
        if self.resting:
            operation.close()
            return default
        try:
            result = await operation
        except Exception as error:  # a backend may be anyone's, and raise anything
            if self._mode == "raise":
                raise
            self.failed(error)
            return default
        self.worked()
        return result

    def worked(self) -> None:
        """Notes that the cache did what it was asked to do."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """Notes a failure, and logs it unless one was logged a moment ago."""
        now = monotonic()
        self._failures += 1
        if self._mode == "circuit_breaker" and self._failures >= _PATIENCE:
            self._open_until = now + _REST
        if now >= self._silent_until:
            self._silent_until = now + _SILENCE
            extra = logged("cache_passed_by")
            _log.warning("the cache failed and is passed by: %s: %s", type(error).__name__, error, extra=extra)
