"""Times contestants in interleaved rounds and prints them with their ratios and targets.

A round runs every contestant once, one after the other, so that a slow moment of the machine meets them all. The
figure is the fastest round; the median of the rounds stands beside it and shows how quiet the machine was. The loop
that makes the calls is part of every figure, the baseline's too: nothing is subtracted. Time is the processor time of
the thread, which other programs disturb less than the time on the wall; where several threads work it is the latter.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from time import thread_time
from typing import Any

PEERS = (
    "cachebox",
    "cachetools",
    "lru-dict",
    "moka-py",
    "theine",
    "aiocache",
    "cashews",
    "diskcache",
    "fastapi-cache2",
    "redis",
    "hiredis",
    "msgpack",
    "ormsgpack",
)
SLOW_ROUNDS = 2


@dataclass(slots=True)
class Contestant:
    """One row: a label, and a function that runs `operations` operations and returns the seconds they took."""

    label: str
    run: Callable[[], float]
    operations: int
    slow: bool = False  # a few rounds are enough to place it
    times: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Nanoseconds per operation in the fastest round."""
        return min(self.times) / self.operations * 1e9

    @property
    def typical(self) -> float:
        """Nanoseconds per operation in the median round."""
        return median(self.times) / self.operations * 1e9


@dataclass(frozen=True, slots=True)
class Target:
    """What a row has to reach: at most `limit` times the row `base`, and no slower than the row `rival`."""

    label: str
    limit: float
    base: str
    rival: str = ""
    show_peers: bool = True  # in the summary; where the base is a row of ours their ratios would say nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured."""

    group: str
    target: Target
    ratio: float
    peers: dict[str, float]
    rival_ratio: float | None

    @property
    def met(self) -> bool:
        """Whether the target holds."""
        return self.ratio <= self.target.limit and (self.rival_ratio is None or self.ratio <= self.rival_ratio)

    def __str__(self) -> str:
        target = self.target
        text = f"{target.label}: {self.ratio:.2f}x {target.base}, target <= {target.limit:g}x"
        if self.rival_ratio is not None:
            text += f" and {target.rival}'s {self.rival_ratio:.2f}x"
        return f"{'ok    ' if self.met else 'MISSED'} {text}"


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = thread_time()
    function()
    return thread_time() - start


@contextmanager
def quiet() -> Iterator[None]:
    """The garbage collector out of the way, as in timeit."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def calls(
    label: str, function: Callable[[object], object], keys: Sequence[object], *, slow: bool = False
) -> Contestant:
    """`function(key)` for every key."""

    def loop() -> None:
        for key in keys:
            function(key)

    return Contestant(label, lambda: timed(loop), len(keys), slow)


def lookups(label: str, container: Any, keys: Sequence[object], *, slow: bool = False) -> Contestant:
    """`container[key]` for every key."""

    def loop() -> None:
        for key in keys:
            container[key]

    return Contestant(label, lambda: timed(loop), len(keys), slow)


def stores(label: str, container: Any, keys: Sequence[object], *, slow: bool = False) -> Contestant:
    """`container[key] = 1` for every key."""

    def loop() -> None:
        for key in keys:
            container[key] = 1

    return Contestant(label, lambda: timed(loop), len(keys), slow)


def measure(title: str, rows: Sequence[Contestant], targets: Sequence[Target], rounds: int) -> list[Verdict]:
    """Run the rounds, print the table, and say how each target fared. Ratios in the table are to the first row."""
    with quiet():
        for number in range(rounds):
            for row in rows:
                if not row.slow or number < SLOW_ROUNDS:
                    row.times.append(row.run())
    return judge(title, {row.label: (row.best, row.typical) for row in rows}, targets, "ns/op")


def judge(title: str, rows: dict[str, tuple[float, float]], targets: Sequence[Target], unit: str) -> list[Verdict]:
    """Print figures (best and typical) as a table with their ratios, then the targets."""
    first = next(iter(rows))
    width = max(map(len, rows))
    print(f"\n{title}\n{'-' * len(title)}")
    print(f"{'':<{width}}  {'best':>9}  {'median':>9}  {unit}; ratio to {first}")
    for label, (best, typical) in rows.items():
        print(f"{label:<{width}}  {best:>9.1f}  {typical:>9.1f}  {best / rows[first][0]:>6.2f}x")
    verdicts = []
    for target in targets:
        of = rows[target.base][0]
        peers = {label: best / of for label, (best, _) in rows.items() if label.startswith(PEERS)}
        rival = rows[target.rival][0] / of if target.rival in rows else None
        verdict = Verdict(title, target, rows[target.label][0] / of, peers if target.show_peers else {}, rival)
        verdicts.append(verdict)
        print(verdict, flush=True)
    return verdicts


def summary(verdicts: Sequence[Verdict]) -> None:
    """Every target of the run in one Markdown table, then the ones that were missed."""
    print("\nSummary\n=======\n")
    table = [("group", "figure", "measured", "target", "peers, same base")]
    for verdict in verdicts:
        target = verdict.target
        peers = ", ".join(f"{label} {ratio:.2f}" for label, ratio in verdict.peers.items())
        limit = f"<= {target.limit:g}" + (f", <= {target.rival}" if target.rival else "")
        measured = f"{verdict.ratio:.2f}x {target.base}" + ("" if verdict.met else " (missed)")
        table.append((verdict.group, target.label, measured, limit, peers))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, tuple("-" * width for width in widths))
    for row in table:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    missed = [verdict for verdict in verdicts if not verdict.met]
    print(f"\n{len(verdicts) - len(missed)} of {len(verdicts)} targets met")
    for verdict in missed:
        print(f"{verdict.group}: {verdict}")


def chunks(items: Sequence[object], parts: int) -> list[Sequence[object]]:
    """The items in `parts` runs of about equal length.

    >>> chunks("abcdef", 3)
    ['ab', 'cd', 'ef']
    """
    edges = [len(items) * part // parts for part in range(parts + 1)]
    return [items[start:end] for start, end in pairwise(edges)]
