"""``OMNICACHE_ADMIN=unix:PATH`` in the environment: the first cache of the process starts a server on a unix socket."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Final

from ._logged import logged

__all__ = ["VARIABLE", "Attaching"]

VARIABLE: Final = "OMNICACHE_ADMIN"
_log: Final = logging.getLogger("omnicache.admin")


class Attaching:
    """Whether the environment has been looked at. Without the variable nothing is imported."""

    def __init__(self) -> None:
        self.done = False

    def start(self) -> None:
        """Looks, once. Whatever goes wrong is logged: the application did not ask for it, and goes on."""
        if self.done:
            return
        self.done = True
        asked = os.environ.get(VARIABLE)
        if asked:
            _serve(asked)


def _serve(asked: str) -> None:
    kind, _, path = asked.partition(":")
    if kind != "unix" or not path:
        _log.warning("%s=%s: write unix:PATH", VARIABLE, asked, extra=logged("admin_not_started"))
        return
    try:
        # By its name: the layer above is imported from here for this alone.
        import_module("omnicache.admin").serve_unix(path)
    except ImportError as error:
        text = "%s: %s is not installed; it comes with the extra omnicache[admin]"
        _log.warning(text, VARIABLE, error.name, extra=logged("admin_not_started"))
    except Exception as error:  # noqa: BLE001 - as above
        extra = logged("admin_not_started")
        _log.warning("%s: no server on %s: %s", VARIABLE, path, error, extra=extra)
