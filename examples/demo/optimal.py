"""The best hit ratio that any strategy could reach: evict what is asked for again last (Belady)."""

from collections.abc import Sequence
from heapq import heappop, heappush


def best_hits(requests: Sequence[str], size: int) -> int:
    """Hits of a cache of `size` entries that knows the future, and may decline to keep an entry.

    >>> best_hits(["a", "b", "a", "b", "c", "a"], 2)
    3
    """
    never = len(requests)
    following = [never] * len(requests)
    seen: dict[str, int] = {}
    for at in reversed(range(len(requests))):
        following[at] = seen.get(requests[at], never)
        seen[requests[at]] = at

    hits = 0
    held: dict[str, int] = {}  # each entry and when it is asked for again
    farthest: list[tuple[int, str]] = []  # the same, latest first; outdated pairs are skipped
    for at, name in enumerate(requests):
        hits += name in held
        held[name] = following[at]
        heappush(farthest, (-following[at], name))
        while len(held) > size:
            when, candidate = heappop(farthest)
            if held.get(candidate) == -when:
                del held[candidate]
    return hits
