"""Runs the demo: four tables, then the expectations; the exit status says whether all were met."""

import platform
import sys
from collections import Counter
from importlib.metadata import version
from time import perf_counter

from . import speed, stampede, strategies, switching
from .report import Expectations
from .workload import collect


def main() -> int:
    """Print everything; 0 if every expectation was met."""
    start = perf_counter()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"OmniCache {version('omnicache')} on the standard library of {python}", flush=True)
    work = collect()
    total = len(work.requests)
    favourites = Counter(work.requests).most_common(5)
    print(f"{work.files:,} source files ({work.broken} broken on purpose) hold {work.statements:,} import statements;")
    print(
        f"these ask for {len(work.sources):,} modules of the library, packages on the way included: {total:,} requests."
    )
    print(f"Most wanted: {', '.join(f'{name} {count / total:.1%}' for name, count in favourites)}.", flush=True)
    expect = Expectations()
    expect.check("the library gives at least 1,000 requests", total >= 1000, str(total))

    analyses = speed.compare(work, expect)
    strategies.compare(work, analyses, expect)
    stampede.show(expect)
    switching.show(work, analyses, expect)
    met = expect.conclude()
    print(f"{perf_counter() - start:.1f} s in all")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
