"""A server of its own over a registry file: what the command ``omnicache serve`` runs."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from .._definitions import Definitions
from .._manage.address import TOKEN
from .._manage.service import Service
from ..exceptions import CacheBackendError, CacheConfigError
from ._access import Access, is_loopback
from ._app import Admin
from ._loop import server_of
from ._unix import bind, forget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send

    from .._manage.management import Management

__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "serve"]

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8765


def serve(
    host: str | None = None,
    port: int = DEFAULT_PORT,
    unix: str | os.PathLike[str] | None = None,
    token: str | None = None,
    *,
    definitions: Definitions | None = None,
    service: Management | None = None,
    hosts: Iterable[str] = (),
    read_only: bool = False,
    ready: Callable[[list[str]], object] | None = None,
) -> None:
    """Serves the REST API over the caches of a registry file, until SIGINT or SIGTERM.

    Args:
        host: Where to listen; ``"127.0.0.1"`` if there is no `unix` either.
        port: The port; 0 for any that is free.
        unix: A unix socket to listen on, alone or beside `host`; only the user can open it.
        token: What requests over `host` must carry; without one, that of ``OMNICACHE_TOKEN``. It is needed unless the
            host is this machine's own address.
        definitions: The registry file; None for the user's own.
        service: What to serve instead. It is closed at the end.
        hosts: Further names under which this machine may be asked without a token.
        read_only: Nothing can be changed.
        ready: Called with the addresses, once it listens.

    Raises:
        CacheConfigError: The host is not this machine's own address and there is no token; or an argument cannot be
            used.
        CacheBackendError: The address is taken, or is none.
        KeyboardInterrupt: SIGINT ended it.
        SystemExit: SIGTERM ended it.
    """
    token = token or os.environ.get(TOKEN) or None
    if host is None and unix is None:
        host = DEFAULT_HOST
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        addresses: list[str] = []
        if host is not None:
            listening = _listen(host, port)
            stack.callback(listening.close)
            _check_reach(listening, token)
            sockets.append(listening)
            addresses.append(_address(listening))
        if unix is not None:
            own = bind(unix)
            stack.callback(own.close)
            found = os.lstat(unix)
            stack.callback(forget, os.fspath(unix), (found.st_dev, found.st_ino))
            sockets.append(own)
            addresses.append(f"unix:{os.fspath(unix)}")
        if service is None:
            service = Service(definitions or Definitions(), live=False, confined=True)
        stack.callback(service.close)
        names = (*hosts, *({host} if host is not None else ()))
        access = Access(token=token, local=token is None, hosts=names, read_only=read_only)
        app = _Two(Admin(service, access), Admin(service, Access(local=True, read_only=read_only)))
        stack.enter_context(_terminating())
        if ready is not None:
            ready(addresses)
        server_of(app).run(sockets=sockets)


@contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM raises SystemExit, so that sockets are removed; in the main thread, which alone may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Two:
    """Two applications: who comes over the unix socket is the user of the process, and needs no token."""

    def __init__(self, by_host: Admin, by_unix: Admin) -> None:
        self._by_host: Final = by_host
        self._by_unix: Final = by_unix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whoever comes over TCP has an address."""
        app = self._by_unix if scope["type"] == "http" and scope.get("client") is None else self._by_host
        await app(scope, receive, send)

    def close(self) -> None:
        """Closes both."""
        self._by_host.close()
        self._by_unix.close()


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:  # noqa: PLR2004 - ports
        raise CacheConfigError(f"port: from 0 to 65535, not {port!r}")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CacheBackendError(f"host {host!r}: {error}") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(128)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise CacheBackendError(f"{host}:{port}: {error.strerror or error}") from None
    return made


def _check_reach(listening: socket.socket, token: str | None) -> None:
    host = listening.getsockname()[0]
    if token is None and not is_loopback(host):
        raise CacheConfigError(
            f"serve: other machines can reach {host}: give a token=, or set {TOKEN}; or listen on 127.0.0.1"
        )


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
