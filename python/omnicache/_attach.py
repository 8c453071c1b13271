"""``OMNICACHE_ADMIN=unix:PATH`` in the environment: the first cache of the process starts a server on a unix socket."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Final

from . import _registry

__all__ = ["VARIABLE", "when_asked"]

VARIABLE: Final = "OMNICACHE_ADMIN"
_log: Final = logging.getLogger("omnicache.admin")


def when_asked() -> None:
    """Looks at the environment when the first cache is made. Without the variable nothing is imported."""
    _registry.at_first_claim(_start)


def _start() -> None:
    """Whatever goes wrong here is logged: the application did not ask for it, and goes on."""
    asked = os.environ.get(VARIABLE)
    if not asked:
        return
    kind, colon, path = asked.partition(":")
    if kind != "unix" or not colon or not path:
        _log.warning("%s=%s: write unix:PATH", VARIABLE, asked)
        return
    try:
        # By its name: the layer above is not to be imported from here but for this.
        import_module("omnicache.admin").serve_unix(path)
    except ImportError as error:
        _log.warning("%s: %s is not installed; it comes with the extra omnicache[admin]", VARIABLE, error.name)
    except Exception as error:  # noqa: BLE001 - as above
        _log.warning("%s: no server on %s: %s", VARIABLE, path, error)
