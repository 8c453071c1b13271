"""A client of a few lines, so that what tests say to a server does not go through what they test."""

import socket
import ssl
from typing import Any, Self


class ReplyError(Exception):
    """The server said no."""


class Client:
    """One connection, one command at a time, in the older protocol."""

    def __init__(
        self, address: tuple[str, int] | str, *, timeout: float = 5.0, context: ssl.SSLContext | None = None
    ) -> None:
        """Connects to a host and port, or to the path of a socket."""
        if isinstance(address, str):
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(timeout)
            link.connect(address)
        else:
            link = socket.create_connection(address, timeout)
        self.socket = link if context is None else context.wrap_socket(link, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, *words: object) -> None:
        """Sends a command without waiting."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))

    def read(self) -> Any:
        """The next reply."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._item() for _ in range(int(rest))]
        raise ConnectionError(f"{line!r} is no reply")

    def _item(self) -> Any:
        """An element of an array, where an error is an answer too."""
        try:
            return self.read()
        except ReplyError as error:
            return error

    def __call__(self, *words: object) -> Any:
        """The reply to a command."""
        self.send(*words)
        return self.read()
