"""Uvicorn on sockets that are open already, with limits against those who send little, slowly, or too much."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

import uvicorn

if TYPE_CHECKING:
    import socket

    from starlette.types import Receive, Scope, Send

__all__ = ["App", "Server", "server_of"]


class App(Protocol):
    """What is served."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""

    def close(self) -> None:
        """The server ends: so must answers that would go on for ever."""


class Server(uvicorn.Server):
    """Uvicorn, which tells others when it answers, and its application when it ends.

    The latter comes before it waits for the answers that are under way.
    """

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app: Final = app
        self.up: Final = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it."""
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it."""
        self._app.close()
        await super().shutdown(sockets)


def server_of(app: App) -> Server:
    """A server for `app`, which leaves the logging of the process as it is."""
    config = uvicorn.Config(
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
    # In this thread: a fork while another one imports would leave the child with half a module.
    config.load()
    return Server(config, app)
