"""Modules of the standard library that take their time to import, imported when something of them is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Lazy"]


class Lazy:
    """Stands for a module until it is needed, and passes on every name from then on.

    >>> json = Lazy("json")
    >>> json.dumps([1])
    '[1]'
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """The module's own, as it is now."""
        if name == "_module":
            self._module = import_module(self._name)
            return self._module
        return getattr(self._module, name)
