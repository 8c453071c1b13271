"""The statistics of caches in the text format that Prometheus reads; it needs no library for that.

>>> from omnicache import Cache
>>> from omnicache.prometheus import metrics_text
>>> with Cache("scraped") as cache:
...     cache["a"] = 1
...     _ = cache.get("a")
...     [line for line in metrics_text([cache]).splitlines() if line.startswith("omnicache_hits")]
['omnicache_hits_total{cache="scraped",namespace="default"} 1']
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ._metrics import Family, Reading, families, readings

if TYPE_CHECKING:
    from .cache import Cache

__all__ = ["CONTENT_TYPE", "metrics_text"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the text."""

_IN_LABEL: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_IN_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def metrics_text(caches: Iterable[Cache] | None = None) -> str:
    """Every statistic of these caches, or of all that live in the process, as Prometheus text.

    Reading statistics may ask a backend, and so take time: call it in a thread where a loop must not wait. A cache
    whose backend does not answer has ``omnicache_up`` 0 and no statistics.

    Args:
        caches: The caches; None for those that :func:`omnicache.list_caches` lists.

    >>> from omnicache import Cache
    >>> with Cache("measured", strategy="lfu") as cache:
    ...     'omnicache_info{cache="measured",namespace="default",strategy="lfu",backend="memory"} 1' in metrics_text()
    True
    """
    return text_of(readings(caches))


def text_of(read: Iterable[Reading]) -> str:
    """These readings, wherever they come from, as Prometheus text."""
    return "".join(f"{line}\n" for family in families(read) for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help.translate(_IN_HELP)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        pairs = ",".join(f'{name}="{text.translate(_IN_LABEL)}"' for name, text in labels.items())
        yield f"{family.name}{{{pairs}}} {_number(value)}"


def _number(value: float) -> str:
    """A number as Go writes and reads it."""
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
