"""The terminal, and text for it: who is asked, and what a hostile key or value must not do to a screen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from ._session import Session

__all__ = ["colours", "confirm", "is_terminal", "one_line", "out", "printable", "width"]

# Control characters, and those that turn the direction of writing: they could rewrite what else is on the screen.
_TURNS: Final = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x2028, 0x2029]
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in [*range(0x20), *range(0x7F, 0xA0)]}
_UNSAFE: Final = _CONTROLS | {code: f"\\u{code:04x}" for code in _TURNS}
_IN_A_BLOCK: Final = {code: text for code, text in _UNSAFE.items() if chr(code) not in "\n\t"}
_ON_ONE_LINE: Final = _UNSAFE | {ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r"}
_MANY: Final = 80


def out(text: str = "", *, end: str = "\n") -> None:
    """Writes a part of the answer as it is; click's own `echo` would take out of a value what looks like a colour."""
    sys.stdout.write(text + end)


def is_terminal() -> bool:
    """Whether the answer goes to a person's screen."""
    return sys.stdout.isatty()


def colours() -> bool:
    """Whether that screen may be coloured."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns of the screen."""
    import shutil

    return shutil.get_terminal_size((_MANY, 24)).columns


def one_line(text: str) -> str:
    r"""`text` without anything that moves the cursor or looks like another line.

    >>> one_line("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    return text.translate(_ON_ONE_LINE)


def printable(text: str) -> str:
    """`text` as it is for a pipe; for a screen without what moves the cursor, but with its own lines."""
    return text.translate(_IN_A_BLOCK) if is_terminal() else text


def confirm(session: Session, question: str) -> None:
    """Goes on if the person says yes.

    Raises:
        click.UsageError: There is nobody to ask.
        click.exceptions.Exit: The answer is no, or none.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; give --force to do it without asking")
    sys.stderr.write(f"{one_line(question)} [y/N]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        if not answer.endswith("\n"):
            sys.stderr.write("\n")
        session.note("nothing was done")
        raise click.exceptions.Exit(1)
