"""Progress on a person's screen; scripts see none of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from ._terminal import width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, ProgressColumn, TaskID

    from ._session import Session

__all__ = ["Steps", "steps", "working"]

_ROOMY: Final = 60
"""Columns of a screen that has room for words beside the bar."""


class Steps:
    """How far something has come, told to a bar if there is one."""

    def __init__(self, bar: Progress | None = None, task: TaskID | None = None) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done: int, total: int | None, failed: int) -> None:
        """So many of so many are done, of which some failed."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, failed=f"{failed} failed" if failed else "")

    def note(self, text: str) -> None:
        """Says something on stderr, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, soft_wrap=True)
        else:
            click.echo(text, err=True)


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


@contextmanager
def steps(session: Session, what: str) -> Iterator[Steps]:
    """A bar that is told how far it is."""
    if not _shown(session):
        yield Steps()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ._show import console

    columns: list[ProgressColumn] = [
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}", markup=False),
    ]
    if width() >= _ROOMY:
        columns = [TextColumn("{task.description}", markup=False), *columns, TimeRemainingColumn()]
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        yield Steps(progress, progress.add_task(what, total=None, failed=""))
