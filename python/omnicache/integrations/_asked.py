"""A request as the cache sees it: its key, its directives, and whether it says who asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from operator import itemgetter
from re import Pattern
from re import compile as compiled
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ..exceptions import CacheConfigError
from ._types import Scope
from .http.fields import Headers, joined

__all__ = ["KEYED", "OVERRIDES", "Identity", "Keys", "exclusion", "keyed", "uri_of", "vary_by_from"]

_ANY = "surrogateescape"  # bytes that are no UTF-8 stay apart from each other

Identity: TypeAlias = Callable[[Scope], "str | None"]
"""A function of the scope that names who asks, None for nobody."""

KEYED = frozenset({
    b"forwarded", b"front-end-https", b"x-forwarded-host", b"x-forwarded-path", b"x-forwarded-port",
    b"x-forwarded-prefix", b"x-forwarded-proto", b"x-forwarded-protocol", b"x-forwarded-scheme", b"x-forwarded-server",
    b"x-forwarded-ssl", b"x-forwarded-uri", b"x-host", b"x-original-host", b"x-original-uri", b"x-original-url",
    b"x-rewrite-url", b"x-scheme", b"x-script-name", b"x-url-scheme",
})  # fmt: skip
"""Fields by which frameworks change the URI: a part of the key, so that nobody stores an answer to another question
under it."""

OVERRIDES = frozenset({b"x-http-method", b"x-http-method-override", b"x-method-override"})
"""Fields by which frameworks change the method: such a request may be any."""

# What `Forwarded` says of the URI; by whom and for whom is not part of the question (RFC 7239, section 4).
_FORWARDED = re.compile(rb'(?:^|[;,])[ \t]*((?:host|proto)=(?:"(?:[^"\\]|\\.)*"|[^;,]*))', re.IGNORECASE)


def keyed(asked: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """What of the fields is part of the key, by name."""
    found = []
    for name in sorted(asked.keys() & KEYED):
        value = b",".join(_FORWARDED.findall(asked[name])) if name == b"forwarded" else asked[name]
        if value:
            found.append((name, value))
    return found


class Keys:
    """Makes keys of requests.

    Args:
        include_query: True for the whole query as it was sent, False for none of it, or the names of the parameters
            that count, whose order then means nothing, but for that of two with one name.
        builder: A function of the scope that makes the key instead; None from it means that the request is not for the
            cache.
        identity: Names who asks, as a part of the key.
    """

    __slots__ = ("_builder", "_identity", "_names", "_whole")

    def __init__(
        self,
        include_query: bool | Iterable[str] = True,
        builder: Callable[[Scope], str | None] | None = None,
        identity: Identity | None = None,
    ) -> None:
        if isinstance(include_query, str):
            raise CacheConfigError(f"include_query_params: a bool or names in a list; write [{include_query!r}]")
        self._whole = include_query is True
        self._names = frozenset() if isinstance(include_query, bool) else frozenset(include_query)
        self._builder = builder
        self._identity = identity

    def of(self, scope: Scope, host: bytes, extra: Headers = ()) -> str | None:
        """The key of a request; `extra` is what :func:`keyed` found."""
        if self._builder is not None:
            key = self._builder(scope)
            if key is None:
                return None
        else:
            path = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
            query = scope["query_string"]
            if query and not self._whole:
                query = self._chosen(query)
            key = f"{scope.get('scheme', 'http')}://{host.decode('latin-1').lower()}{path.decode('latin-1')}"
            if query:
                key = f"{key}?{query.decode('latin-1')}"
        if extra:
            key = f"{key} !{list(extra)!r}"
        if self._identity is not None and (who := self._identity(scope)) is not None:
            key = f"{key} @{who}"
        return key

    def of_uri(self, scope: Scope, uri: str, extra: Headers = ()) -> str | None:
        """The key under which the GET of another URI of the same site would be."""
        parts = urlsplit(uri)
        other = {
            **scope,
            "method": "GET",
            "path": parts.path,
            "raw_path": parts.path.encode("latin-1", "replace"),
            "query_string": parts.query.encode("latin-1", "replace"),
        }
        return self.of(other, parts.netloc.encode("latin-1", "replace"), extra)

    def _chosen(self, query: bytes) -> bytes:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors=_ANY)
        # Of two with one name some take the first, some the last: their order counts.
        chosen = sorted((pair for pair in pairs if pair[0] in self._names), key=itemgetter(0))
        return urlencode(chosen, errors=_ANY).encode("ascii")


def uri_of(scope: Scope, host: bytes) -> str:
    """The URI that is asked for."""
    path = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1').lower()}{(path + query).decode('latin-1')}"


def exclusion(paths: Iterable[str], what: str) -> Callable[[str], bool] | None:
    """Whether a path is one of `paths` or below one of them; they may be patterns with ``*`` and ``?``.

    None if there are no paths; `what` is their name in errors.

    >>> excluded = exclusion(["/admin", "/*.ico"], "exclude_paths")
    >>> [excluded(path) for path in ("/admin", "/admin/users", "/administer", "/favicon.ico")]
    [True, True, False, True]
    """
    if isinstance(paths, str):
        raise CacheConfigError(f"{what}: a list, not one str; write [{paths!r}]")
    patterns: list[Pattern[str]] = []
    for path in paths:
        whole = translate(path)
        below = whole if any(sign in path for sign in "*?[") else translate(path.rstrip("/") + "/*")
        patterns += [compiled(whole), compiled(below)]
    if not patterns:
        return None
    return lambda path: any(pattern.match(path) for pattern in patterns)


def vary_by_from(given: Any) -> Identity | None:
    """`given` as a function: itself, or one that reads the fields and cookies it names (``"cookie:session"``).

    Raises:
        CacheConfigError: It is neither a function nor names.
    """
    if given is None:
        return None
    if callable(given):
        return cast("Identity", given)
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else []
    if not names or not all(isinstance(name, str) and name for name in names):
        raise CacheConfigError('vary_by: a function of the scope, or names such as ["authorization", "cookie:session"]')

    def identity(scope: Scope) -> str:
        headers = scope["headers"]
        return repr([_read(headers, name.lower() if not name.startswith("cookie:") else name) for name in names])

    return identity


def _read(headers: Headers, name: str) -> str | None:
    if not name.startswith("cookie:"):
        return joined(headers, name.encode("latin-1"))
    wanted = name.removeprefix("cookie:")
    for cookie in (joined(headers, b"cookie") or "").replace(",", ";").split(";"):
        key, _, value = cookie.partition("=")
        if key.strip() == wanted:
            return value.strip()
    return None
