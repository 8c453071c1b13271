"""For the tests of code that caches: a clock to move, loads to count, stampedes to make, a cache to ask.

Also the tests that a store of your own has to pass: :class:`BackendSuite`.

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

from typing import TYPE_CHECKING, Any

from .._omnicache import ManualClock
from ._counting import asettled, assert_loads, settled
from ._mock import MockCache
from ._stampede import Stampede, stampede

if TYPE_CHECKING:
    from ._backend_suite import BackendSuite
    from ._client import CacheTestClient


def __getattr__(name: str) -> Any:
    """``CacheTestClient`` needs Starlette, and ``BackendSuite`` pytest, which only those have who use them."""
    if name == "CacheTestClient":
        from ._client import CacheTestClient  # noqa: PLC0415 - as above

        return CacheTestClient
    if name == "BackendSuite":
        from ._backend_suite import BackendSuite  # noqa: PLC0415 - as above

        return BackendSuite
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BackendSuite",
    "CacheTestClient",
    "ManualClock",
    "MockCache",
    "Stampede",
    "asettled",
    "assert_loads",
    "settled",
    "stampede",
]
