"""Plain tables for an 80-column terminal, and the expectations that decide the exit status."""

from collections.abc import Sequence


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> None:
    """Print a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()

    print(f"\n{title}\n{'=' * len(title)}")
    print(line(headers))
    print("  ".join("-" * width for width in widths))
    for row in rows:
        print(line(row))
    if note:
        print(note)


def seconds(value: float) -> str:
    """A duration a person can read.

    >>> seconds(12.5), seconds(0.0034), seconds(2.1e-7)
    ('12.50 s', '3.40 ms', '210 ns')
    """
    for limit, unit, places in ((1, "s", 2), (1e-3, "ms", 2), (1e-6, "us", 2)):
        if value >= limit:
            return f"{value / limit:.{places}f} {unit}"
    return f"{value * 1e9:.0f} ns"


class Expectations:
    """What the demo claims, each checked on the spot and printed at the end."""

    def __init__(self) -> None:
        self._checked: list[tuple[bool, str, str]] = []

    def check(self, claim: str, holds: bool, seen: str = "") -> None:
        """Note a claim, whether it holds, and what was seen instead if it does not."""
        self._checked.append((holds, claim, seen))

    def conclude(self) -> bool:
        """Print every claim with its verdict; True if all hold."""
        print("\nExpectations\n============")
        for holds, claim, seen in self._checked:
            print(
                f"{'ok    ' if holds else 'FAILED'}  {claim}"
                + (f"\n        seen: {seen}" if seen and not holds else "")
            )
        failed = sum(not holds for holds, _, _ in self._checked)
        print(f"\n{len(self._checked) - failed} of {len(self._checked)} expectations met")
        return failed == 0
