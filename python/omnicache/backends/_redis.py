"""The backend that keeps entries on a Redis server, or on several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from .._units import duration
from ..exceptions import CacheConfigError
from ._base import Backend

__all__ = ["RedisBackend"]

_SCHEMES: Final = {
    f"{scheme}{kind}"
    for scheme in ("redis", "rediss", "valkey", "valkeys")
    for kind in ("", "+unix", "+sentinel", "+cluster")
}
_SECRETS: Final = frozenset({"password", "sentinel_password"})
# What stands in the address itself, and what is an option behind it.
_PARTS: Final = ("host", "port", "db", "username", "password", "path", "sentinels", "service", "nodes", "tls")
_OPTIONS: Final = {
    "sentinel_username": "sentinel_user",
    "sentinel_password": "sentinel_password",
    "tls_ca": "ca",
    "tls_cert": "cert",
    "tls_key": "key",
    "timeout": "timeout",
    "connect_timeout": "connect_timeout",
    "prefix": "prefix",
    "client_name": "client_name",
}
_MOST: Final = 65535
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True, repr=False)
class RedisBackend(Backend):
    """Entries live on a Redis or Valkey server, and are seen by every process that reaches it.

    It is given by its address, or by parts; options that stand in neither have their defaults. Nothing is connected
    before it is used. Keys are readable: ``omnicache:{namespace}:{name}:key``. Passwords are never shown.

    ==================================================  ==============================================================
    ``redis://[user:password@]host[:port][/db]``        one server; ``rediss://`` with TLS
    ``redis+unix:///path/to/socket[?db=0]``             one server, by its socket
    ``redis+sentinel://host[:port],…/service[/db]``     the master that sentinels call so; ``rediss+sentinel://``
    ``redis+cluster://host[:port],…``                   a cluster, by some of its nodes; ``rediss+cluster://``
    ==================================================  ==============================================================

    Args:
        url: The address. Options may follow it: ``timeout``, ``connect_timeout`` (seconds), ``db``, ``prefix``,
            ``client_name``, ``ca``, ``cert``, ``key``, ``insecure=true``, ``sentinel_user``, ``sentinel_password``.
        host: A server's name, instead of the address.
        port: Its port.
        db: The number of the database.
        username: Of the server's access list.
        password: Of that user, or of the server.
        path: The server's socket, instead of a host.
        sentinels: Addresses of sentinels, such as ``["one:26379", "two:26379"]``.
        service: What the sentinels call the master.
        sentinel_username: As `username`, for the sentinels.
        sentinel_password: As `password`, for the sentinels.
        nodes: Addresses of some nodes of a cluster.
        tls: Whether connections are encrypted.
        tls_ca: A file with the certificates that are trusted, instead of the usual ones.
        tls_cert: A file with the client's certificate.
        tls_key: A file with the key to that.
        tls_verify: False to trust any certificate, which is for tests.
        timeout: How long an operation may take, with all that is tried again: a duration; two seconds unless given.
        connect_timeout: How long connecting to one server may take: a duration; one second unless given.
        prefix: What the names of all keys begin with, ``omnicache`` unless given.
        client_name: What connections are called in the server's list of clients.

    Raises:
        CacheConfigError: An argument cannot be used, or two of them say different things.

    >>> from omnicache import RedisBackend
    >>> RedisBackend("redis://app:secret@cache.example/1?timeout=0.5")
    RedisBackend('redis://app:***@cache.example/1?timeout=0.5')
    >>> RedisBackend(host="cache.example", password="secret", tls=True).address
    'rediss://:secret@cache.example:6379/0'
    """

    url: Any = None
    host: Any = None
    port: Any = None
    db: Any = None
    username: Any = None
    password: Any = None
    path: Any = None
    sentinels: Any = None
    service: Any = None
    sentinel_username: Any = None
    sentinel_password: Any = None
    nodes: Any = None
    tls: Any = None
    tls_ca: Any = None
    tls_cert: Any = None
    tls_key: Any = None
    tls_verify: Any = None
    timeout: Any = None
    connect_timeout: Any = None
    prefix: Any = None
    client_name: Any = None
    name: ClassVar[str] = "redis"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and field.name in _READERS:
                object.__setattr__(self, field.name, _READERS[field.name](value, field.name))
        self._check()

    def _check(self) -> None:
        if self.url is not None:
            for name in _PARTS:
                if getattr(self, name) is not None:
                    raise CacheConfigError(
                        f"RedisBackend: {name}: it stands in the url; give the url, or its parts, not both"
                    )
        elif sum(getattr(self, name) is not None for name in ("host", "path", "sentinels", "nodes")) > 1:
            raise CacheConfigError("RedisBackend: host, path, sentinels and nodes: give one of them")
        if (self.sentinels is None) != (self.service is None):
            raise CacheConfigError(
                "RedisBackend: sentinels and service, the name that they know the master by: give both"
            )
        if self.nodes is not None and self.db:
            raise CacheConfigError("RedisBackend: db: a cluster has the database 0 only")
        if self.path is not None and self.tls:
            raise CacheConfigError("RedisBackend: tls: a socket of the same machine is not encrypted")

    @property
    def address(self) -> str:
        """All of it as one URL, password included."""
        if self.url is not None:
            url, options = str(self.url), self._options()
            return url if not options else url + ("&" if "?" in url else "?") + options
        scheme = "rediss" if self.tls else "redis"
        login = ""
        if self.username is not None or self.password is not None:
            login = f"{quote(self.username or '', safe='')}:{quote(self.password or '', safe='')}@"
        options = self._options()
        if self.path is not None:
            options = "&".join(filter(None, [f"db={self.db}" if self.db else "", options]))
            made = f"redis+unix://{login}{quote(self.path)}"
        elif self.sentinels is not None:
            hosts = _listed(self.sentinels, _SENTINEL_PORT)
            made = f"{scheme}+sentinel://{login}{hosts}/{quote(self.service)}/{self.db or 0}"
        elif self.nodes is not None:
            made = f"{scheme}+cluster://{login}{_listed(self.nodes, self.port or _PORT)}"
        else:
            made = f"{scheme}://{login}{_host(self.host or 'localhost')}:{self.port or _PORT}/{self.db or 0}"
        return f"{made}?{options}" if options else made

    def _options(self) -> str:
        given = {option: getattr(self, name) for name, option in _OPTIONS.items()}
        if self.tls_verify is not None:
            given["insecure"] = str(not self.tls_verify).lower()
        return urlencode({name: value for name, value in given.items() if value is not None}, quote_via=quote)

    def __repr__(self) -> str:
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if field.name == "url":
                shown.append(repr(_without_secrets(str(value))))
            else:
                shown.append(f"{field.name}={'***' if field.name in _SECRETS else repr(value)}")
        return f"RedisBackend({', '.join(shown)})"


def _url(url: object, _: str) -> str:
    if not isinstance(url, str):
        raise CacheConfigError(f'RedisBackend: url: text such as "redis://localhost:6379/0", not {type(url).__name__}')
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        # The url is not shown: it may hold a password.
        raise CacheConfigError(
            "RedisBackend: url: it begins with redis://, rediss://, redis+unix://, redis+sentinel:// or "
            "redis+cluster://, and names a server"
        )
    return url


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        shown = type(value).__name__ if name in _SECRETS else repr(value)
        raise CacheConfigError(f"RedisBackend: {name}: text, not {shown}")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise CacheConfigError(f"RedisBackend: {name}: True or False, not {value!r}")
    return value


def _number(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise CacheConfigError(f"RedisBackend: {name}: a whole number from 0 to {_MOST}, not {value!r}")
    return value


def _path(value: object, name: str) -> str:
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise CacheConfigError(f"RedisBackend: {name}: a path, not {value!r}")
    return str(value)


def _duration(value: object, name: str) -> float:
    return duration(value, f"RedisBackend: {name}")


def _hosts(given: object, name: str) -> tuple[str, ...]:
    """Addresses, each ``host:port``, or a pair of both."""
    wanted = f'RedisBackend: {name}: addresses such as ["one:{_PORT}", "two:{_PORT}"]'
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise CacheConfigError(f"{wanted}, not {given!r}")
    hosts = []
    for one in given:
        if isinstance(one, (tuple, list)) and len(one) == 2:  # noqa: PLR2004 - a pair
            hosts.append(f"{_host(str(one[0]))}:{one[1]}")
        elif isinstance(one, str) and one and "@" not in one:
            hosts.append(one)
        else:
            raise CacheConfigError(f"{wanted}, and not {one!r} among them")
    if not hosts:
        raise CacheConfigError(f"{wanted}; there is none")
    return tuple(hosts)


def _host(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _listed(hosts: tuple[str, ...], port: int) -> str:
    return ",".join(host if host.rpartition("]")[2].count(":") == 1 else f"{host}:{port}" for host in hosts)


def _without_secrets(url: str) -> str:
    """An address as people may see it."""
    scheme, _, rest = url.partition("://")
    place, mark, query = rest.partition("?")
    login, at, place = place.rpartition("@")
    if at:
        user, colon, _ = login.partition(":")
        login = f"{user}{colon}***" if colon else "***"
    if mark:
        pairs = (pair.partition("=") for pair in query.split("&"))
        query = "&".join(f"{key}={'***' if key in _SECRETS else value}" if eq else key for key, eq, value in pairs)
    return f"{scheme}://{login}{at}{place}{mark}{query}"


_READERS: Final[dict[str, Callable[[object, str], object]]] = {
    "url": _url,
    **dict.fromkeys(("port", "db"), _number),
    **dict.fromkeys(("tls", "tls_verify"), _flag),
    **dict.fromkeys(("timeout", "connect_timeout"), _duration),
    **dict.fromkeys(("sentinels", "nodes"), _hosts),
    **dict.fromkeys(("path", "tls_ca", "tls_cert", "tls_key"), _path),
    **dict.fromkeys(("host", "username", "password", "service", "prefix", "client_name"), _text),
    **dict.fromkeys(("sentinel_username", "sentinel_password"), _text),
}
