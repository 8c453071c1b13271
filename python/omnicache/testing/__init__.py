"""For the tests of code that caches: a clock to move, loads to count, stampedes to make, a cache to ask.

Fixtures for pytest come by themselves where the package is installed; see :mod:`omnicache.testing.plugin`.

>>> from omnicache import cached
>>> from omnicache.testing import assert_loads
>>> @cached
... def square(number: int) -> int:
...     return number * number
>>> with assert_loads(square, 1):
...     _ = square(3), square(3)
"""

from __future__ import annotations

from .._omnicache import ManualClock
from ._counting import asettled, assert_loads, settled
from ._mock import MockCache
from ._stampede import Stampede, stampede

__all__ = ["ManualClock", "MockCache", "Stampede", "asettled", "assert_loads", "settled", "stampede"]
