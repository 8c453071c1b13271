"""The live view of `monitor`: drawn for the width and the height that the screen has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ._show import amount
from ._terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from ._readings import Course

__all__ = ["ORDERS", "Screen", "sparkline"]

_BARS: Final = "▁▂▃▄▅▆▇█"
_NARROW: Final = 60
_WIDE: Final = 110
_COLOURS: Final = {"active": "green", "degraded": "yellow", "maintenance": "yellow", "shutdown": "red"}

Order = tuple[str, "Callable[[Course], Any]"]


def _count(course: Course, name: str) -> float:
    return 0.0 if course.stats is None else float(getattr(course.stats, name))


ORDERS: Final[Sequence[Order]] = (
    ("name", lambda course: (course.view.name, course.view.namespace)),
    ("hit rate", lambda course: 2.0 if course.hit_rate is None else course.hit_rate),
    ("reads", lambda course: -sum(course.rates.get(name, 0) for name in ("hits", "misses"))),
    ("size", lambda course: -_count(course, "total_size_bytes")),
    ("evictions", lambda course: -_count(course, "eviction_count")),
    ("errors", lambda course: -_count(course, "error_count")),
)
"""By what the caches can be sorted, and how."""


def sparkline(values: Iterable[float | None], width: int, top: float | None = None) -> str:
    """The last `width` values as bars; a gap where there is none.

    >>> sparkline([0, 0.5, None, 1], 4, 1.0)
    '▁▅ █'
    """
    shown = list(values)[-width:]
    largest = max((value for value in shown if value is not None), default=0.0) if top is None else top
    if not largest:
        return "".join(" " if value is None else _BARS[0] for value in shown)
    last = len(_BARS) - 1
    return "".join(" " if value is None else _BARS[min(int(value / largest * last + 0.5), last)] for value in shown)


class Screen:
    """What is on it.

    Args:
        threshold: Under which hit rate there is an alert.
        keys: Whether keys are listened to.
    """

    def __init__(self, threshold: float | None, *, keys: bool) -> None:
        self._threshold, self._keys = threshold, keys
        self.order = 0
        self.reversed = False

    def drawn(
        self, courses: list[Course], hottest: list[tuple[str, int]], where: str, width: int, height: int
    ) -> RenderableType:
        """The whole screen."""
        name, key = ORDERS[self.order]
        ordered = sorted(courses, key=key, reverse=self.reversed)
        clock = datetime.now().astimezone().strftime("%H:%M:%S")
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append("omnicache ", style="bold")
        head.append(f"{clock}  {one_line(where)}")
        alerts = [course for course in ordered if course.below(self._threshold)]
        # What is around the caches comes first: they give way when the screen is low.
        around = 4 + bool(alerts) + (len(hottest) + 2 if hottest else 0)
        room = max(height - around - 1, 1)
        parts: list[RenderableType] = [head]
        if alerts:
            parts.append(self._alert(alerts))
        if not ordered:
            parts.append(Text("there are no caches", style="dim"))
        elif len(ordered) == 1:
            parts.append(self._one(ordered[0], width))
        else:
            parts.append(self._table(ordered[:room], width))
            if len(ordered) > room:
                parts.append(Text(f"and {len(ordered) - room} more", style="dim"))
        if hottest:
            parts.append(self._hottest(hottest))
        if self._keys:
            parts.append(self._foot(name, width))
        return Group(*parts)

    def _alert(self, alerts: list[Course]) -> Text:
        names = ", ".join(f"{course.view.name} {course.hit_rate:.0%}" for course in alerts)
        text = f"ALERT hit rate under {self._threshold:.0%}: {names}"
        return Text(text, style="bold red", no_wrap=True, overflow="ellipsis")

    def _foot(self, order: str, width: int) -> Text:
        arrow = "↑" if self.reversed else "↓"
        text = f"sorted by {order} {arrow}   s sort   r reverse   q quit" if width >= _NARROW else "s sort  q quit"
        return Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    def _table(self, courses: list[Course], width: int) -> Table:
        made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True, header_style="bold")
        spark = 8 if width < _WIDE else min(12 + (width - _WIDE) // 3, 48)
        made.add_column("cache", ratio=1, no_wrap=True, overflow="ellipsis", min_width=6)
        made.add_column("hit rate", justify="right", no_wrap=True)
        if width >= _NARROW:
            made.add_column("", no_wrap=True, width=spark)
        made.add_column("reads/s", justify="right", no_wrap=True)
        if width >= _WIDE:
            made.add_column("", no_wrap=True, width=spark)
            made.add_column("writes/s", justify="right", no_wrap=True)
        made.add_column("entries", justify="right", no_wrap=True)
        if width >= _NARROW:
            made.add_column("size", justify="right", no_wrap=True)
        if width >= _WIDE:
            made.add_column("evicted", justify="right", no_wrap=True)
            made.add_column("errors", justify="right", no_wrap=True)
        if width >= _NARROW:
            made.add_column("status", no_wrap=True)
        for course in courses:
            made.add_row(*self._cells(course, width, spark))
        return made

    def _cells(self, course: Course, width: int, spark: int) -> Iterable[Text]:
        stats, rates = course.stats, course.rates
        style = "red" if course.below(self._threshold) else _COLOURS.get(course.view.status, "")
        yield Text(_name(course))
        yield Text(_percent(course.hit_rate), style="red bold" if course.below(self._threshold) else "")
        if width >= _NARROW:
            yield Text(sparkline(course.ratios, spark, 1.0), style="cyan")
        yield Text(_rate(rates, "hits", "misses"))
        if width >= _WIDE:
            yield Text(sparkline(course.reads, spark), style="cyan")
            yield Text(_rate(rates, "writes"))
        yield Text("-" if stats is None else str(stats.entry_count))
        if width >= _NARROW:
            yield Text("-" if stats is None else amount(stats.total_size_bytes))
        if width >= _WIDE:
            yield Text("-" if stats is None else str(stats.eviction_count))
            yield Text("-" if stats is None else str(stats.error_count))
        if width >= _NARROW:
            yield Text(course.view.status, style=style)

    def _one(self, course: Course, width: int) -> Table:
        """A single cache has the screen for itself."""
        stats, rates, view = course.stats, course.rates, course.view
        made = Table.grid(padding=(0, 2))
        made.add_column(style="bold", no_wrap=True)
        made.add_column(no_wrap=True, overflow="ellipsis")
        spark = max(min(width - 32, 60), 4)
        red = "red bold" if course.below(self._threshold) else ""
        limit = "" if view.max_size is None else f" / {view.max_size}"
        facts: list[tuple[str, Text]] = [
            ("cache", Text(f"{_name(course)}  {view.strategy}, {view.backend}")),
            ("status", Text(view.status, style=_COLOURS.get(view.status, ""))),
            ("hit rate", Text(f"{_percent(course.hit_rate):>8}  ", style=red)),
            ("reads/s", Text(f"{_rate(rates, 'hits', 'misses'):>8}  ")),
            ("writes/s", Text(f"{_rate(rates, 'writes'):>8}")),
            ("evictions/s", Text(f"{_rate(rates, 'evictions'):>8}")),
        ]
        facts[2][1].append(sparkline(course.ratios, spark, 1.0), style="cyan")
        facts[3][1].append(sparkline(course.reads, spark), style="cyan")
        if stats is not None:
            facts += [
                ("entries", Text(f"{stats.entry_count}{limit}")),
                ("size", Text(amount(stats.total_size_bytes))),
                ("evicted", Text(f"{stats.eviction_count}, expired {stats.expiration_count}")),
                ("errors", Text(str(stats.error_count), style="red" if stats.error_count else "")),
                ("lookup", Text(f"{stats.avg_access_time_ms:.4g} ms")),
            ]
        for name, text in facts:
            made.add_row(name, text)
        return made

    def _hottest(self, hottest: list[tuple[str, int]]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        made.add_column("hottest keys", no_wrap=True, overflow="ellipsis")
        made.add_column("hits", justify="right", no_wrap=True)
        for key, hits in hottest:
            made.add_row(Text(one_line(key)), Text(str(hits)))
        return made


def _name(course: Course) -> str:
    view = course.view
    return view.name if view.namespace == "default" else view.ref


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def _rate(rates: dict[str, float], *names: str) -> str:
    if not rates:
        return "-"
    rate = sum(rates[name] for name in names)
    return f"{rate:.0f}" if rate >= 10 or rate == int(rate) else f"{rate:.1f}"  # noqa: PLR2004 - enough to read
