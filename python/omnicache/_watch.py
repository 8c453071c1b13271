"""Who watches loads and requests to far stores from outside: nobody, unless a program asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from ._loading import Request

__all__ = ["WATCH", "FarWatcher", "Label", "Watch"]


class Label(NamedTuple):
    """Whose far store it is, and of which kind."""

    namespace: str
    cache: str
    kind: str


FarWatcher = Callable[[Label, str], AbstractContextManager[object]]
"""Called for each request to a far store, with its name; the request is done within."""


class Watch:
    """Where those who watch are found; a load or a request to a far store looks here once."""

    __slots__ = ("far", "load")

    far: FarWatcher | None
    load: Callable[[Request, Callable[[], Any]], Callable[[], Any | Awaitable[Any]]] | None
    """Called for each run of a loader; what it returns is called in the loader's place."""

    def __init__(self) -> None:
        self.far = None
        self.load = None


WATCH: Final = Watch()
