"""Answers: JSON, YAML, and tables, which on anything but a screen are lines of fields with tabs between them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ._terminal import colours, is_terminal, one_line, out, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

__all__ = ["amount", "console", "dumped", "duration", "json_out", "moment", "record", "table", "yaml_out"]


def dumped(data: Any, *, indent: int | None = None) -> str:
    """JSON as a person reads it too: characters stay characters, except halves of pairs."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(data, ensure_ascii=False, indent=indent, separators=separators)
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = json.dumps(data, indent=indent, separators=separators)
    return text


def json_out(data: Any, *, indent: int | None = 2) -> None:
    """One JSON document."""
    text = dumped(data, indent=indent)
    # JSON escapes the rest, but not what turns the direction of writing, nor DEL and the controls behind it.
    out("\n".join(map(one_line, text.split("\n"))) if is_terminal() else text)


def yaml_out(data: Any) -> None:
    """One YAML document."""
    from ._yaml import yaml_lines

    for line in yaml_lines(data):
        out(line)


def console(*, stderr: bool = False) -> Console:
    """A screen for rich."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False, no_color=not colours())


def table(
    columns: Sequence[tuple[str, int]],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[str] = (),
    cut: Iterable[str] = (),
) -> None:
    """Rows under headings.

    Args:
        columns: Each heading, and how wide a screen must be for its column to be shown.
        rows: The fields of each row.
        numbers: The headings of those that are numbers.
        cut: The headings of those that are cut to the width of the screen.
    """
    if not is_terminal():
        out("\t".join(name for name, _ in columns))
        for row in rows:
            out("\t".join(map(one_line, row)))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [at for at, (_, least) in enumerate(columns) if width() >= least]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    right = set(numbers)
    kept = [[one_line(row[at]) for at in shown] for row in rows]
    _fit([columns[at][0] for at in shown], kept, set(cut))
    for at in shown:
        name = columns[at][0]
        is_number = name in right
        made.add_column(
            name,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for fields in kept:
        made.add_row(*map(Text, fields))
    console().print(made)


def _fit(names: list[str], rows: list[list[str]], cut: set[str]) -> None:
    """Cuts the fields of some columns, so that the others have the room that they need."""
    from rich.cells import cell_len, set_cell_size

    widths = [max(map(cell_len, [name, *(row[at] for row in rows)])) for at, name in enumerate(names)]
    room = width() - sum(min(size, width() // 2) + 3 for at, size in enumerate(widths) if names[at] not in cut)
    room = max(room, 8)
    for row in rows:
        for at, name in enumerate(names):
            if name in cut and cell_len(row[at]) > room:
                row[at] = set_cell_size(row[at], room - 1) + "…"


def record(pairs: Sequence[tuple[str, str]]) -> None:
    """One thing: what is known of it, a line each."""
    if not is_terminal():
        for name, text in pairs:
            out(f"{name}\t{one_line(text)}")
        return
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, text in pairs:
        made.add_row(name, Text(one_line(text)))
    console().print(made)


def amount(size: float | None) -> str:
    """Bytes for a person; the plain number for a script.

    >>> amount(1536) if is_terminal() else "1.5 KiB"
    '1.5 KiB'
    """
    if size is None:
        return "-"
    if not is_terminal():
        return str(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - what a KiB is
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def duration(seconds: float | None, *, none: str = "never") -> str:
    """Seconds for a person; the plain number for a script."""
    if seconds is None:
        return none
    if not is_terminal():
        return f"{seconds:g}"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 60:  # noqa: PLR2004 - what a minute is
        return f"{sign}{seconds:.3g}s"
    whole = round(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    while not parts[0][0]:
        parts.pop(0)
    return sign + "".join(f"{count}{unit}" for count, unit in parts[:2] if count)


def moment(text: str | None, *, none: str = "-") -> str:
    """A moment of a view, as it is in JSON, in the time zone of a person's screen."""
    if text is None:
        return none
    if not is_terminal():
        return text
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return text
