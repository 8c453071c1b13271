"""Who may ask: the token, the peers, the hosts and the origins that a request may come from."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from inspect import isawaitable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from .._manage.address import checked_token
from .._manage.errors import AccessDenied
from ..exceptions import CacheConfigError

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

__all__ = ["Access", "Refused", "is_loopback"]

_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = frozenset({"GET", "HEAD"})


class Refused(AccessDenied):
    """A request that is not answered, with the status and the headers of the refusal."""

    def __init__(self, message: str, status: int = 403, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status: Final = status
        self.headers: Final = headers or {}


def is_loopback(host: str) -> bool:
    """Whether an address belongs to this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("localhost")
    (True, True, False, True)
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() in _LOCAL_NAMES
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must bring.

    Args:
        token: Requests must carry it: ``Authorization: Bearer TOKEN``.
        authorize: Is asked about each request instead, and returns whether it may pass, or an awaitable of that. It
            sees the ``Request`` of Starlette.
        local: Requests need no token if they come directly from this machine, and name it as their host.
        hosts: Further names under which this machine may be asked, for `local`.
        read_only: Nothing can be changed.
        max_body: Bytes that the body of a request may have.

    Raises:
        CacheConfigError: None of the first three is given, or the token cannot be carried by a header.
    """

    token: str | None = field(default=None, repr=False)
    authorize: Callable[[Request], bool | Awaitable[bool]] | None = None
    local: bool = False
    hosts: Iterable[str] = ()
    read_only: bool = False
    max_body: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        checked_token(self.token)
        if self.token is None and self.authorize is None and not self.local:
            raise CacheConfigError(
                "admin: anybody could ask: give a token=, or authorize=, a function of the request; with local=True "
                "requests that come directly from this machine need neither"
            )
        if isinstance(self.hosts, str):
            raise CacheConfigError("admin: hosts: a list of names, not one text")
        object.__setattr__(self, "hosts", frozenset(host.lower() for host in self.hosts))

    async def check(self, request: Request, *, public: bool) -> None:
        """Lets the request pass, or not; what is `public` needs no token.

        Raises:
            Refused: It may not pass.
        """
        self._check_origin(request)
        if self.read_only and request.method not in _SAFE:
            raise Refused("nothing can be changed here: it was set up to be read only")
        if self.authorize is None and self.token is None:
            self._check_local(request)
        elif public or (self.token is not None and _same(_bearer(request.headers), self.token)):
            return
        elif self.authorize is not None:
            answer = self.authorize(request)
            if isawaitable(answer):
                answer = await answer
            if answer is not True:
                raise Refused("you may not ask this")
        else:
            raise Refused(
                "a token is needed: Authorization: Bearer TOKEN", 401, {"WWW-Authenticate": 'Bearer realm="omnicache"'}
            )

    def _check_local(self, request: Request) -> None:
        """Without a token: from this machine, by one of its own names, and not handed on by another server."""
        peer = request.client
        if peer is not None and not is_loopback(peer.host):
            raise Refused("only this machine may ask without a token")
        if any(name in request.headers for name in _FORWARDED):
            raise Refused("a request that was handed on needs a token")
        hosts = request.headers.getlist("host")
        name = _host_name(hosts[0]) if len(hosts) == 1 else ""
        if name not in _LOCAL_NAMES and name not in self.hosts:
            raise Refused("the Host header does not name this machine; more names can be allowed with hosts=", 421)

    @staticmethod
    def _check_origin(request: Request) -> None:
        """What a page of another site has a browser send is refused, whoever is signed in there."""
        headers = request.headers
        site = headers.get("sec-fetch-site")
        navigates = request.method in _SAFE and headers.get("sec-fetch-mode") == "navigate"
        if site is not None and site not in {"same-origin", "none"} and not navigates:
            raise Refused("a page of another site may not ask")
        if request.method in _SAFE:
            return
        origins = headers.getlist("origin")
        if origins and (len(origins) > 1 or not _same_place(origins[0], headers.get("host", ""))):
            raise Refused("a page of another site may not ask")


def _bearer(headers: Headers) -> str:
    fields = headers.getlist("authorization")
    kind, _, token = (fields[0] if len(fields) == 1 else "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _same(given: str, token: str) -> bool:
    """Whether they are equal, in a time that tells nothing of either, its length included."""
    return hmac.compare_digest(sha256(given.encode()).digest(), sha256(token.encode()).digest())


def _host_name(host: str) -> str:
    """The name in a Host header, without the port; empty if it is none."""
    if not host or any(char in "/@?#\\ " for char in host):
        return ""
    try:
        url = urlsplit(f"//{host}")
        _ = url.port
    except ValueError:
        return ""
    return (url.hostname or "").rstrip(".")


def _same_place(origin: str, host: str) -> bool:
    """Whether an Origin is that of the host itself. Its scheme is not compared: a proxy may have ended TLS."""
    try:
        own, other = urlsplit(f"//{host}"), urlsplit(origin)
        if other.scheme not in _PORTS or not other.hostname or other.path or other.query:
            return False
        ports = [url.port or _PORTS[other.scheme] for url in (own, other)]
    except ValueError:
        return False
    return own.hostname == other.hostname and ports[0] == ports[1]
