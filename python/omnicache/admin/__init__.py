"""Lets operators reach the caches of a process: REST, metrics and a dashboard, over HTTP or a unix socket.

Needs the packages of the extra ``admin``: ``starlette`` and ``uvicorn``.

- :func:`serve_unix` exposes the living caches of this process on a socket that only its user can open;
  ``OMNICACHE_ADMIN=unix:PATH`` in the environment does the same without a change to the program.
- :func:`router` is the same as an ASGI application, to be mounted in FastAPI or Starlette; :func:`mount` does that.
- :func:`serve` runs a server of its own over a registry file: the command ``omnicache serve``.
"""

from __future__ import annotations

from ._access import Access
from ._app import mount, router
from ._attached import Attached, serve_unix
from ._server import serve

__all__ = ["Access", "Attached", "mount", "router", "serve", "serve_unix"]
