"""The living caches of a process on a unix socket, served by a thread of its own, in every process after a fork too."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._logged import logged
from .._manage.service import Service
from ..exceptions import CacheBackendError, CacheError
from ._access import Access
from ._app import Admin
from ._loop import server_of
from ._unix import InUse, bind, forget, is_answered

if TYPE_CHECKING:
    import socket
    from types import TracebackType
    from typing import Self

    from .._manage.management import Management

__all__ = ["Attached", "serve_unix"]

_log: Final = logging.getLogger("omnicache.admin")
_PATIENCE: Final = 10.0
_running: Final[list[Attached]] = []
_lock = threading.Lock()


class Attached:
    """A running server; ``with`` closes it at the end.

    Args:
        path: Where the socket is wanted; ``{pid}`` in it stands for the number of the process.
        service: What it serves.
        access: Who may do what.
        share: Several processes may want the same path: all but the first take it with ``.`` and their number.

    Attributes:
        path: Where the socket is.
    """

    def __init__(self, path: str, service: Management, access: Access, *, share: bool) -> None:
        self._wanted: Final = path
        self._service: Final = service
        self._access: Final = access
        self._share: Final = share
        self._start()

    def _start(self) -> None:
        self.path, self._socket = _bound(self._wanted, share=self._share)
        found = os.lstat(self.path)
        self._identity = (found.st_dev, found.st_ino)
        self._pid = os.getpid()
        self._server = server_of(Admin(self._service, self._access))
        self._thread = threading.Thread(target=self._run, name="omnicache-admin", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._leave()
            raise CacheBackendError(f"unix socket: {self.path}: no thread can be started: {error}") from None
        with _lock:
            _running.append(self)
        if not self._server.up.wait(_PATIENCE) or not self._server.started:
            self.close()
            raise CacheBackendError(f"unix socket: {self.path}: the server did not start")

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:  # noqa: BLE001 - nobody above could hear of it
            _log.exception("the server on %s has ended", self.path, extra=logged("admin_ended"))
        finally:
            self._leave()
            self._server.up.set()

    def _leave(self) -> None:
        if self._pid == os.getpid():
            forget(self.path, self._identity)
        self._socket.close()

    def close(self) -> None:
        """Ends it and removes the socket. May be repeated."""
        with _lock:
            if self not in _running:
                return
            _running.remove(self)
        self._server.should_exit = True
        forget(self.path, self._identity)
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE)
        self._service.close()

    def _after_fork(self) -> None:
        """Starts anew in a child, which has no thread of the parent's, and must not answer on its socket."""
        self._socket.close()
        if isinstance(self._service, Service):
            self._service.forked()
        try:
            self._start()
        except CacheError as error:
            _log.warning("%s", error, extra=logged("admin_not_started"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def serve_unix(
    path: str | os.PathLike[str],
    *,
    service: Management | None = None,
    read_only: bool = False,
    share: bool = True,
) -> Attached:
    """Exposes the living caches of this process on a unix socket, from a thread of its own.

    The socket can be opened by the user of the process alone (mode 0600), and goes when the process ends. After a fork
    the child serves its own caches. Where a living process has the path already, as the parent has after a fork, the
    socket is at ``path.PID``; with ``{pid}`` in the path each process has its own name from the start.

    Args:
        path: Where; its directory is made if it is not there.
        service: What to serve instead of the living caches.
        read_only: Nothing can be changed.
        share: Whether ``path.PID`` will do where the path is taken.

    Raises:
        CacheConfigError: The path cannot be used.
        CacheBackendError: The directory cannot be written.

    >>> import tempfile
    >>> from omnicache import Cache
    >>> from omnicache.admin import serve_unix
    >>> from omnicache._manage.remote import RemoteService
    >>> with tempfile.TemporaryDirectory() as directory, Cache("attached") as cache:
    ...     cache["a"] = 1
    ...     with serve_unix(f"{directory}/s") as server:
    ...         RemoteService(f"unix:{server.path}").entry("attached", "a").value
    1
    """
    live = Service(confined=True) if service is None else service
    # Whoever can open the socket is the user of the process.
    return Attached(os.fspath(path), live, Access(local=True, read_only=read_only), share=share)


def _bound(wanted: str, *, share: bool) -> tuple[str, socket.socket]:
    pid = str(os.getpid())
    path = wanted.replace("{pid}", pid)
    lock = Path(wanted.replace("{pid}", ""))
    _remove_dead(wanted)
    try:
        return path, bind(path, lock)
    except InUse:
        if not share or "{pid}" in wanted:
            raise
    path = f"{path}.{pid}"
    return path, bind(path, lock)


def _remove_dead(wanted: str) -> None:
    """Removes the sockets of processes that ended without removing them."""
    place = Path(wanted)
    before, found, after = place.name.partition("{pid}")
    before, after = (before, after) if found else (f"{place.name}.", "")
    with suppress(OSError):
        for other in place.parent.iterdir():
            middle = other.name[len(before) : len(other.name) - len(after)]
            named = other.name == f"{before}{middle}{after}" and middle.isdecimal()
            if named and other.is_socket() and not is_answered(other):
                other.unlink()


@atexit.register
def _at_exit() -> None:
    # The threads end with the process.
    for server in _running.copy():
        forget(server.path, server._identity)


def _in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not here may hold the old one
    _lock = threading.Lock()
    servers = _running.copy()
    _running.clear()
    for server in servers:
        server._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
