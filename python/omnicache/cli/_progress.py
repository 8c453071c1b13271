"""Progress on a person's screen; scripts see none of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._session import Session

__all__ = ["Steps", "steps", "working"]


class Steps(Protocol):
    """How far something has come."""

    def __call__(self, _done: int, _total: int | None, _failed: int) -> None:
        """So many of so many are done, of which some failed."""


def _shown(session: Session) -> bool:
    return sys.stderr.isatty() and not session.quiet


@contextmanager
def working(session: Session, what: str) -> Iterator[None]:
    """A bar without an end while something runs."""
    if not _shown(session):
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from ._show import console

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def _unseen(_done: int, _total: int | None, _failed: int) -> None:
    """Nobody looks."""


@contextmanager
def steps(session: Session, what: str) -> Iterator[Steps]:
    """A bar that is told how far it is."""
    if not _shown(session):
        yield _unseen
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from ._show import console

    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), MofNCompleteColumn()),
        *(TextColumn("{task.fields[failed]}", markup=False), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, failed="")

        def told(_done: int, _total: int | None, _failed: int) -> None:
            failed = f"{_failed} failed" if _failed else ""
            progress.update(task, completed=_done, total=_total, failed=failed)

        yield told
