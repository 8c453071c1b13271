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

    def __call__(self, done: int, total: int | None, failed: int) -> None:
        """So many of so many are done, of which some failed."""


def _shown(session: Session) -> bool:
    return sys.stderr.isatty() and not session.quiet


@contextmanager
def working(session: Session, what: str) -> Iterator[None]:
    """A bar without an end while something runs."""
    if not _shown(session):
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - it takes its time

    from ._show import console  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


@contextmanager
def steps(session: Session, what: str) -> Iterator[Steps]:
    """A bar that is told how far it is."""
    if not _shown(session):
        yield lambda done, total, failed: None
        return
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from ._show import console  # noqa: PLC0415 - as above

    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), MofNCompleteColumn()),
        *(TextColumn("{task.fields[failed]}", markup=False), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, failed="")

        def told(done: int, total: int | None, failed: int) -> None:
            progress.update(task, completed=done, total=total, failed=f"{failed} failed" if failed else "")

        yield told
