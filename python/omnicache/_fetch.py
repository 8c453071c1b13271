"""What becomes of a request that a plain hit did not answer: served old, refreshed, loaded, or refused.

The functions come in pairs, the two faces of one rule; they differ in how they wait and in where a refresh runs.
"""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from ._loads import board_sync, load_async, load_sync, refresh_async, refresh_sync
from ._work import ABSENT, Absent, LoaderCancelled, SoftLimit
from .exceptions import MissingKeyError, ReentrantLoadError

if TYPE_CHECKING:
    from ._loading import Request

__all__ = ["afetch", "arenew", "fetch", "renew"]


def fetch(request: Request) -> Any:
    """The value of a request: what is there, or what its loader brings."""
    request.prepare()
    value, refresh = _there(request)
    if refresh:
        refresh_sync(request.again())
    while isinstance(value, Absent):
        try:
            value = _alone(request) if request.mode != "normal" else board_sync(request, request.patience())()
        except Exception as error:  # noqa: BLE001 - it is raised again if there is nothing else to serve
            value = _instead(request, error)
    return request.handed(value)


async def afetch(request: Request) -> Any:
    """As :func:`fetch`, for tasks; the loader may be a coroutine function."""
    request.awaits = True
    await request.aprepare()
    value, refresh = _there(request)
    if refresh:
        refresh_async(request.again())
    while isinstance(value, Absent):
        try:
            if request.mode == "normal":
                value = await load_async(request, request.patience())
            else:
                made = _alone(request)
                value = await made if isawaitable(made) else made
        except Exception as error:  # noqa: BLE001 - as above
            value = _instead(request, error)
    return request.handed(value)


def renew(request: Request) -> Any:
    """What the loader brings now, whatever is there; nothing old stands in for it."""
    try:
        return request.handed(load_sync(request.renewal(), request.patience(old=False)))
    except SoftLimit as limit:
        raise _meant(limit) from None


async def arenew(request: Request) -> Any:
    """As :func:`renew`, for tasks."""
    request.awaits = True
    try:
        return request.handed(await load_async(request.renewal(), request.patience(old=False)))
    except (SoftLimit, LoaderCancelled) as signal:
        raise _meant(signal) from None


def _meant(signal: SoftLimit | LoaderCancelled) -> BaseException:
    """The error that a signal brings."""
    return signal if signal.error is None else signal.error


def _there(request: Request) -> tuple[Any | Absent, bool]:
    """What is there for this caller, and whether a refresh is to be started."""
    if request.mode == "bypass":
        return ABSENT, False
    if request.mode != "offline":
        return request.answer()
    value = request.offline()
    if isinstance(value, Absent):
        raise MissingKeyError(request.key, request.name)
    return value, False


def _alone(request: Request) -> Any:
    """What the loader makes, for a caller who does not want it stored, and so shares it with nobody."""
    return request.begin()()


def _instead(request: Request, error: Exception) -> Any | Absent:
    """The old value in the place of what could not be loaded (in time); absent for a caller that waits on."""
    if isinstance(error, ReentrantLoadError):
        raise error
    value = request.fallback(error, failed=not isinstance(error, SoftLimit))
    if not isinstance(value, Absent):
        return value
    if isinstance(error, LoaderCancelled):
        raise error.error from None
    if not isinstance(error, SoftLimit):
        raise error
    if error.error is not None:
        raise error.error from None
    return ABSENT
