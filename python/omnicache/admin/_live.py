"""What all caches are like just now, read again and again as long as somebody looks, and handed to all who do."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Final

from .._far.apart import apart
from .._logged import logged
from .._manage.errors import describe, kind_of
from .._manage.models import ErrorView
from ..exceptions import CacheError

if TYPE_CHECKING:
    from .._manage.management import Management

__all__ = ["Live"]

_log: Final = logging.getLogger("omnicache.admin")
_SHARE: Final = 4
"""A reading that took long is followed by a pause so many times as long: weighing large caches is work."""


class Live:
    """Readings of all caches, as JSON text.

    Nothing is read while nobody looks. Those who look get the newest reading, and miss the ones they were too slow for.

    Args:
        service: Whose caches.
        interval: Seconds between two readings, at least.
    """

    def __init__(self, service: Management, interval: float = 1.0) -> None:
        self._service: Final = service
        self._interval: Final = interval
        self.looking = 0
        self._number = 0
        self._text = ""
        self._next: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def readings(self, patience: float = 15.0) -> AsyncGenerator[str | None, None]:
        """Each new reading, until :meth:`close`; None when there was none for `patience` seconds."""
        self.looking += 1
        seen = 0
        try:
            while not self._closed:
                if self._task is None:
                    self._next = asyncio.get_running_loop().create_future()
                    self._task = asyncio.create_task(self._read_on())
                if self._number == seen:
                    coming = self._next
                    assert coming is not None  # noqa: S101 - made with the task
                    await asyncio.wait([coming], timeout=patience)
                    if self._closed:
                        return  # type: ignore[unreachable] # it may have been closed while this waited
                    if self._number == seen:
                        yield None
                        continue
                seen = self._number
                yield self._text
        finally:
            self.looking -= 1
            if self.looking == 0:
                self._stop()

    def close(self) -> None:
        """Ends what :meth:`readings` gives, to everyone, so that a server can end."""
        self._closed = True
        self._stop()
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._number = 0  # what was read is old when somebody looks again

    async def _read_on(self) -> None:
        while True:
            began = time.monotonic()
            self._text = json.dumps(await apart(self._read), allow_nan=False, separators=(",", ":"))
            took = time.monotonic() - began
            self._number += 1
            told, self._next = self._next, asyncio.get_running_loop().create_future()
            if told is not None and not told.done():
                told.set_result(None)
            await asyncio.sleep(max(self._interval, took * _SHARE))

    def _read(self) -> dict[str, Any]:
        """All caches, each with its statistics, or with why it has none; in a thread."""
        found: dict[str, Any] = {"time": _now(), "caches": [], "error": None}
        try:
            for view in self._service.caches():
                found["caches"].append({**view.as_dict(), "ref": view.ref, **self._statistics(view.ref)})
        except Exception as error:  # noqa: BLE001 - those who look are told, and the next reading is tried
            if not isinstance(error, CacheError):
                _log.exception("the caches could not be read", extra=logged("request_failed"))
            found["error"] = _told(error)
        return found

    def _statistics(self, ref: str) -> dict[str, Any]:
        try:
            statistics: dict[str, Any] | None = self._service.statistics(ref).as_dict()
            error = None
        except (CacheError, OSError) as failure:
            statistics, error = None, _told(failure)
        return {"statistics": statistics, "error": error, "read_at": _now()}


def _now() -> int:
    """Milliseconds since 1970, as browsers count."""
    return time.time_ns() // 1_000_000


def _told(error: BaseException) -> dict[str, Any]:
    return ErrorView(kind_of(error).code, describe(error)).as_dict()
