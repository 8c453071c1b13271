"""Addresses of processes that can be asked: ``http://host:port``, ``https://…``, ``unix:PATH``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from ..exceptions import CacheConfigError

__all__ = ["TOKEN", "Address"]

TOKEN: Final = "OMNICACHE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable that holds the token."""
_HINT: Final = "write http://host:port, https://host:port or unix:/path/of/the/socket"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process listens.

    Args:
        scheme: ``"http"``, ``"https"`` or ``"unix"``.
        host: The host; empty for a unix socket.
        port: The port; 0 for a unix socket.
        path: The path of the socket, or what comes before each path of a request.
        token: The bearer token; it is shown nowhere.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    token: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, token: str | None = None) -> Address:
        """The address in `text`. The token is `token`, or the password in the address, or ``OMNICACHE_TOKEN``.

        Raises:
            CacheConfigError: It is none.

        >>> Address.parse("http://:secret@localhost:8765/admin")
        Address(scheme='http', host='localhost', port=8765, path='/admin')
        >>> str(Address.parse("unix:/run/app.sock"))
        'unix:/run/app.sock'
        """
        if not text:
            raise CacheConfigError(f"server: an address; {_HINT}")
        known = token or os.environ.get(TOKEN)
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            path = path.removeprefix("//")
            if not path or "\0" in path:
                raise CacheConfigError(f"server: unix: needs the path of a socket; {_HINT}")
            return cls("unix", path=path, token=checked_token(known))
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise CacheConfigError(f"server: not an address; {_HINT}") from None
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise CacheConfigError(f"server: not an address; {_HINT}")
        if url.query or url.fragment:
            raise CacheConfigError("server: an address has no query; leave out what begins with ? or #")
        given = unquote(url.password or url.username or "") or None
        port = port or (443 if url.scheme == "https" else 80)
        return cls(url.scheme, url.hostname, port, url.path.rstrip("/"), checked_token(token or given or known))

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def checked_token(token: str | None) -> str | None:
    """`token`, if a header can carry it.

    Raises:
        CacheConfigError: It cannot.
    """
    if token is not None and not (token and all("!" <= char <= "~" for char in token)):
        raise CacheConfigError("token: one or more printable ASCII characters without spaces")
    return token
