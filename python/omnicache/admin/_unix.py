"""Unix sockets for one user: private from the first moment, and never in the place of one that is in use."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from .._filelock import locked
from ..exceptions import CacheBackendError, CacheConfigError

__all__ = ["InUse", "bind", "forget", "is_answered"]

_LONGEST: Final = 103
"""Bytes of a socket's path on the least generous system."""
_HIDDEN: Final = len("/.oc12345678/s")


class InUse(CacheConfigError):  # noqa: N818 - a state, not a fault
    """A living process listens on the socket."""


def bind(path: str | os.PathLike[str], lock: Path | None = None) -> socket.socket:
    """A listening socket at `path` with mode 0600; a dead one in its place is replaced.

    Args:
        path: Where.
        lock: What the file is called after that those who want sockets here take turns by; `path` for None.

    Raises:
        InUse: A living process listens there.
        CacheConfigError: The path is too long, or something else is there.
        CacheBackendError: The directory cannot be written.
    """
    place = Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - links are not to be followed
    if max(len(os.fsencode(place)), len(os.fsencode(place.parent)) + _HIDDEN) > _LONGEST:
        raise CacheConfigError(
            f"unix socket: {place}: the path is too long for a socket; take a directory near the root"
        )
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Two that start at once must not each take the other's socket for dead.
        with locked(place.parent / f".{place.name if lock is None else lock.name}.lock"):
            return _bound(place)
    except OSError as error:
        raise CacheBackendError(f"unix socket: {place}: {error.strerror or error}") from None


def _bound(place: Path) -> socket.socket:
    _make_room(place)
    # Bound in a directory that nobody else can enter, and moved when its mode is right: no moment in between, and
    # the umask, which all threads share, is left alone.
    with tempfile.TemporaryDirectory(prefix=".oc", dir=place.parent) as private:
        hidden = Path(private) / "s"
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.bind(str(hidden))
            hidden.chmod(0o600)
            made.listen(128)
            made.setblocking(False)
            hidden.rename(place)
        except BaseException:
            made.close()
            raise
    return made


def _make_room(place: Path) -> None:
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CacheConfigError(f"unix socket: {place}: something else is there; it is left alone")
    if is_answered(place):
        raise InUse(f"unix socket: {place}: a living process listens there")
    place.unlink()


def is_answered(place: str | os.PathLike[str]) -> bool:
    """Whether a process listens on a socket; True where that cannot be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(os.fspath(place))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def forget(place: str | os.PathLike[str], identity: tuple[int, int]) -> None:
    """Removes a socket from the file system if it still is the one with this device and inode."""
    with suppress(OSError):
        found = os.lstat(place)
        if (found.st_dev, found.st_ino) == identity:
            Path(place).unlink()
