"""Runs the groups named on the command line, or all, and ends with every target in one table."""

import argparse
import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from . import cli, far, freshness, functions, http, limits, memory, near, redis, serializers, threads, tiered
from .harness import PEERS, Verdict, summary
from .options import Options

GROUPS: dict[str, Callable[[Options], list[Verdict]]] = {
    "get": near.get,
    "get-equal": near.get_equal,
    "item": near.item,
    "miss": near.miss,
    "set": near.store,
    "evict": near.evict,
    "ttl": limits.ttl,
    "tinylfu": limits.tinylfu,
    "function": functions.sync,
    "async": functions.coroutine,
    "threads": threads.four,
    "far": far.files,
    "tiered": tiered.near,
    "redis": redis.redis,
    "freshness": freshness.freshness,
    "memory": memory.memory,
    "serializers": serializers.serializers,
    "http": http.http,
    "cli": cli.start,
}


def installed(name: str) -> str:
    """A package and its version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


def main() -> None:
    """Measure and report; a missed target is reported, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"any of: {', '.join(GROUPS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that it runs")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - GROUPS.keys():
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")

    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"{installed('omnicache')}, {python}, {machine}")
    print(f"beside {', '.join(map(installed, PEERS))}")
    print("Rounds are interleaved; 'best' is the fastest round and what ratios are made of. Lower is better.")
    print("Nanoseconds are processor time of one thread, the loop that makes the calls included.")
    verdicts = []
    for name in arguments.groups or GROUPS:
        verdicts += GROUPS[name](Options(arguments.quick))
    summary(verdicts)


if __name__ == "__main__":
    main()
