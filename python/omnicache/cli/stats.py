"""``omnicache stats``: what a cache did and what it holds, once or again and again."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ._options import CACHE, format_option
from ._root import Command
from ._session import Session, in_session
from ._terminal import is_terminal, out

if TYPE_CHECKING:
    from .._manage.management import Management
    from .._manage.models import StatisticsView

__all__ = ["stats"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  omnicache stats users
  omnicache stats users --format json | jq .hit_rate
  omnicache stats users --format prometheus
  omnicache stats users --watch --interval 2""",
)
@click.argument("cache", type=CACHE)
@format_option("table", "json", "prometheus")
@click.option("--watch", "-w", is_flag=True, help="Again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    metavar="S",
    default=5,
    show_default=True,
    help="Seconds in between, with --watch.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="So many times, with --watch.")
@in_session
def stats(session: Session, cache: str, form: str, watch: bool, interval: float, count: int | None) -> None:
    """Show what a cache did and what it holds.

    Of a cache in files, reads and removals are those of all processes.
    """
    with session.management() as service:
        if not watch:
            _show(service, cache, form)
        elif form == "table" and is_terminal():
            _live(service, cache, interval, count)
        else:
            times = 0
            while True:
                _show(service, cache, form, on_one_line=True)
                times += 1
                if times == count:
                    return
                sys.stdout.flush()
                time.sleep(interval)


def _show(service: Management, cache: str, form: str, *, on_one_line: bool = False) -> None:
    from ._show import json_out, record

    found = service.statistics(cache)
    if form == "json":
        json_out(found.as_dict(), indent=None if on_one_line else 2)
    elif form == "prometheus":
        out(_prometheus(service, cache, found), end="")
    else:
        record(_facts(found))
        if on_one_line:
            out()


def _prometheus(service: Management, cache: str, found: StatisticsView) -> str:
    from .._metrics import Reading
    from ..prometheus import text_of

    view = service.cache(cache)
    reading = Reading(
        view.name,
        view.namespace,
        strategy=view.strategy,
        backend=view.backend,
        statistics=found.as_dict(),
        max_size=view.max_size,
        max_bytes=view.max_bytes,
    )
    return text_of([reading])


def _facts(found: StatisticsView) -> list[tuple[str, str]]:
    from ._show import amount, moment

    reads = found.hit_count + found.miss_count
    return [
        ("cache", found.cache_name),
        ("hit rate", f"{found.hit_rate:.1%}" if reads else "-"),
        ("hits", str(found.hit_count)),
        ("misses", str(found.miss_count)),
        ("writes", str(found.set_count)),
        ("deletions", str(found.delete_count)),
        ("evictions", str(found.eviction_count)),
        ("expirations", str(found.expiration_count)),
        ("loads", f"{found.load_count} ({found.load_error_count} failed)"),
        ("stale served", str(found.stale_served_count)),
        ("coalesced", str(found.coalesced_count)),
        ("errors", str(found.error_count)),
        ("entries", str(found.entry_count)),
        ("size", amount(found.total_size_bytes)),
        ("lookup", f"{found.avg_access_time_ms:.4g} ms"),
        ("backend", found.backend_status),
        ("since", moment(found.as_dict()["last_reset"])),
    ]


def _live(service: Management, cache: str, interval: float, count: int | None) -> None:
    """The same on a screen, in one place."""
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from ._show import console

    def drawn() -> Any:
        made = Table.grid(padding=(0, 2))
        made.add_column(style="bold", no_wrap=True)
        made.add_column(overflow="fold")
        for name, text in _facts(service.statistics(cache)):
            made.add_row(name, Text(text))
        return made

    times = 1
    with Live(drawn(), console=console(), auto_refresh=False) as live:
        while times != count:
            time.sleep(interval)
            live.update(drawn(), refresh=True)
            times += 1
