"""What is to be loaded, as a load sees it, and the signals between a load and who asked for it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context

    from ._omnicache import Flight, Flights, Leader
    from .exceptions import CacheTimeoutError

__all__ = ["ABSENT", "Absent", "LoaderCancelled", "SoftLimit", "Work"]

V = TypeVar("V")


class Absent(enum.Enum):
    """The type of no value, which no loader can return."""

    ABSENT = enum.auto()


ABSENT: Final = Absent.ABSENT


class SoftLimit(Exception):  # noqa: N818 - a signal between two layers of ours
    """The load, which goes on, takes too long for this caller, who may have something to serve.

    ``error`` is for one that has not, and cannot wait on; None for one that can.
    """

    def __init__(self, error: CacheTimeoutError | None = None) -> None:
        """With what to raise, if anything."""
        super().__init__(error)
        self.error = error


class LoaderCancelled(Exception):  # noqa: N818 - a signal between two layers of ours
    """The loader raised ``error``, a CancelledError, though nobody had cancelled it."""

    def __init__(self, error: BaseException) -> None:
        """With what the loader raised."""
        super().__init__(error)
        self.error = error


class Work(Protocol[V]):
    """What is to be loaded, as one request for it sees it. Nothing here may wait for a load but ``run``."""

    @property
    def name(self) -> str:
        """The cache's name, for errors."""
        ...

    @property
    def key(self) -> Any:
        """The key."""
        ...

    @property
    def flights(self) -> Flights:
        """The running loads of the cache."""
        ...

    def now(self) -> float:
        """Seconds on the cache's clock."""
        ...

    def look(self) -> V | Absent:
        """The value that is in the store by now and makes the load needless; counts as no request.

        What is there otherwise is what the value will be stored over. An error that is kept there is raised.
        """
        ...

    def led_by(self, leader: Leader | Flight) -> None:
        """Tells whose load it is, before it runs."""
        ...

    def begin(self) -> Callable[[], V | Awaitable[V]]:
        """What to call for a run of the loader, which begins now."""
        ...

    def store(self, value: V, /) -> bool:
        """Stores the value over what was last looked at, and over nothing newer; whether it did."""
        ...

    def discard(self, value: V, /) -> None:
        """Removes the entry if it is still this very object ``value``."""
        ...

    def failed(self, error: BaseException, valid: Callable[[], bool], /) -> None:
        """The loader raised ``error``; once for each load. An error that is to be kept is, while that is ``valid``."""
        ...

    def context(self) -> Context:
        """A copy of the running context, for a load that runs apart from its caller."""
        ...
