"""``omnicache monitor``: one or all caches, live: on a screen, or as lines for machines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from ._options import CACHE, format_option
from ._root import Command
from ._session import Session, in_session
from ._terminal import is_terminal, one_line, out

if TYPE_CHECKING:
    from ._readings import Course, Watcher

__all__ = ["monitor"]

HOTTEST: Final = 5
HOTTEST_EVERY: Final = 5.0
"""Seconds between looks for the hottest keys, which take a page of entries."""


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache monitor
  omnicache --server unix:/run/app.sock monitor users --threshold 0.8
  omnicache monitor --format logs --refresh 10
  omnicache monitor --format json | jq -c '.caches[] | select(.alert)'

\b
Keys: s sorts by the next column, r turns the order round, q quits.""",
)
@click.argument("cache", type=CACHE, required=False)
@format_option("dashboard", "json", "logs")
@click.option(
    "--refresh",
    type=click.FloatRange(min=0.1),
    default=1,
    show_default=True,
    metavar="S",
    help="Seconds between readings.",
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), metavar="R", help="Alert where the hit rate is under this, from 0 to 1."
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after so many readings.")
@in_session
def monitor(
    session: Session, cache: str | None, form: str, refresh: float, threshold: float | None, count: int | None
) -> None:
    """Watch one or all caches live: hit rates, reads and writes per second, sizes, evictions, errors, status.

    The hit rate is that of the reads since the last reading. Of one cache, the hottest keys are shown too.
    """
    from ._readings import Watcher

    if form == "dashboard" and not is_terminal():
        raise click.UsageError("the dashboard needs a terminal; --format logs or json is for files and pipes")
    with session.management() as service:
        watcher = Watcher(service, cache)
        if form == "dashboard":
            where = session.server or "files and servers of the registry"
            _dashboard(watcher, where, refresh, threshold, count)
            return
        times = 0
        while True:
            courses = watcher.read()
            _json(courses, threshold) if form == "json" else _log(courses, threshold)
            sys.stdout.flush()
            times += 1
            if times == count:
                return
            time.sleep(refresh)


def _json(courses: list[Course], threshold: float | None) -> None:
    from ._show import dumped

    out(dumped({"timestamp": _now(), "caches": [course.as_dict(threshold) for course in courses]}))


def _log(courses: list[Course], threshold: float | None) -> None:
    """A line for each cache: words with ``=``, the same in every line."""
    moment = _now()
    for course in courses:
        rate = "-" if course.hit_rate is None else f"{course.hit_rate:.4f}"
        words = [
            *(moment, "ALERT" if course.below(threshold) else "INFO", f"cache={one_line(course.view.ref)}"),
            f"status={course.view.status}",
            f"hit_rate={rate}",
            *(f"{name}_per_s={value:.1f}" for name, value in course.rates.items()),
        ]
        if course.stats is not None:
            words += [
                f"entries={course.stats.entry_count}",
                f"bytes={course.stats.total_size_bytes}",
                f"evictions={course.stats.eviction_count}",
                f"errors={course.stats.error_count}",
            ]
        out(" ".join(words))


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dashboard(watcher: Watcher, where: str, refresh: float, threshold: float | None, count: int | None) -> None:
    from rich.live import Live

    from ._dashboard import ORDERS, Screen
    from ._keyboard import keys
    from ._show import console

    display = console()
    screen = Screen(threshold, keys=sys.stdin.isatty())
    courses = watcher.read()
    hottest, looked = watcher.hottest(HOTTEST), time.monotonic()
    with keys() as key, Live(console=display, screen=True, auto_refresh=False, transient=True) as live:
        times = 1
        while True:
            width, height = display.size
            live.update(screen.drawn(courses, hottest, where, width, height), refresh=True)
            if times == count:
                return
            end = time.monotonic() + refresh
            while (left := end - time.monotonic()) > 0:
                pressed = key(left)
                if pressed in {"q", "Q"}:
                    return
                if pressed in {"s", "r"}:
                    screen.order = (screen.order + (pressed == "s")) % len(ORDERS)
                    screen.reversed ^= pressed == "r"
                    live.update(screen.drawn(courses, hottest, where, width, height), refresh=True)
            courses = watcher.read()
            if time.monotonic() - looked >= HOTTEST_EVERY:
                hottest, looked = watcher.hottest(HOTTEST), time.monotonic()
            times += 1
