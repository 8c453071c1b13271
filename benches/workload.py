"""Keys of several types, asked for in zipf order: a few of them often, most of them seldom."""

import random
from collections.abc import Callable
from itertools import accumulate

SKEW = 0.99
KINDS: dict[str, Callable[[int], object]] = {
    "str": lambda number: f"key:{number}",
    "int": lambda number: number * 7919 + 1_000_003,  # beyond the small integers that Python shares
    "tuple": lambda number: ("user", number + 1_000_003),
}


def make_keys(kind: str, count: int) -> list[object]:
    """`count` different keys, in an order that says nothing about how often each is used."""
    keys = [KINDS[kind](number) for number in range(count)]
    random.Random(1).shuffle(keys)
    return keys


def zipf(keys: list[object], length: int) -> list[object]:
    """`length` requests: the i-th key is asked for in proportion to 1 / i ** 0.99."""
    weights = list(accumulate(1 / (rank + 1) ** SKEW for rank in range(len(keys))))
    return random.Random(2).choices(keys, cum_weights=weights, k=length)
