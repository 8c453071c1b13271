"""The command ``omnicache``: caches from the terminal. It needs click and rich, which the extra ``cli`` brings."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say (those of the process, if None), and returns the exit code."""
    missing = [name for name in ("click", "rich") if find_spec(name) is None]
    if missing:
        needed = {"click": "'click>=8.1'", "rich": "'rich>=13'"}
        print(  # noqa: T201 - there is nothing else to say it with
            f"omnicache: the command line needs {' and '.join(missing)}: "
            f"{sys.executable} -m pip install {' '.join(needed[name] for name in missing)}",
            file=sys.stderr,
        )
        return 1
    from ._run import run

    return run(arguments)
