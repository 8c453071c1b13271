"""OmniCache: one cache for Python, for threads and tasks, with any strategy, near the speed of a dict.

>>> from omnicache import Cache, cached
>>> with Cache("readme", max_size=1000) as cache:
...     cache["answer"] = 42
...     cache.get("answer")
42
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._public import *  # noqa: F403 - the names are listed there
    from ._public import __all__ as __all__
else:
    from importlib import import_module
    from importlib.util import find_spec

    def __getattr__(name):
        """The public names, which come with the first of them, so that the command line can start without them."""
        if name[:1] != "_" and find_spec(f"{__name__}.{name}") is not None:
            return import_module(f"{__name__}.{name}")
        if name[:1] != "_" or name in {"__all__", "__version__"}:
            public = import_module("._public", __name__)
            globals().update({known: getattr(public, known) for known in [*public.__all__, "__all__"]})
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__")} - {"import_module", "find_spec", "TYPE_CHECKING"})
