"""Uvicorn on sockets that are open already, with limits against those who send little, slowly, or too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["server_of"]


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server for `app`, which leaves the logging of the process as it is."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",  # it limits the head of a request
            h11_max_incomplete_event_size=64 * 1024,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,  # a line for each request would hold keys
            proxy_headers=False,  # who asks is who is connected
            server_header=False,
            limit_concurrency=256,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=2,
        )
    )
