"""Single keys from the terminal, without waiting for the end of a line."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["keys"]

if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def keys() -> Iterator[Callable[[float], str | None]]:
        """A function that waits up to so many seconds for a key."""

        def key(seconds: float) -> str | None:
            end = time.monotonic() + seconds
            while not msvcrt.kbhit():
                if time.monotonic() >= end:
                    return None
                time.sleep(0.02)
            return msvcrt.getwch()

        yield key

else:
    import os
    import select
    import termios
    import tty

    @contextmanager
    def keys() -> Iterator[Callable[[float], str | None]]:
        """A function that waits up to so many seconds for a key; without a terminal it only waits."""
        if not sys.stdin.isatty():
            yield _wait
            return
        handle = sys.stdin.fileno()
        before = termios.tcgetattr(handle)
        # Not raw: Ctrl-C stays what it is.
        tty.setcbreak(handle)

        def key(seconds: float) -> str | None:
            if not select.select([handle], [], [], max(seconds, 0))[0]:
                return None
            data = os.read(handle, 32)
            if not data:
                _wait(seconds)  # the terminal is gone
            return data.decode("utf-8", "replace")

        try:
            yield key
        finally:
            termios.tcsetattr(handle, termios.TCSADRAIN, before)

    def _wait(seconds: float) -> None:
        time.sleep(max(seconds, 0))
